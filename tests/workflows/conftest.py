"""What the end-to-end tests share: one finished run, and folders that go when their test ends."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _no_leftovers(tmp_path: Path) -> Iterator[None]:
    """A run holds two models of 45 MB; pytest would keep those of three sessions."""
    yield
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture(scope="session")
def run_folder(
    tmp_path_factory: pytest.TempPathFactory, source: Path, target: Path, tiny_dann: tuple[str, ...]
) -> Iterator[Path]:
    """A finished adversarial run with seed 0. Tests only read it."""
    from adaptprint import adapt

    folder = tmp_path_factory.mktemp("runs") / "new_printer"
    adapt(source, target, out=folder, recipe="dann", set=tiny_dann)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def untouched(tmp_path: Path) -> Callable[..., None]:
    """Checks that a failed command left nothing but, at most, its hidden folder of unfinished work."""

    def check(out: Path, *, unfinished: bool = False) -> None:
        assert not out.exists()
        beside = [] if not out.parent.is_dir() else [file.name for file in out.parent.iterdir()]
        hidden = [name for name in beside if name.startswith(".")]
        assert hidden in ([], [f".{out.name}.unfinished"] if unfinished else [])

    return check
