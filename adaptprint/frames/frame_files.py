"""Reads many image files on all cores, each once, in order, and stops at once when asked to."""

import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from adaptprint.frames.image_headers import MAX_FILE_BYTES, UnreadableFrame, may_pass, plain_reason

Result = TypeVar("Result")
CountCallback = Callable[[int, int], None]

_CHUNK = 16  # files a thread takes at a time
_WAIT_SECONDS = 0.1  # a wait without end cannot be interrupted on every system


def for_each_file(
    paths: Sequence[str],
    work: Callable[[int, bytes], Result],
    *,
    threads: int | None = None,
    progress: CountCallback | None = None,
    stop_at_unreadable: bool = False,
) -> list[Result | UnreadableFrame | None]:
    """Calls ``work(index, content)`` for every file; Pillow and hashing leave Python's lock, so threads help.

    Args:
        paths: Files; one that is gone or may not be read counts as unreadable.
        work: Raises UnreadableFrame for a file it cannot use.
        threads: None means one for each core this process may use.
        progress: Told ``(done, total)`` from the calling thread.
        stop_at_unreadable: Ends soon after the first unreadable file.

    Returns:
        For each file the result or why it is unreadable; None for files not begun because of an early end.
    """
    results: list[Result | UnreadableFrame | None] = [None] * len(paths)
    stop = threading.Event()

    def read(rows: range) -> int:
        for row in rows:
            if stop.is_set():
                break
            try:
                results[row] = work(row, _content(paths[row]))
            except UnreadableFrame as error:
                results[row] = error
                if stop_at_unreadable:
                    stop.set()
        return len(rows)

    done = 0
    with _quiet_pillow(), ThreadPoolExecutor(threads or usable_cores()) as pool:
        try:
            chunks = [range(at, min(at + _CHUNK, len(paths))) for at in range(0, len(paths), _CHUNK)]
            for future in [pool.submit(read, chunk) for chunk in chunks]:
                while not wait([future], timeout=_WAIT_SECONDS).done:
                    pass
                done += future.result()
                if progress is not None and not stop.is_set():
                    progress(done, len(paths))
        finally:
            # On Ctrl-C too: what was not begun is dropped, so that the pool closes within one file's time.
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
    return results


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def _content(path: str) -> bytes:
    try:
        if Path(path).stat().st_size > MAX_FILE_BYTES:
            raise UnreadableFrame(f"too large: the limit of a file is {MAX_FILE_BYTES >> 30} GiB")
        return Path(path).read_bytes()
    except OSError as error:
        raise UnreadableFrame(plain_reason(error), may_pass(error)) from error


@contextmanager
def _quiet_pillow() -> Iterator[None]:
    """Keeps Pillow's warnings about damaged files from the terminal: the caller reports what is wrong."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield
