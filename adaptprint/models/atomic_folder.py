"""Output folders that are there whole or not at all, and a scratch place beside them for unfinished work."""

import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError

from adaptprint.errors import AdaptprintError, OutputError, UsageError
from adaptprint.models.output_lock import LOCK, OWNER, output_lock, set_aside

# A folder holding one of these was written by adaptprint, so --overwrite may replace it.
_OURS = ("config.json", "report.json", "comparison.json", "fleet.json")
# What --resume needs of an unfinished run's hidden folder; the rest of it goes.
_STATE, _PIECES = "state.pt", "pieces"
_OLD, _FOLDER = ".old-", "folder"  # where an older output lies while the new one takes its name
_LONGEST_NAME = 255  # bytes, on nearly every file system


def refuse_taken(folder: Path, overwrite: bool) -> None:
    """Checks that an output folder may be written, before any work is done.

    Raises:
        UsageError: If it is a file, exists without ``overwrite``, or holds something that adaptprint did not write.
        OutputError: If its place cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file, not a folder", "Choose another --out.")
    if folder.is_dir() and any(folder.iterdir()):
        if not overwrite:
            raise UsageError(f"{folder} exists already", "Choose another --out, or pass --overwrite to replace it.")
        if not any((folder / name).is_file() for name in _OURS):
            raise UsageError(
                f"{folder} holds something that adaptprint did not write, so it is not replaced",
                "Choose another --out, or remove the folder yourself.",
            )
    with writing_to(folder):
        # Folders above it that are missing are made when there is something to write, not before.
        ground = next(place for place in folder.absolute().parents if place.exists())
        with tempfile.TemporaryFile(dir=ground):
            pass


def as_output_error(error: OSError, folder: Path) -> AdaptprintError:
    """A disk error in plain words."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"the disk of {folder} is full", "Free some space or choose an --out on another disk.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
        return OutputError(f"{folder} cannot be written", "Choose an --out where you may write.")
    return OutputError(
        f"writing {folder} failed: {error.strerror or error}", "Check the disk, or choose another --out."
    )


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turns disk errors inside the block into errors that name the output folder."""
    try:
        yield
    except OSError as error:
        raise as_output_error(error, folder) from error
    except SafetensorError as error:
        # safetensors reports a full disk in its own type, the system's number in its text.
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        code = int(number[1])
        raise as_output_error(OSError(code, os.strerror(code)), folder) from error


@dataclass(frozen=True)
class Workspace:
    """A hidden folder beside the output where unfinished work lives until the output takes its name.

    Attributes:
        final: The output folder.
        scratch: The hidden folder.
    """

    final: Path
    scratch: Path

    @property
    def state_file(self) -> Path:
        """Where an unfinished run saves its state."""
        return self.scratch / _STATE

    @property
    def pieces(self) -> Path:
        """Where an unfinished run saves finished pieces of long work; the folder may not be there."""
        return self.scratch / _PIECES


@contextmanager
def workspace(final: Path, resume: bool) -> Iterator[Workspace]:
    """The scratch place of one output, held by one process at a time; it goes when the block ends well.

    Args:
        final: The output folder.
        resume: Keep the state of an earlier, unfinished run.

    Raises:
        UsageError: If another process is writing the same output.
    """
    scratch = final.parent / _hidden_name(final.name)
    with writing_to(final):
        scratch.mkdir(parents=True, exist_ok=True)
    with output_lock(final, scratch):
        _put_back(final, scratch)
        for entry in scratch.iterdir():
            if entry.name not in (LOCK, OWNER) and not (resume and entry.name in (_STATE, _PIECES)):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        yield Workspace(final, scratch)
        gone = set_aside(scratch)
    shutil.rmtree(gone, ignore_errors=True)


def _put_back(final: Path, scratch: Path) -> None:
    """Gives an older output its name back where a run was killed before the new one took it."""
    old = next(scratch.glob(f"{_OLD}*/{_FOLDER}"), None)
    if old is not None and not final.exists():
        with writing_to(final):
            old.rename(final)


def _hidden_name(name: str) -> str:
    """Where the name is so long that no file system takes more of it, a digest stands for it."""
    whole = f".{name}.unfinished"
    if len(os.fsencode(whole)) <= _LONGEST_NAME:
        return whole
    return f".{hashlib.sha256(os.fsencode(name)).hexdigest()}.unfinished"


@contextmanager
def atomic_folder(final: Path, scratch: Path | None = None) -> Iterator[Path]:
    """Yields a hidden folder that takes the name ``final`` when the block ends well.

    What stood at ``final`` before is replaced. After a crash at any moment ``final`` is either whole, old or new, or
    absent.

    Args:
        final: The output folder.
        scratch: Where to build; on the same disk. ``None`` builds beside ``final``.

    Raises:
        OutputError: If the disk is full or not writable.
    """
    place = scratch or final.parent
    with writing_to(final):
        place.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=place))
    try:
        with writing_to(final):
            partial.chmod(0o755)
            yield partial
            for file in sorted(partial.rglob("*")):
                _flush_to_disk(file)
            _flush_to_disk(partial)
            _swap(partial, final, place)
            _flush_to_disk(final.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _swap(partial: Path, final: Path, place: Path) -> None:
    if not final.exists():
        partial.rename(final)
        return
    old = Path(tempfile.mkdtemp(prefix=_OLD, dir=place))
    final.rename(old / _FOLDER)
    try:
        partial.rename(final)
    except BaseException:
        (old / _FOLDER).rename(final)
        old.rmdir()
        raise
    shutil.rmtree(old, ignore_errors=True)


def _flush_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, data: bytes) -> None:
    """Writes a file so that readers see the old content or the new, never a part.

    Raises:
        OutputError: If the disk is full or not writable.
    """
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(prefix=".", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(partial).chmod(0o644)
            Path(partial).replace(path)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
