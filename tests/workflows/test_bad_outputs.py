"""Outputs that cannot be written, and outputs that exist: nothing is half-written, nothing foreign is replaced."""

import errno
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import adaptprint
from adaptprint.errors import OutputError, UsageError

Adapt = Callable[..., Any]


@pytest.fixture
def adapt(cli: Callable[..., Any], source: Path, target: Path) -> Adapt:
    """Runs the quickest adaptation into a folder."""

    def run(out: Path, *words: object) -> Any:
        return cli("adapt", "--source", source, "--target", target, "--out", out, "--recipe", "source-only", *words)

    return run


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


# --- outputs that exist -----------------------------------------------------------------------------------------------


def test_a_run_that_exists_is_refused_and_stays_as_it_was(
    adapt: Adapt, fails: Callable[..., str], run_folder: Path, digests: Callable[[Path], dict[str, str]]
) -> None:
    before = digests(run_folder)
    assert "--overwrite" in fails(adapt(run_folder), 2)
    assert digests(run_folder) == before


def test_overwrite_replaces_a_run_whole(adapt: Adapt, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert adapt(out).code == 0
    (out / "mine.txt").write_text("of the old run")
    result = adapt(out, "--overwrite", "--seed", 5, "--json")
    assert result.code == 0, result.stderr
    assert result.json["seed"] == 5
    assert not (out / "mine.txt").exists()
    assert [file.name for file in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("words", [(), ("--overwrite",)])
def test_a_folder_that_adaptprint_did_not_write_is_never_replaced(
    words: tuple[str, ...], adapt: Adapt, fails: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"meow")
    fails(adapt(tmp_path / "photos", *words), 2)
    assert (tmp_path / "photos" / "cat.jpg").read_bytes() == b"meow"


def test_an_output_that_is_a_file_is_refused(adapt: Adapt, fails: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine")
    fails(adapt(tmp_path / "run", "--overwrite"), 2)
    assert (tmp_path / "run").read_text() == "mine"


def test_an_empty_folder_may_be_the_output(adapt: Adapt, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert adapt(tmp_path / "run").code == 0


@pytest.mark.parametrize("command", ["train", "compare", "pack"])
def test_every_command_that_writes_refuses_an_output_that_exists(
    command: str, cli: Callable[..., Any], fails: Callable[..., str], known: Path, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    words = {
        "train": ("train", known),
        "compare": ("compare", "--data", known),
        "pack": ("pack", "--weights", source / "model.safetensors", "--source-data", known),
    }
    for more in ((), ("--overwrite",)):
        fails(cli(*words[command], "--out", tmp_path / "out", *more), 2)
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_two_processes_cannot_write_one_output_at_the_same_time(source: Path, target: Path, tmp_path: Path) -> None:
    from filelock import FileLock

    (tmp_path / ".run.unfinished").mkdir()
    with FileLock(tmp_path / ".run.unfinished" / "lock"), pytest.raises(UsageError, match="right now"):
        adaptprint.adapt(source, target, out=tmp_path / "run", recipe="source-only")
    assert not (tmp_path / "run").exists()


# --- outputs that cannot be written -----------------------------------------------------------------------------------


def test_an_output_below_a_file_is_refused_before_any_work(
    adapt: Adapt, fails: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    said = fails(adapt(tmp_path / "file" / "deep" / "run"), 4)
    assert "where you may write" in said
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_an_output_that_may_not_be_written_is_refused_before_any_work(
    number: int, adapt: Adapt, fails: Callable[..., str], untouched: Callable[..., None], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def refuse(*_words: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    assert "where you may write" in fails(adapt(tmp_path / "run"), 4)
    untouched(tmp_path / "run")


@pytest.mark.parametrize("recipe", ["bn-early", "dann-prior"])
def test_a_disk_that_is_full_ends_the_run_and_leaves_nothing_half_written(
    recipe: str, cli: Callable[..., Any], fails: Callable[..., str], untouched: Callable[..., None], source: Path,
    target: Path, tiny_dann: tuple[str, ...], small_disk: Path,
) -> None:  # fmt: skip
    out = small_disk / "run"
    words = [word for pair in tiny_dann for word in ("--set", pair)]
    result = cli("adapt", "--source", source, "--target", target, "--out", out, "--recipe", recipe, *words)
    assert "full" in fails(result, 4)
    untouched(out, unfinished=True)
    assert not list(small_disk.rglob("*.safetensors"))


def test_a_training_whose_disk_is_full_ends_and_leaves_nothing_half_written(
    cli: Callable[..., Any], fails: Callable[..., str], untouched: Callable[..., None], known: Path, small_disk: Path,
    tiny_training: tuple[str, ...],
) -> None:  # fmt: skip
    words = [word for pair in tiny_training for word in ("--set", pair)]
    assert "full" in fails(cli("train", known, "--out", small_disk / "ckpt", *words), 4)
    untouched(small_disk / "ckpt", unfinished=True)


@pytest.mark.parametrize("step", ["write_models", "render_report"])
def test_a_disk_that_fills_up_while_the_run_is_written_leaves_no_run(
    step: str, source: Path, target: Path, untouched: Callable[..., None], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def full(*_words: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(f"adaptprint.workflows.run_folder.{step}", full)
    with pytest.raises(OutputError, match="full"):
        adaptprint.adapt(source, target, out=tmp_path / "run", recipe="source-only")
    untouched(tmp_path / "run", unfinished=True)


def test_an_old_run_stays_whole_where_its_replacement_fails(
    source: Path, target: Path, digests: Callable[[Path], dict[str, str]], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    out = tmp_path / "run"
    adaptprint.adapt(source, target, out=out, recipe="source-only")
    before = digests(out)

    def full(*_words: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("adaptprint.models.atomic_folder._flush_to_disk", full)
    with pytest.raises(OutputError, match="full"):
        adaptprint.adapt(source, target, out=out, recipe="source-only", overwrite=True)
    assert digests(out) == before


def test_a_cache_that_cannot_be_written_is_done_without_and_said(
    source: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("ADAPTPRINT_CACHE", str(tmp_path / "file"))
    result = adaptprint.adapt(source, target, out=tmp_path / "run", recipe="source-only")
    assert result.verdict == "keep-source"
    assert any("not kept" in note for note in result.to_dict()["notes"])
