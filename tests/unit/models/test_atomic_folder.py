"""Output folders: whole or not at all, whatever ends the process."""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from adaptprint.errors import AdaptprintError, OutputError, UsageError
from adaptprint.models.atomic_folder import atomic_folder, refuse_taken, workspace, write_atomic, writing_to


def run_python(code: str, *args: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """As on a full disk, no file may grow beyond ``size`` bytes."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "config.json").write_text("old")
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="such paths are too long there")
@pytest.mark.parametrize("name", ["x" * 255, "\N{LATIN SMALL LETTER SHARP S}" * 125, "x" * 240])
def test_a_name_may_be_as_long_as_the_file_system_allows(name: str, tmp_path: Path) -> None:
    with workspace(tmp_path / name, resume=False) as one, workspace(tmp_path / f"{name[:-1]}y", resume=False) as other:
        assert one.scratch != other.scratch
        with atomic_folder(one.final, one.scratch) as partial:
            (partial / "config.json").write_text("new")
    assert names(tmp_path) == [name]


def test_a_new_folder_replaces_the_old_one_whole_and_leaves_nothing_beside_it(old: Path) -> None:
    (old / "only_in_old").touch()
    with atomic_folder(old) as partial:
        (partial / "config.json").write_text("new")
        assert (old / "config.json").read_text() == "old"
    assert names(old) == ["config.json"]
    assert (old / "config.json").read_text() == "new"
    assert names(old.parent) == ["out"]


def test_the_old_folder_is_never_deleted_in_its_own_place_where_a_crash_would_leave_half_of_it(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted: list[Path] = []
    delete = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", lambda path, **how: (deleted.append(Path(path)), delete(path, **how)))
    with atomic_folder(old):
        pass
    assert deleted
    assert old not in deleted


def test_an_old_folder_gets_its_name_back_where_the_new_one_cannot_take_it(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def fails_for_the_new_one(self: Path, target: Path) -> Path:
        if self.name.startswith(".partial-"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails_for_the_new_one)
    with pytest.raises(OutputError), atomic_folder(old) as partial:
        (partial / "config.json").write_text("new")
    assert (old / "config.json").read_text() == "old"
    assert names(old.parent) == ["out"]


def test_an_old_folder_gets_its_name_back_after_a_process_died_before_the_new_one_took_it(old: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from adaptprint.models.atomic_folder import atomic_folder, workspace
rename = Path.rename
def dies(self, target):
    if self.name.startswith(".partial-"):
        os._exit(9)
    return rename(self, target)
Path.rename = dies
with workspace(Path(sys.argv[1]), resume=False) as work, atomic_folder(work.final, work.scratch) as partial:
    (partial / "config.json").write_text("new")
"""
    assert run_python(code, old).returncode == 9
    assert not old.exists()
    with workspace(old, resume=False):
        assert (old / "config.json").read_text() == "old"
    assert names(old.parent) == ["out"]


def test_the_finished_folder_can_be_read_by_others(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755


def test_an_error_inside_the_block_leaves_the_old_folder_and_no_litter(old: Path) -> None:
    def write_half() -> None:
        with atomic_folder(old) as partial:
            (partial / "config.json").write_text("new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert (old / "config.json").read_text() == "old"
    assert names(old.parent) == ["out"]


def test_a_process_killed_inside_the_block_leaves_the_old_folder(old: Path) -> None:
    code = """
import os, signal, sys
from pathlib import Path
from adaptprint.models.atomic_folder import atomic_folder, workspace
with workspace(Path(sys.argv[1]), resume=False) as work:
    work.state_file.write_text("state")
    with atomic_folder(work.final, work.scratch) as partial:
        (partial / "config.json").write_text("new")
        os.kill(os.getpid(), signal.SIGKILL)
"""
    assert run_python(code, old).returncode == -signal.SIGKILL
    assert names(old) == ["config.json"]
    assert (old / "config.json").read_text() == "old"
    with workspace(old, resume=True) as work:  # the dead process's lock is gone with it
        assert names(work.scratch) == ["lock", "owner.json", "state.pt"]
        assert work.state_file.read_text() == "state"


def test_a_full_disk_inside_the_block_is_told_in_words_and_leaves_no_litter(old: Path) -> None:
    with pytest.raises(OutputError) as caught, atomic_folder(old), file_size_limit(4096):
        (old.parent / "big").write_bytes(bytes(8192))
    assert str(old) in caught.value.cause
    assert (old / "config.json").read_text() == "old"
    assert names(old.parent) == ["big", "out"]


def test_a_full_disk_met_by_safetensors_is_told_in_words_too(old: Path) -> None:
    with pytest.raises(OutputError, match=re.escape(str(old))), atomic_folder(old) as partial, file_size_limit(4096):
        save_file({"weights": torch.zeros(5000)}, partial / "model.safetensors")
    assert (old / "config.json").read_text() == "old"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "is full"),
        (errno.EDQUOT, "is full"),
        (errno.EACCES, "cannot be written"),
        (errno.EROFS, "cannot be written"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_disk_errors_name_the_output_and_the_cause(code: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=words) as caught, writing_to(tmp_path / "out"):
        raise OSError(code, os.strerror(code), "/some/hidden/partial")
    assert "out" in caught.value.cause
    assert "hidden" not in str(caught.value)


def test_a_failed_write_keeps_the_old_content_and_leaves_no_part_behind(tmp_path: Path) -> None:
    file = tmp_path / "state.pt"
    write_atomic(file, b"old")
    with pytest.raises(OutputError), file_size_limit(4096):
        write_atomic(file, bytes(8192))
    assert file.read_bytes() == b"old"
    assert names(tmp_path) == ["state.pt"]


def test_write_atomic_makes_the_folders_it_needs(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a" / "b.bin", b"x")
    write_atomic(tmp_path / "a" / "b.bin", b"y")
    assert (tmp_path / "a" / "b.bin").read_bytes() == b"y"
    assert names(tmp_path / "a") == ["b.bin"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_place_that_is_free_or_empty_is_accepted_and_nothing_is_left_there(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "empty").mkdir()
    refuse_taken(tmp_path / "empty", overwrite)
    refuse_taken(tmp_path / "deep" / "new", overwrite)
    assert names(tmp_path) == ["empty"]
    assert names(tmp_path / "empty") == []


def test_an_existing_output_is_refused_unless_it_may_be_overwritten(old: Path) -> None:
    with pytest.raises(UsageError, match="--overwrite"):
        refuse_taken(old, overwrite=False)
    refuse_taken(old, overwrite=True)
    assert (old / "config.json").read_text() == "old"


def test_overwrite_refuses_a_folder_that_adaptprint_did_not_write(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("years of work")
    with pytest.raises(UsageError, match="did not write"):
        refuse_taken(tmp_path / "thesis", overwrite=True)
    assert (tmp_path / "thesis" / "chapter1.tex").exists()


def test_a_file_in_the_output_s_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(UsageError, match="is a file"):
            refuse_taken(tmp_path / "out", overwrite)


def test_a_place_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        refuse_taken(tmp_path / "file" / "out", overwrite=False)
    with pytest.raises(OutputError), atomic_folder(tmp_path / "file" / "out"):
        pytest.fail("nothing may be written")


def test_resuming_keeps_the_state_alone_and_starting_afresh_keeps_nothing(tmp_path: Path) -> None:
    def leave_things_behind() -> None:
        with workspace(tmp_path / "out", resume=False) as work:
            work.state_file.write_text("state")
            (work.scratch / ".partial-x").mkdir()
            (work.scratch / ".partial-x" / "half").touch()
            (work.scratch / "stray").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave_things_behind()
    with workspace(tmp_path / "out", resume=True) as work:
        assert names(work.scratch) == ["lock", "owner.json", "state.pt"]
    with pytest.raises(KeyboardInterrupt):
        leave_things_behind()
    with workspace(tmp_path / "out", resume=False) as work:
        assert names(work.scratch) == ["lock", "owner.json"]


def test_the_workspace_goes_when_the_block_ends_well(tmp_path: Path) -> None:
    with workspace(tmp_path / "out", resume=False) as work, atomic_folder(work.final, work.scratch):
        assert work.scratch.parent == tmp_path
        assert names(tmp_path) == [work.scratch.name]
    assert names(tmp_path) == ["out"]


def test_the_end_of_one_process_deletes_nothing_of_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    delete, began = shutil.rmtree, list[Path]()

    def after_the_next_began(path: Path, **how: bool) -> None:
        monkeypatch.setattr(shutil, "rmtree", delete)
        with suppress(KeyboardInterrupt), workspace(tmp_path / "out", resume=False) as work:
            work.state_file.write_text("next")
            began.append(work.state_file)
            raise KeyboardInterrupt
        delete(path, **how)

    with workspace(tmp_path / "out", resume=False):
        monkeypatch.setattr(shutil, "rmtree", after_the_next_began)
    assert [file.read_text() for file in began] == ["next"]
    assert names(tmp_path) == [began[0].parent.name]


def test_a_second_process_on_the_same_output_is_refused_and_does_no_harm(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from adaptprint.errors import UsageError
from adaptprint.models.atomic_folder import workspace
try:
    with workspace(Path(sys.argv[1]), resume=False):
        print("entered")
except UsageError as error:
    print(error.cause)
"""
    with workspace(tmp_path / "out", resume=False) as work:
        work.state_file.write_text("mine")
        assert f"another adaptprint (process {os.getpid()}) is writing" in run_python(code, work.final).stdout
        assert run_python(code, tmp_path / "elsewhere").stdout == "entered\n"
        assert work.state_file.read_text() == "mine"
    assert run_python(code, tmp_path / "out").stdout == "entered\n"


def test_every_disk_error_is_one_that_the_cli_can_show(tmp_path: Path) -> None:
    with pytest.raises(AdaptprintError) as caught, writing_to(tmp_path):
        raise OSError("no number at all")
    assert "no number at all" in caught.value.cause
    assert caught.value.fix
