"""Reads the next piece in a thread while the caller is busy with the last: disk and network work at the same time."""

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_WAIT_SECONDS = 0.1  # a wait without end cannot be interrupted on every system


class ReadingStopped(Exception):  # noqa: N818 - no error: the caller went away
    """Raised by the ``go_on`` of a reader whose results nobody waits for any more."""


def one_ahead(
    items: Iterable[Item],
    read: Callable[[Item, Callable[[], None]], Result],
    while_waiting: Callable[[], None] | None = None,
) -> Generator[Result, None, None]:
    """Yields ``read(item, go_on)`` for each item, in order, and reads one item beyond the one that is looked at.

    At most two results exist at a time: the caller's and the next. Close the iterator to end early; a reader that
    calls ``go_on`` now and then ends soon after.

    Args:
        items: What to read.
        read: Runs in a thread of its own; its errors are raised here, in turn.
        while_waiting: Called some times a second from the caller's thread as long as nothing is ready; may raise.
    """
    stop = threading.Event()

    def go_on() -> None:
        if stop.is_set():
            raise ReadingStopped

    def ready(future: "Future[Result]") -> Result:
        while not wait([future], timeout=_WAIT_SECONDS).done:
            if while_waiting is not None:
                while_waiting()
        return future.result()

    pool = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
    begun: Future[Result] | None = None
    try:
        for item in items:
            following = pool.submit(read, item, go_on)
            if begun is not None:
                yield ready(begun)
            begun = following
        if begun is not None:
            yield ready(begun)
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
