"""One item is read while the caller looks at the one before; never more, in order, and not after the caller left."""

import threading
import time
from collections.abc import Callable

import pytest

from adaptprint.frames.read_ahead import one_ahead


def test_the_next_item_is_read_while_the_caller_looks_at_the_last_and_no_further_one() -> None:
    begun: list[int] = []
    second = threading.Event()

    def read(item: int, _go_on: Callable[[], None]) -> int:
        begun.append(item)
        if item == 1:
            second.set()
        return 10 * item

    results = one_ahead(range(4), read)
    assert next(results) == 0
    assert second.wait(5)  # though nobody asked for it yet
    time.sleep(0.05)
    assert begun == [0, 1]
    assert list(results) == [10, 20, 30]
    assert begun == [0, 1, 2, 3]


def test_an_error_of_a_reader_is_raised_in_its_turn() -> None:
    def read(item: int, _go_on: Callable[[], None]) -> int:
        return 6 // (2 - item)

    results = one_ahead(range(4), read)
    assert [next(results), next(results)] == [3, 6]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_a_caller_who_leaves_ends_the_reading_of_the_next_item() -> None:
    reading, ended = threading.Event(), threading.Event()

    def read(item: int, go_on: Callable[[], None]) -> int:
        if item == 0:
            return 0
        reading.set()
        try:
            while True:
                go_on()
                time.sleep(0.001)
        finally:
            ended.set()

    results = one_ahead(range(9), read)
    next(results)
    assert reading.wait(5)
    results.close()
    assert ended.is_set()


def test_a_waiting_caller_may_lose_patience() -> None:
    def read(_item: int, go_on: Callable[[], None]) -> int:
        while True:
            go_on()
            time.sleep(0.001)

    def give_up() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(one_ahead([0], read, give_up))


def test_nothing_to_read_yields_nothing() -> None:
    assert list(one_ahead([], lambda item, _go_on: item)) == []
