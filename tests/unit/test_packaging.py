"""A wheel, built and installed outside the checkout, brings its recipes and its command along."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    # With hatchling at hand no package registry is needed; without it pip fetches it into a place of its own.
    isolation = ["--no-build-isolation"] if find_spec("hatchling") else []
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps", *isolation]
    built = subprocess.run([*command, "--wheel-dir", str(folder), str(ROOT)], capture_output=True, text=True)
    if built.returncode and not isolation and find_spec("pip"):
        reason = built.stderr.strip().splitlines()[-1] if built.stderr.strip() else "pip failed"
        pytest.skip(f"hatchling is neither installed nor to be had: {reason}")
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs Python outside the checkout with the installed wheel."""
    place = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-deps", "--quiet"]
    subprocess.run([*command, "--target", str(place), str(wheel)], check=True, capture_output=True)

    def run(*words: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(place)}
        return subprocess.run(
            [sys.executable, *words], cwd=place.parent, env=environment, check=True, capture_output=True, text=True
        ).stdout

    assert Path(run("-c", "import adaptprint; print(adaptprint.__file__)").strip()).is_relative_to(place)
    return run


def test_an_installed_wheel_finds_its_recipes(installed: Callable[..., str]) -> None:
    listed = json.loads(installed("-m", "adaptprint", "recipes", "list", "--json"))["recipes"]
    shipped = sorted(file.stem for file in (ROOT / "recipes").glob("*.toml"))
    assert [recipe["name"] for recipe in listed] == shipped
    assert all(recipe["summary"] for recipe in listed)
    assert installed("-m", "adaptprint", "recipes", "show", "dann") == (ROOT / "recipes" / "dann.toml").read_text()


def test_an_installed_wheel_tells_its_version(installed: Callable[..., str]) -> None:
    import adaptprint

    assert installed("-m", "adaptprint", "--version").split() == ["adaptprint", adaptprint.__version__]


def test_a_wheel_holds_every_module_its_types_and_its_command_and_no_tests(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = next(name for name in names if name.endswith("entry_points.txt"))
        assert "adaptprint = adaptprint." in archive.read(entry_points).decode()
    modules = {str(file.relative_to(ROOT)) for file in (ROOT / "adaptprint").rglob("*.py")}
    assert modules <= names
    assert "adaptprint/py.typed" in names
    assert any(name.endswith("LICENSE") for name in names)
    assert not [name for name in names if name.startswith("tests/") or "__pycache__" in name]
