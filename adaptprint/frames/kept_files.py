"""Small files below the user's cache folder, each whole or not there, the oldest deleted where a limit is passed."""

import contextlib
import hashlib
import math
import os
import secrets
import threading
from pathlib import Path

import platformdirs

from adaptprint.errors import UsageError

DEFAULT_GIB = 8.0

_CHECK_BYTES = 16
_FILL_AFTER_TRIM = 0.9  # trimming goes a bit below the limit, so that it is rare


def default_folder() -> Path:
    """``$ADAPTPRINT_CACHE``, or the user's cache folder for adaptprint."""
    return Path(os.environ.get("ADAPTPRINT_CACHE") or platformdirs.user_cache_dir("adaptprint"))


def default_limit() -> int:
    """Bytes of ``$ADAPTPRINT_CACHE_GB`` (GiB; ``inf`` is allowed), or 8 GiB.

    Raises:
        UsageError: The variable holds no number, or a negative one.
    """
    text = os.environ.get("ADAPTPRINT_CACHE_GB") or str(DEFAULT_GIB)
    try:
        gib = float(text)
    except ValueError:
        gib = math.nan
    if not gib >= 0:
        raise UsageError(
            f"ADAPTPRINT_CACHE_GB is {text!r}, no number of GiB.",
            "Set it to a number such as 4, or unset it.",
        )
    return int(min(gib, 2.0**30) * 2**30)


class KeptFiles:
    """Entries as small files, one each, below ``folder/shelf``.

    Several processes may share the folder, and it may be deleted at any time: entries appear whole or not at
    all, and whatever is missing or damaged is made again. Where the folder cannot be written, nothing is
    kept, and :attr:`notes` says so.

    Args:
        shelf: Name of the folder of one sort of entries.
        what: Their name in a note, with a capital letter: ``Decoded frames``.
        folder: None means :func:`default_folder`.
        limit_bytes: None means :func:`default_limit`; 0 keeps nothing. Processes that write at the same time
            may pass the limit by an eighth each until the next measuring.

    Attributes:
        notes: What the user should know, one sentence each.
    """

    def __init__(self, shelf: str, what: str, folder: Path | None = None, limit_bytes: int | None = None) -> None:
        self.folder = Path(folder) if folder is not None else default_folder()
        self.limit_bytes = default_limit() if limit_bytes is None else limit_bytes
        self.notes: list[str] = []
        self._shelf, self._what = shelf, what
        self._lock = threading.Lock()
        self._writes = self.limit_bytes > 0
        self._room: int | None = None  # bytes to write before the folder is measured (again)

    def get(self, words: str) -> bytes | None:
        """The entry that was put under these words, or None where it is not there or damaged."""
        path = self._path(words)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        body, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
        if _check(body) != check:
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # what was used last is trimmed last
        return body

    def put(self, words: str, body: bytes) -> None:
        """Keeps an entry. Never fails: a cache that cannot be written is done without."""
        if not self._writes:
            return
        try:
            _write(self._path(words), body + _check(body))
        except FileNotFoundError:
            return  # someone deletes the folder at this moment
        except FileExistsError as error:
            # `mkdir` met a folder that was deleted before it could see what it was; a link to nowhere would stay.
            if Path(error.filename).is_symlink():
                self._give_up(error)
        except OSError as error:
            self._give_up(error)
        else:
            self._spend(len(body) + _CHECK_BYTES)

    def _path(self, words: str) -> Path:
        key = hashlib.blake2b(words.encode(), digest_size=16).hexdigest()
        return self.folder / self._shelf / key[:2] / key[2:]

    def _give_up(self, error: OSError) -> None:
        with self._lock:
            if self._writes:
                self._writes = False
                self.notes.append(
                    f"{self._what} are not kept for the next run: {self.folder} cannot be written "
                    f"({error.strerror or error})."
                )

    def _spend(self, written: int) -> None:
        """Counts bytes; measures and trims the folder only after an eighth of the limit was written."""
        with self._lock:
            if self._room is not None and self._room >= written:
                self._room -= written
                return
            total = self._trim()
            self._room = min(self.limit_bytes // 8, self.limit_bytes - total)

    def _trim(self) -> int:
        """Deletes the oldest entries where the limit is passed; returns the bytes that stay."""
        entries = sorted(_entries(self.folder / self._shelf))
        total = sum(size for _, size, _ in entries)
        if total <= self.limit_bytes:
            return total
        for _, size, path in entries:
            with contextlib.suppress(OSError):
                os.unlink(path)  # noqa: PTH108 - up to a hundred thousand of them
            total -= size
            if total <= self.limit_bytes * _FILL_AFTER_TRIM:
                break
        return total


def _entries(folder: Path) -> list[tuple[float, int, str]]:
    """(mtime, bytes, path) of every file below ``folder``; what vanishes meanwhile is passed over."""
    found: list[tuple[float, int, str]] = []
    with contextlib.suppress(OSError), os.scandir(folder) as shelves:
        for shelf in shelves:
            with contextlib.suppress(OSError), os.scandir(shelf.path) as files:
                for file in files:
                    with contextlib.suppress(OSError):
                        status = file.stat()
                        found.append((status.st_mtime, status.st_size, file.path))
    return found


def _write(path: Path, data: bytes) -> None:
    """Writes under a name of its own, then moves it into place: readers never see half an entry."""
    part = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        try:
            part.write_bytes(data)
        except FileNotFoundError:  # the first entry of its shelf, or the folder was deleted meanwhile
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def _check(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_CHECK_BYTES).digest()
