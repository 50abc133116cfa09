from collections.abc import Callable

import pytest

from adaptprint.reporting.job_pace import JobPace
from adaptprint.reporting.progress import Progress


@pytest.fixture
def clock() -> tuple[list[float], Callable[[], float]]:
    now = [0.0]
    return now, lambda: now[0]


def test_time_left_follows_what_each_kind_of_job_costs(clock):
    now, read = clock
    told: list[Progress] = []
    pace = JobPace("comparing", ["cheap", "dear"] * 3, 4, told.append, read)
    assert (told[-1].done, told[-1].total, told[-1].seconds_left) == (4, 10, None)
    for kind, seconds in (("cheap", 1.0), ("dear", 39.0)):
        now[0] += seconds
        pace.add(kind, seconds)
    assert told[-1].seconds_left == pytest.approx(80)
    now[0] += 1
    pace.add("cheap", 1.0)
    # Two dear jobs and one cheap one: by their number alone it would be 41.
    assert told[-1].seconds_left == pytest.approx(79, abs=6)
    assert (told[-1].done, told[-1].total) == (7, 10)


def test_time_left_passes_while_a_job_runs(clock):
    now, read = clock
    told: list[Progress] = []
    pace = JobPace("comparing", ["a", "a"], 0, told.append, read)
    now[0] = 10
    pace.add("a", 9.0)
    now[0] = 14
    pace.tell()
    assert told[-1].seconds_left == pytest.approx(6)
    now[0] = 99
    pace.tell()
    assert told[-1].seconds_left == 0


def test_work_done_at_once_by_several_processes_counts_by_the_clock(clock):
    now, read = clock
    told: list[Progress] = []
    pace = JobPace("comparing", ["a"] * 8, 0, told.append, read)
    now[0] = 10
    for _ in range(4):
        pace.add("a", 10.0)
    assert told[-1].seconds_left == pytest.approx(10)
