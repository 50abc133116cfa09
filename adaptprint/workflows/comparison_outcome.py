"""What the rows of a comparison need to know of a finished cell."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from adaptprint.adaptation.task import SOURCE_ONLY
from adaptprint.workflows.comparison_prints import Share

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """One finished cell, as far as rows need it. All (p, K) arrays count units of each class in each test print.

    Attributes:
        recipe: Its name.
        printer: The printer left out.
        share: Bad share of the prints adapted on.
        seed: The seed.
        prints: The p test prints.
        units: (p, K) all of them: prints, or frames where labels differ inside prints.
        source: (p, K) those that source-only calls right.
        ended: (p, K) the same for what the recipe ends with.
        shipped: (p, K) the same for what the verdict ships.
        by_frame: Balanced accuracy by frame of what the recipe ends with, and its gain.
        adapted: Balanced accuracy on the prints adapted on, by the same unit, and its gain.
        seconds: Of adapting and judging.
        verdict: The verdict.
    """

    recipe: str
    printer: str
    share: Share
    seed: int
    prints: tuple[str, ...]
    units: Values
    source: Values
    ended: Values
    shipped: Values
    by_frame: tuple[float, float]
    adapted: tuple[float, float]
    seconds: float
    verdict: str


def outcome(content: Mapping[str, Any]) -> Outcome:
    """Reads what rows need from a cell's content."""
    models = {candidate["name"]: candidate for candidate in content["candidates"]}
    frames, labels = np.array(content["test"]["frames"], float), np.array(content["test"]["labels"])
    by_print = content["unit"] == "print"
    units = np.eye(frames.shape[1])[labels] if by_print else frames

    def hits(name: str) -> Values:
        scores = models[name]["test"]
        return units * np.array(scores["right"], float)[:, None] if by_print else np.array(scores["hits"], float)

    def paired(part: str, key: str) -> tuple[float, float]:
        ours, theirs = (float(models[name][part][key]) for name in (content["ends_with"], SOURCE_ONLY))
        return ours, ours - theirs

    return Outcome(
        recipe=content["recipe"],
        printer=content["printer"],
        share=content["bad_share"],
        seed=content["seed"],
        prints=tuple(content["test"]["prints"]),
        units=units,
        source=hits(SOURCE_ONLY),
        ended=hits(content["ends_with"]),
        shipped=hits(content["ships"]),
        by_frame=paired("test", "balanced_accuracy_by_frame"),
        adapted=paired("adapted", "balanced_accuracy" if by_print else "balanced_accuracy_by_frame"),
        seconds=content["seconds"],
        verdict=content["verdict"],
    )
