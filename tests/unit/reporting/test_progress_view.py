import io
import subprocess
import sys
from contextlib import suppress

import pytest
from rich.console import Console

from adaptprint.reporting import live
from adaptprint.reporting.console import ProgressView
from adaptprint.reporting.pace import Pace
from adaptprint.reporting.progress import Progress
from adaptprint.reporting.stage_line import running_line


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(live, "time", clock)
    return clock


def shown(events, clock, terminal=False, quiet=False, error=None, width=80):
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, color_system="standard" if terminal else None)
    with suppress(KeyboardInterrupt, ValueError), ProgressView(quiet=quiet, console=console) as view:
        for event in events:
            clock.now += 1
            view(event)
        if error is not None:
            raise error
    return stream.getvalue()


READING = [Progress("reading frames", done, 4) for done in range(1, 5)]


def test_away_from_a_terminal_a_stage_is_a_line_at_its_start_and_one_at_its_end(clock):
    text = shown([*READING, Progress("adapting", 1, 2)], clock)
    assert text.splitlines() == ["reading frames ...", "reading frames: 4 in 3.0 s", "adapting ..."]


def test_away_from_a_terminal_there_are_no_control_codes(clock):
    assert "\x1b" not in shown(READING, clock)
    assert "\r" not in shown(READING, clock)


def test_a_hostile_stage_name_cannot_steer_the_terminal(clock):
    assert "\x1b" not in shown([Progress("printer \x1b[31m[red]", 1, 1)], clock)


def test_quiet_shows_nothing(clock):
    assert shown(READING, clock, quiet=True) == ""
    assert shown(READING, clock, quiet=True, terminal=True) == ""


def test_a_terminal_shows_bar_count_rate_time_left_and_values(clock):
    text = shown([Progress("adapting", done, 8, {"class_loss": 0.25}) for done in (1, 2)], clock, terminal=True)
    for piece in ("adapting", "━", "2/8", "1.0/s", "6 s left", "class loss 0.25"):
        assert piece in text


def test_a_finished_stage_leaves_one_short_line_on_a_terminal(clock):
    text = shown([*READING, Progress("adapting", 1, 2)], clock, terminal=True)
    assert text.count("✓") == 1


def test_a_stage_that_stops_on_an_error_is_not_ticked_off(clock):
    text = shown(READING[:2], clock, terminal=True, error=KeyboardInterrupt())
    assert "✓" not in text
    assert "2 of 4 stopped after" in text


def test_the_cursor_comes_back_after_an_error(clock):
    text = shown(READING[:2], clock, terminal=True, error=ValueError())
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_a_stage_over_a_second_set_of_frames_stays_one_stage(clock):
    again = [Progress("examining", done, 3) for done in (1, 2, 3, 1, 2, 3)]
    assert shown(again, clock).splitlines() == ["examining ...", "examining: 6 in 5.0 s"]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_running_line_never_wraps(width):
    pace = Pace()
    pace.add(0.0, 1)
    pace.add(9.0, 100)
    event = Progress(
        "021, bn-early: examining the candidate bn-early at length", 100, 123456, {"loss": 0.1, "best": 0.9}
    )
    console = Console(file=io.StringIO(), width=width, force_terminal=True)
    assert len(console.render_lines(running_line(event, pace, width))) == 1


def test_time_left_does_not_count_what_was_done_before_a_resume():
    pace = Pace()
    pace.add(0.0, 400)
    pace.add(10.0, 410)
    assert pace.rate == pytest.approx(1.0)
    assert pace.remaining(600) == pytest.approx(190.0)


def test_the_rate_follows_a_machine_that_slows_down():
    pace = Pace()
    for second in range(100):
        pace.add(float(second), second * 10)
    for second in range(100):
        pace.add(100.0 + second, 990 + second)
    assert pace.rate == pytest.approx(1.0, rel=0.2)


def test_one_event_tells_no_rate():
    pace = Pace()
    pace.add(0.0, 5)
    assert pace.rate is None
    assert pace.remaining(10) is None


def test_importing_the_console_loads_neither_rich_nor_matplotlib_nor_torch():
    code = (
        "import sys, adaptprint.reporting.console; "
        "print([m for m in ('rich.console', 'matplotlib', 'torch', 'jinja2') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
