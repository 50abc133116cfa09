"""One process at a time writes an output; whoever comes second is told who was first."""

import contextlib
import json
import os
import platform
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


def _holder(owner: Path) -> str:
    """`` (process 123 on hall-2)``, as far as it is known."""
    try:
        said = json.loads(owner.read_text(encoding="utf-8"))
        elsewhere = "" if said["machine"] == platform.node() else f" on {said['machine']}"
        return f" (process {said['process']}{elsewhere})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
