"""Progress of many printers at once: one event tells of the whole fleet and of each printer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from adaptprint.reporting.progress import Progress

State = Literal["waiting", "running", "done", "failed"]


@dataclass(frozen=True)
class PrinterState:
    """Where one printer stands.

    Attributes:
        name: Its name.
        state: ``done`` whatever the verdict.
        stage: What is being done to it.
        done: Units of the stage that are finished.
        total: Units of the stage in all; 0 where unknown.
        seconds: Since it began; of the whole run once it ended.
        seconds_left: Until it ends, as far as can be told from those that ended.
        verdict: Once it is done.
        error: The cause, if it failed.
    """

    name: str
    state: State = "waiting"
    stage: str = ""
    done: int = 0
    total: int = 0
    seconds: float | None = None
    seconds_left: float | None = None
    verdict: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class FleetProgress(Progress):
    """Printers that ended, of all; and each of them, in the order asked for."""

    printers: Sequence[PrinterState] = ()
