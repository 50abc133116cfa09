"""What the end-to-end tests share: one finished run, many frames, and folders that go when their test ends."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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
    adapt(source, target, out=folder, recipe="dann-prior", set=tiny_dann)
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


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory, write_printers: Callable[..., Path]) -> Iterator[Path]:
    """6 prints of 16 frames of one new printer: many where few are allowed. Tests that change them work on a copy."""
    folder = tmp_path_factory.mktemp("many")
    yield write_printers(folder, ("9",), 6, 16) / "images" / "9"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def copy_of_many(many: Path, tmp_path: Path) -> Path:
    """The frames, to be damaged."""
    return Path(shutil.copytree(many, tmp_path / many.name))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch, session_cache: Path, tmp_path: Path) -> list[bytes]:
    """Contents of the frames that were decoded so far, none of which is in the cache when the test begins."""
    from adaptprint.frames import pixels

    contents: list[bytes] = []
    decode = pixels.decode

    def noted(data: bytes, *words: Any) -> Any:
        contents.append(data)
        return decode(data, *words)

    monkeypatch.setattr(pixels, "decode", noted)
    (tmp_path / "cache").mkdir()
    # Which number format is faster here was measured once; a second look on a busy machine might say otherwise.
    shutil.copy(session_cache / "precision.json", tmp_path / "cache")
    monkeypatch.setenv("ADAPTPRINT_CACHE", str(tmp_path / "cache"))
    return contents
