"""Progress of a fleet on stderr: a live table on a terminal, one line for each printer that ended elsewhere."""

import time
from types import TracebackType
from typing import TYPE_CHECKING

from adaptprint.reporting.fleet_progress import FleetProgress, PrinterState
from adaptprint.reporting.formats import clean, duration
from adaptprint.reporting.live import started_live
from adaptprint.reporting.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

_REDRAW_SECONDS = 0.2


class FleetView:
    """Shows a fleet's progress while it is entered; call it with events.

    Args:
        quiet: Show nothing.
        console: Where to; stderr by default.
    """

    def __init__(self, quiet: bool = False, console: "Console | None" = None) -> None:
        self._quiet, self._console = quiet, console
        self._live: Live | None = None
        self._event: FleetProgress | None = None
        self._told: set[str] = set()
        self._drawn = float("-inf")

    def __enter__(self) -> "FleetView":
        if self._quiet:
            return self
        if self._console is None:
            from adaptprint.reporting.console import stderr_console

            self._console = stderr_console()
        self._live = started_live(self._console)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __call__(self, event: Progress) -> None:
        """Takes one event."""
        if self._quiet or self._console is None or not isinstance(event, FleetProgress):
            return
        if self._live is None:
            self._tell(event)
            return
        now = time.monotonic()
        if now - self._drawn >= _REDRAW_SECONDS:
            from adaptprint.reporting.fleet_table import fleet_table

            self._drawn = now
            console = self._live.console
            self._live.update(fleet_table(event, console.height), refresh=True)

    def _tell(self, event: FleetProgress) -> None:
        for printer in event.printers:
            if printer.state in ("done", "failed") and printer.name not in self._told:
                self._told.add(printer.name)
                self._print(f"{clean(printer.name)}: {_ended(printer)}{_left(event, len(self._told))}")

    def _print(self, line: str) -> None:
        if self._console is not None:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _ended(printer: PrinterState) -> str:
    if printer.state == "failed":
        return f"failed: {clean(printer.error)}"
    taken = f" in {duration(printer.seconds)}" if printer.seconds is not None else f", {printer.stage}"
    return f"{clean(printer.verdict)}{taken}"


def _left(event: FleetProgress, told: int) -> str:
    left = "" if event.seconds_left is None or told >= event.total else f", {duration(event.seconds_left)} left"
    return f" ({told} of {event.total}{left})"
