"""The live table of a fleet: as many printers as the terminal has room for, those under way first."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from adaptprint.reporting.fleet_progress import FleetProgress, PrinterState
from adaptprint.reporting.formats import clean, duration, percent
from adaptprint.reporting.tables import add, cut, fixed, number, quiet_table

TONES = {"ship": "green", "keep-source": "blue", "need-labels": "yellow"}
_OTHER_LINES = 5  # head, empty lines, summary, prompt
_LEAST_LINES = 3
_ORDER = ("running", "failed", "done", "waiting")


def fleet_table(event: FleetProgress, height: int) -> RenderableType:
    """The table for one event.

    Args:
        event: Where the fleet stands.
        height: Lines of the terminal.
    """
    shown = _most_telling(event.printers, max(_LEAST_LINES, height - _OTHER_LINES))
    table = quiet_table(cut("printer"), cut("stage"), number("time"), number("left"), fixed("verdict"))
    for printer in shown:
        add(
            table,
            Text(clean(printer.name), "bold" if printer.state == "running" else ""),
            _stage(printer),
            _time(printer.seconds),
            _time(printer.seconds_left if printer.state == "running" else None),
            _verdict(printer),
        )
    return Group(table, Text(""), _summary(event, len(event.printers) - len(shown)))


def _time(seconds: float | None) -> Text:
    return Text("" if seconds is None else duration(seconds))


def _most_telling(printers: Sequence[PrinterState], room: int) -> list[PrinterState]:
    """Those under way, those that failed, those that are done, those that wait; in the order asked for."""
    ranked = sorted(range(len(printers)), key=lambda place: (_ORDER.index(printers[place].state), place))
    return [printers[place] for place in sorted(ranked[:room])]


def _stage(printer: PrinterState) -> Text:
    if printer.state == "failed":
        return Text(clean(printer.error), "red")
    if printer.state != "running":
        return Text(printer.stage, "dim")
    share = f" {percent(min(1.0, printer.done / printer.total))}" if printer.total else ""
    return Text(f"{clean(printer.stage)}{share}", "cyan")


def _verdict(printer: PrinterState) -> Text:
    if printer.state == "failed":
        return Text("failed", "red")
    if printer.state == "done":
        return Text(clean(printer.verdict), TONES.get(str(printer.verdict), ""))
    return Text("waiting" if printer.state == "waiting" else "", "dim")


def _summary(event: FleetProgress, hidden: int) -> Text:
    failed = sum(printer.state == "failed" for printer in event.printers)
    facts = [f"{event.done} of {event.total} printers"]
    facts += [f"{failed} failed"] if failed else []
    facts += [f"{duration(event.seconds_left)} left"] if event.seconds_left else []
    facts += [f"{hidden} not shown"] if hidden else []
    return Text(" · ".join(facts), "dim")
