"""Keeps where each printer of a fleet stands, and reports it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from adaptprint.reporting.fleet_progress import FleetProgress, PrinterState
from adaptprint.reporting.job_pace import JobPace
from adaptprint.reporting.progress import Progress, ProgressCallback, silent
from adaptprint.workflows.fleet_job import FleetJob, read_note
from adaptprint.workflows.fleet_result import TargetResult

STAGE = "adapting printers"
_SECONDS_BETWEEN_REPORTS = 0.1
_SECONDS_BETWEEN_LOOKS = 0.5


class FleetBoard:
    """Where each printer stands.

    Args:
        names: Names of all printers.
        progress: Told at every change, and about ten times a second at most in between.
        clock: Seconds, steadily growing.
    """

    def __init__(
        self, names: Sequence[str], progress: ProgressCallback, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._states = [PrinterState(name) for name in names]
        self._progress, self._clock = progress, clock
        self._began: dict[int, float] = {}
        self._seconds: list[float] = []
        self._reported = self._looked = float("-inf")
        self._ended = 0
        self._pace: JobPace | None = None

    def begin(self, jobs: Sequence[FleetJob]) -> None:
        """From here on time counts: these are to do, all others ended."""
        self._pace = JobPace(STAGE, [str(job.recipe) for job in jobs], self._ended, silent, self._clock)
        self._report()

    def heard(self, place: int, event: Progress) -> None:
        """Notes an event of a printer under way."""
        began = self._began.setdefault(place, self._clock())
        self._states[place] = replace(
            self._states[place],
            state="running",
            stage=event.stage,
            done=event.done,
            total=event.total,
            seconds=self._clock() - began,
            seconds_left=self._left(place),
        )
        if self._clock() - self._reported >= _SECONDS_BETWEEN_REPORTS:
            self._report()

    def look(self, notes: Path) -> None:
        """Reads what other processes noted of the printers under way, twice a second at most."""
        if self._clock() - self._looked < _SECONDS_BETWEEN_LOOKS:
            return
        self._looked = self._clock()
        for note in notes.glob("[0-9]*.json"):
            place, event = int(note.stem), read_note(note)
            if event is not None and self._states[place].state in ("waiting", "running"):
                self.heard(place, event)
        self._report()

    def ended(self, place: int, result: TargetResult, recipe: str | None = None) -> None:
        """Notes that a printer ended; ``recipe`` tells what it ran, where it ran now."""
        seconds = result.result.content.get("seconds") if result.result else self._since(place)
        self._states[place] = PrinterState(
            result.target,
            "failed" if result.error else "done",
            "up to date" if result.up_to_date else "",
            seconds=None if result.up_to_date else seconds,
            verdict=result.verdict,
            error=None if result.error is None else result.error.split("\n", 1)[0],
        )
        self._ended += 1
        if self._pace is not None and recipe is not None:
            if result.result is not None:
                self._seconds.append(seconds or 0.0)
            self._pace.add(recipe, seconds or 0.0)
            self._report()
        elif self._clock() - self._reported >= _SECONDS_BETWEEN_REPORTS:
            self._report()

    def _since(self, place: int) -> float | None:
        began = self._began.get(place)
        return None if began is None else self._clock() - began

    def _left(self, place: int) -> float | None:
        if not self._seconds:
            return None
        return max(0.0, sum(self._seconds) / len(self._seconds) - (self._since(place) or 0.0))

    def _report(self) -> None:
        self._reported = self._clock()
        left = None if self._pace is None else self._pace.seconds_left
        self._progress(
            FleetProgress(STAGE, self._ended, len(self._states), seconds_left=left, printers=tuple(self._states))
        )
