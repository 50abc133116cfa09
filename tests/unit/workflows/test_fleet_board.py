"""Where each printer of a fleet stands, from events of this process and notes of others."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from adaptprint.reporting.progress import Progress
from adaptprint.workflows.fleet_board import FleetBoard
from adaptprint.workflows.fleet_job import _noting, read_note
from adaptprint.workflows.fleet_result import TargetResult


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def finished(name, seconds, **changes):
    result = SimpleNamespace(content={"seconds": seconds}, verdict="ship", reasons=())
    return TargetResult(name, result, None, Path(name), Path(name), **changes)


def failed(name):
    return TargetResult(name, None, "no frames\ncopy them", Path(name), Path(name))


JOB = SimpleNamespace(recipe="bn")


def test_a_printer_under_way_has_the_time_left_that_the_others_took(clock):
    events = []
    board = FleetBoard(["a", "b", "c"], events.append, clock)
    board.begin([JOB] * 3)
    clock.now = 20.0
    board.ended(0, finished("a", 20.0), "bn")
    board.heard(1, Progress("reading", 0, 4))
    clock.now = 25.0
    board.heard(1, Progress("reading", 1, 4))
    a, b, c = events[-1].printers
    assert (a.state, a.verdict, a.seconds) == ("done", "ship", 20.0)
    assert (b.state, b.stage, b.seconds, b.seconds_left) == ("running", "reading", 5.0, 15.0)
    assert c.state == "waiting"
    assert (events[-1].done, events[-1].total) == (1, 3)
    assert 30 < events[-1].seconds_left < 40


def test_what_is_up_to_date_says_nothing_about_the_time_of_the_others(clock):
    events = []
    board = FleetBoard(["a", "b"], events.append, clock)
    board.ended(0, finished("a", 500.0, up_to_date=True))
    board.begin([JOB])
    board.heard(1, Progress("reading", 0, 4))
    assert events[-1].printers[0].stage == "up to date"
    assert events[-1].seconds_left is None
    board.ended(1, failed("b"), "bn")
    assert events[-1].printers[1].error == "no frames"


def test_notes_of_other_processes_are_heard_until_their_printer_ended(clock, tmp_path):
    events = []
    board = FleetBoard(["a", "b"], events.append, clock)
    board.begin([JOB] * 2)
    _noting(tmp_path / "1.json")(Progress("training", 3, 9))
    (tmp_path / "0.json").write_text("{")  # whatever lies there
    (tmp_path / "owner.json").write_text("[]")
    clock.now = 10.0
    board.look(tmp_path)
    assert [printer.state for printer in events[-1].printers] == ["waiting", "running"]
    assert (events[-1].printers[1].stage, events[-1].printers[1].done) == ("training", 3)
    board.ended(1, finished("b", 4.0), "bn")
    clock.now = 20.0
    board.look(tmp_path)
    assert events[-1].printers[1].state == "done"


def test_a_note_that_is_not_there_is_none(tmp_path):
    assert read_note(tmp_path / "1.json") is None
