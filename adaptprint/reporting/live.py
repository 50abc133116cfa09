"""Progress on stderr: one line per stage, alive on a terminal, plain everywhere else."""

import time
from types import TracebackType
from typing import TYPE_CHECKING

from adaptprint.reporting.formats import clean, count, duration
from adaptprint.reporting.pace import Pace
from adaptprint.reporting.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

_REDRAW_SECONDS = 0.1
_WORTH_A_LINE = 1.0


def started_live(console: "Console") -> "Live | None":
    """A display that changes in place and leaves nothing behind; ``None`` where the console is no terminal."""
    if not console.is_terminal or console.is_dumb_terminal:
        return None
    from rich.live import Live

    # No refresh thread: two cores are better spent on the work, and events come often enough.
    live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=True)
    live.start()
    return live


class ProgressView:
    """Shows progress while it is entered; call it with events.

    On a terminal the running stage is a line with bar, count, rate, remaining time and values, and a finished stage
    one short line. Elsewhere (a file, a pipe, CI) a stage writes one line when it starts and one when it ends.

    Args:
        quiet: Show nothing.
        console: Where to; stderr by default.
    """

    def __init__(self, quiet: bool = False, console: "Console | None" = None) -> None:
        self._quiet, self._console = quiet, console
        self._live: Live | None = None
        self._event: Progress | None = None
        self._pace, self._passed = Pace(), 0
        self._started = self._latest = self._drawn = 0.0

    def __enter__(self) -> "ProgressView":
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
        if self._quiet:
            return
        self._end_stage(stopped=kind is not None)
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __call__(self, event: Progress) -> None:
        """Takes one event."""
        if self._quiet or self._console is None:
            return
        now = time.monotonic()
        starts = self._event is None or event.stage != self._event.stage
        if starts:
            self._end_stage(stopped=False)
            self._pace, self._passed, self._started, self._drawn = Pace(), 0, now, 0.0
        elif self._event is not None and event.done < self._event.done:
            # The same stage over another set of frames.
            self._passed += self._event.done
        self._pace.add(now, event.done)
        self._event, self._latest = event, now
        if self._live is not None:
            if now - self._drawn >= _REDRAW_SECONDS:
                from adaptprint.reporting.stage_line import running_line

                self._drawn = now
                self._live.update(running_line(event, self._pace, self._live.console.width), refresh=True)
        elif starts:
            self._print(f"{clean(event.stage)} ...")

    def _end_stage(self, stopped: bool) -> None:
        event, self._event = self._event, None
        if event is None:
            return
        # A finished stage ended with its last event; what came after was work that nobody counts.
        finished = 0 < event.total <= event.done
        seconds = (self._latest if finished else time.monotonic()) - self._started
        if self._live is not None:
            self._live.update("", refresh=True)
        if seconds < _WORTH_A_LINE and not stopped:
            return
        amount = f"{count(event.done)} of {count(event.total)} " if stopped and event.total > 1 else ""
        if not stopped and event.total > 1:
            amount = f"{count(self._passed + event.done)} "
        outcome = f"{amount}{'stopped after' if stopped else 'in'} {duration(seconds)}"
        if self._live is None:
            self._print(f"{clean(event.stage)}: {outcome}")
        else:
            from adaptprint.reporting.stage_line import finished_line

            console = self._live.console
            console.print(finished_line(event, outcome, stopped, console.width), no_wrap=True, overflow="ellipsis")

    def _print(self, line: str) -> None:
        if self._console is not None:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
