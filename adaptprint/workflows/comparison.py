"""The arithmetic of a comparison: balanced accuracy and paired gains with bootstrap intervals over prints."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from adaptprint.adaptation.task import SOURCE_ONLY
from adaptprint.frames.table import Ints

_DRAWS = 1000


@dataclass(frozen=True)
class Outcome:
    """One recipe on one printer with one seed.

    Attributes:
        recipe: Its name.
        printer: The printer left out.
        seed: The seed.
        right: (p,) whether each test unit is called right by what the recipe ends with.
        shipped_right: (p,) the same for what the verdict would have shipped.
        labels: (p,) class of each test unit.
        verdict: The verdict.
    """

    recipe: str
    printer: str
    seed: int
    right: npt.NDArray[np.bool_]
    shipped_right: npt.NDArray[np.bool_]
    labels: Ints
    verdict: str


@dataclass(frozen=True)
class Row:
    """One line of the table; all intervals are 90 % bootstrap intervals over prints.

    Attributes:
        recipe: Its name.
        printer: The printer left out, or ``None`` for the mean over printers.
        n_prints: Test units, over all seeds.
        balanced_accuracy: Of what the recipe ends with, whatever the verdict.
        interval: Of the balanced accuracy.
        gain: Balanced accuracy minus that of source-only on the same units.
        gain_interval: Of the gain, paired.
        shipped: Balanced accuracy of what the verdict would have shipped.
        shipped_gain: The same, minus source-only.
        verdicts: How often each verdict was given.
    """

    recipe: str
    printer: str | None
    n_prints: int
    balanced_accuracy: float
    interval: tuple[float, float]
    gain: float
    gain_interval: tuple[float, float]
    shipped: float
    shipped_gain: float
    verdicts: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return asdict(self)


def paired_rows(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    """One row per recipe and printer, then one per recipe over all printers."""
    recipes = list(dict.fromkeys(outcome.recipe for outcome in outcomes))
    printers = list(dict.fromkeys(outcome.printer for outcome in outcomes))
    for recipe in recipes:
        for printer in [*printers, None] if len(printers) > 1 else printers:
            chosen = [o for o in outcomes if o.recipe == recipe and printer in (None, o.printer)]
            baseline = [o for o in outcomes if o.recipe == SOURCE_ONLY and printer in (None, o.printer)]
            yield _row(recipe, printer, chosen, baseline)


def _row(recipe: str, printer: str | None, chosen: list[Outcome], baseline: list[Outcome]) -> Row:
    rng = np.random.default_rng(0)
    draws = np.array([_draw(chosen, baseline, rng) for _ in range(_DRAWS)])
    score, gain = (np.quantile(column, [0.05, 0.95]) for column in draws.T)
    value = _mean_accuracy([(o.right, o.labels) for o in chosen])
    base = _mean_accuracy([(o.right, o.labels) for o in baseline])
    shipped = _mean_accuracy([(o.shipped_right, o.labels) for o in chosen])
    verdicts = [o.verdict for o in chosen]
    return Row(
        recipe=recipe,
        printer=printer,
        n_prints=sum(len(o.labels) for o in chosen),
        balanced_accuracy=value,
        interval=(float(score[0]), float(score[1])),
        gain=value - base,
        gain_interval=(float(gain[0]), float(gain[1])),
        shipped=shipped,
        shipped_gain=shipped - base,
        verdicts={name: verdicts.count(name) for name in dict.fromkeys(verdicts)},
    )


def _mean_accuracy(parts: Sequence[tuple[npt.NDArray[np.bool_], Ints]]) -> float:
    """Balanced accuracy of each part, then the mean over parts: every printer and seed counts the same."""
    return float(np.mean([_balanced(right, labels) for right, labels in parts]))


def _balanced(right: npt.NDArray[np.bool_], labels: Ints) -> float:
    return float(np.mean([right[labels == code].mean() for code in np.unique(labels)]))


def _draw(chosen: list[Outcome], baseline: list[Outcome], rng: np.random.Generator) -> tuple[float, float]:
    """Balanced accuracy and paired gain on test units drawn anew inside each class of each part."""
    scores, gains = [], []
    for ours, theirs in zip(chosen, baseline, strict=True):
        rows = np.concatenate(
            [
                rng.choice(np.flatnonzero(ours.labels == code), size=(ours.labels == code).sum())
                for code in np.unique(ours.labels)
            ]
        )
        score = _balanced(ours.right[rows], ours.labels[rows])
        scores.append(score)
        gains.append(score - _balanced(theirs.right[rows], theirs.labels[rows]))
    return float(np.mean(scores)), float(np.mean(gains))
