"""One process at a time writes an output; whoever comes second is told who was first."""

import contextlib
import json
import os
import platform
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from adaptprint.errors import UsageError

LOCK, OWNER = "lock", "owner.json"


@contextmanager
def output_lock(final: Path, place: Path) -> Iterator[None]:
    """Holds an output for the length of the block; the system lets go of it if the process dies.

    Args:
        final: The output, for the message.
        place: An existing folder for the lock and the note of who holds it.

    Raises:
        UsageError: If another process holds it; names that process.
    """
    lock, owner = FileLock(place / LOCK, timeout=0), place / OWNER
    try:
        lock.acquire()
    except Timeout as error:
        raise UsageError(
            f"another adaptprint{_holder(owner)} is writing {final} right now", "Wait for it, or choose another --out."
        ) from error
    try:
        # The lock file itself is emptied by whoever tries it, so that the note lies beside it; a full disk keeps the
        # lock, and only the note is missing.
        with contextlib.suppress(OSError):
            owner.write_text(json.dumps({"process": os.getpid(), "machine": platform.node()}), encoding="utf-8")
        yield
    finally:
        with contextlib.suppress(OSError):
            owner.unlink()
        lock.release()


def set_aside(place: Path) -> Path:
    """Empties the folder of a lock that is still held and gives it another name, to be deleted once that is let go.

    Whoever comes next then makes a folder of its own. Deleting this one under its name could meet theirs.
    """
    for entry in place.iterdir():
        if entry.name != LOCK:
            shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)
    gone = place.with_name(f".gone-{secrets.token_hex(8)}")
    with contextlib.suppress(OSError):  # a system that renames nothing that is open
        place.rename(gone)
        return gone
    return place


def _holder(owner: Path) -> str:
    """`` (process 123 on hall-2)``, as far as it is known."""
    try:
        said = json.loads(owner.read_text(encoding="utf-8"))
        elsewhere = "" if said["machine"] == platform.node() else f" on {said['machine']}"
        return f" (process {said['process']}{elsewhere})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
