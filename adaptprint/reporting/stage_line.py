"""The line of one stage on a terminal: bar, count, rate, time left, values; what does not fit is left out."""

import math

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from adaptprint.reporting.formats import clean, count, duration, score
from adaptprint.reporting.pace import Pace
from adaptprint.reporting.progress import Progress

_RUNNING_NAME, _FINISHED_NAME = 20, 26
_BAR_WIDTH = 12
# What bar, count and remaining time take beside the name of the stage.
_NEEDED = 42


def running_line(event: Progress, pace: Pace, width: int) -> Text:
    """The line of a stage under way.

    Args:
        event: The latest event.
        pace: Its rate and remaining time.
        width: Columns of the terminal.
    """
    line = Text.assemble(
        ("› ", "cyan"), (_stage(event.stage, _RUNNING_NAME, width), "bold"), no_wrap=True, overflow="ellipsis"
    )
    if event.total > 0:
        line.append("  ").append_text(_bar(event.done / event.total))
        most = count(event.total)
        line.append(f"  {count(event.done):>{len(most)}}/{most}")
        left = pace.remaining(event.total) if event.seconds_left is None else event.seconds_left
        if left is not None and event.done < event.total:
            line.append(f"  {_time(left)} left")
    elif event.done:
        line.append(f"  {count(event.done)}")
    facts = [f"{clean(name).replace('_', ' ')} {score(value, 2)}" for name, value in event.values.items()]
    for fact in [*_rate(pace.rate), *facts]:
        if line.cell_len + 2 + cell_len(fact) > width:
            break
        line.append(f"  {fact}", "dim")
    return line


def finished_line(event: Progress, outcome: str, stopped: bool, width: int) -> Text:
    """The line a stage leaves behind."""
    mark = ("✗ ", "red") if stopped else ("✓ ", "green")
    return Text.assemble(mark, _stage(event.stage, _FINISHED_NAME, width), (f"  {outcome}", "dim"))


def _stage(name: str, least: int, width: int) -> str:
    """The name at a width that stays the same from stage to stage, wider only where it must."""
    name = clean(name)
    room = max(least, min(cell_len(name), width - _NEEDED))
    return set_cell_size(name, room - 1) + "…" if cell_len(name) > room else set_cell_size(name, room)


def _bar(share: float) -> Text:
    halves = round(2 * _BAR_WIDTH * min(1.0, max(0.0, share)))
    full, half = divmod(halves, 2)
    done = "━" * full + "╸" * half
    return Text.assemble((done, "cyan"), ("━" * (_BAR_WIDTH - len(done)), "bright_black"))


def _rate(rate: float | None) -> list[str]:
    if rate is None:
        return []
    return [f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"]


def _time(seconds: float) -> str:
    """Whole seconds: tenths would only flicker."""
    return f"{math.ceil(seconds)} s" if seconds < 60 else duration(seconds)
