"""Progress as plain events, so that the library never prints and every face can show it in its own way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Progress:
    """One step of a stage.

    Attributes:
        stage: What is being done, in two or three words, e.g. ``"reading frames"``.
        done: Units finished.
        total: Units in all; 0 where unknown.
        values: Figures worth showing beside the bar (losses, accuracies).
        seconds_left: Until the stage ends, where whoever reports knows better than the units tell.
    """

    stage: str
    done: int
    total: int
    values: Mapping[str, float] = field(default_factory=dict)
    seconds_left: float | None = None


ProgressCallback = Callable[[Progress], None]


def silent(event: Progress) -> None:
    """Shows nothing."""
    del event


def prefixed(prefix: str, callback: ProgressCallback) -> ProgressCallback:
    """A callback that reports each stage behind ``prefix``."""
    return lambda event: callback(replace(event, stage=f"{prefix}: {event.stage}"))


def counting(stage: str, callback: ProgressCallback) -> Callable[[int, int], None]:
    """A ``(done, total)`` callback that reports as ``stage``."""
    return lambda done, total: callback(Progress(stage, done, total))
