"""The arithmetic of a comparison: balanced accuracy and paired gains with intervals over prints, wins and losses.

A print that several seeds test on is one print: its weight in a draw is the same in every cell.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from adaptprint.workflows.comparison_outcome import Outcome, Values
from adaptprint.workflows.comparison_prints import Share

Level = Literal["all", "share", "printer", "share-printer"]
_DRAWS = 1000
# Gains up to one point of balanced accuracy, either way, count as none.
TIE = 0.01


@dataclass(frozen=True)
class Worst:
    """The cell with the smallest gain."""

    gain: float
    printer: str
    bad_share: Share
    seed: int


@dataclass(frozen=True)
class Score:
    """How one kind of model does, over some cells; intervals are 90 % over prints.

    Attributes:
        balanced_accuracy: Mean over cells.
        interval: Of the mean.
        gain: Mean of balanced accuracy minus that of source-only on the same prints.
        gain_interval: Of the gain, paired.
        wins: Cells with a gain of more than one point.
        ties: Cells within one point.
        losses: Cells that lost more than one point.
        worst: The cell with the smallest gain.
    """

    balanced_accuracy: float
    interval: tuple[float, float]
    gain: float
    gain_interval: tuple[float, float]
    wins: int
    ties: int
    losses: int
    worst: Worst


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        level: What it is the mean of: ``all`` cells of the recipe, those of one ``share``, one ``printer``, or both.
        recipe: Its name.
        bad_share: The share, or ``None`` over all shares.
        printer: The printer left out, or ``None`` over all printers.
        n_cells: Finished cells.
        n_prints: Different test prints.
        ended: Of what the recipe ends with, whatever the verdict.
        shipped: Of what the verdict ships: the picked candidate, or the source model.
        balanced_accuracy_by_frame: Of what the recipe ends with, on frames of the test prints.
        gain_by_frame: The same, minus source-only.
        adapted_balanced_accuracy: Of what the recipe ends with, on the very prints it adapted to.
        adapted_gain: The same, minus source-only.
        seconds: Mean time of adapting and judging.
        verdicts: How often each verdict was given.
    """

    level: Level
    recipe: str
    bad_share: Share | None
    printer: str | None
    n_cells: int
    n_prints: int
    ended: Score
    shipped: Score
    balanced_accuracy_by_frame: float
    gain_by_frame: float
    adapted_balanced_accuracy: float
    adapted_gain: float
    seconds: float
    verdicts: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON: ``ended`` without a prefix, ``shipped`` with one."""
        content = asdict(self)
        ended, shipped = content.pop("ended"), content.pop("shipped")
        return {**content, **ended, **{f"shipped_{name}": value for name, value in shipped.items()}}


def rows(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    """Rows of every level, recipes in order of appearance inside each; those without a finished cell are left out."""
    weights = _weights(outcomes)
    recipes = list(dict.fromkeys(each.recipe for each in outcomes))
    shares = list(dict.fromkeys(each.share for each in outcomes))
    printers = list(dict.fromkeys(each.printer for each in outcomes))
    groups: list[tuple[Level, Share | None, str | None]] = [
        ("all", None, None),
        *(("share", share, None) for share in shares),
        *(("printer", None, printer) for printer in printers),
        *(("share-printer", share, printer) for share in shares for printer in printers),
    ]
    for level, share, printer in groups:
        for recipe in recipes:
            chosen = [
                each
                for each in outcomes
                if each.recipe == recipe and share in (None, each.share) and printer in (None, each.printer)
            ]
            if chosen:
                yield _row(level, recipe, share, printer, chosen, weights)


def _row(
    level: Level,
    recipe: str,
    share: Share | None,
    printer: str | None,
    chosen: Sequence[Outcome],
    weights: Mapping[str, Mapping[str, Values]],
) -> Row:
    verdicts = [each.verdict for each in chosen]
    return Row(
        level=level,
        recipe=recipe,
        bad_share=share,
        printer=printer,
        n_cells=len(chosen),
        n_prints=len({(each.printer, name) for each in chosen for name in each.prints}),
        ended=_score(chosen, [each.ended for each in chosen], weights),
        shipped=_score(chosen, [each.shipped for each in chosen], weights),
        balanced_accuracy_by_frame=_mean([each.by_frame[0] for each in chosen]),
        gain_by_frame=_mean([each.by_frame[1] for each in chosen]),
        adapted_balanced_accuracy=_mean([each.adapted[0] for each in chosen]),
        adapted_gain=_mean([each.adapted[1] for each in chosen]),
        seconds=_mean([each.seconds for each in chosen]),
        verdicts={name: verdicts.count(name) for name in dict.fromkeys(verdicts)},
    )


def _score(chosen: Sequence[Outcome], hits: Sequence[Values], weights: Mapping[str, Mapping[str, Values]]) -> Score:
    values, gains, drawn_values, drawn_gains = [], [], [], []
    for each, right in zip(chosen, hits, strict=True):
        equal = np.ones((1, len(each.prints)))
        drawn = np.stack([weights[each.printer][name] for name in each.prints], axis=1)
        values.append(float(_balanced(equal, right, each.units)[0]))
        gains.append(values[-1] - float(_balanced(equal, each.source, each.units)[0]))
        drawn_values.append(_balanced(drawn, right, each.units))
        drawn_gains.append(drawn_values[-1] - _balanced(drawn, each.source, each.units))
    lowest = int(np.argmin(gains))
    worst = chosen[lowest]
    return Score(
        balanced_accuracy=_mean(values),
        interval=_ends(drawn_values),
        gain=_mean(gains),
        gain_interval=_ends(drawn_gains),
        # A whole point that floating point makes a trifle larger is still a tie.
        wins=sum(gain > TIE + 1e-9 for gain in gains),
        ties=sum(abs(gain) <= TIE + 1e-9 for gain in gains),
        losses=sum(gain < -TIE - 1e-9 for gain in gains),
        worst=Worst(gains[lowest], worst.printer, worst.share, worst.seed),
    )


def _balanced(weights: Values, hits: Values, units: Values) -> Values:
    """(d,) mean recall over the classes that occur, for (d, p) weights of the prints."""
    occurs = units.sum(axis=0) > 0
    return np.asarray(((weights @ hits[:, occurs]) / (weights @ units[:, occurs])).mean(axis=1), dtype=np.float64)


def _weights(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Values]]:
    """For each test print of each printer its (d,) weights: the Bayesian bootstrap (Rubin 1981).

    Exponential weights instead of counts: no class of a small test half can ever be drawn empty.
    """
    found: dict[str, dict[str, Values]] = {}
    for number, printer in enumerate(dict.fromkeys(each.printer for each in outcomes)):
        names = sorted({name for each in outcomes if each.printer == printer for name in each.prints})
        draws = np.random.default_rng([number, 7]).exponential(size=(len(names), _DRAWS))
        found[printer] = dict(zip(names, draws, strict=True))
    return found


def _ends(draws: Sequence[Values]) -> tuple[float, float]:
    """The middle 90 % of the draws' mean over cells."""
    low, high = np.quantile(np.mean(draws, axis=0), [0.05, 0.95])
    return float(low), float(high)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
