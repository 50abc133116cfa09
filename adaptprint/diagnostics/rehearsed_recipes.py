"""What a recipe's candidates came to on the source's own printers, each left out, and what that says of another one.

A candidate that changes more than the decision has no posterior of its gain. What there is: how the same recipe's
candidates fared on printers that their source model did not know, and how strongly the witnesses spoke for each.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from statistics import mean
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from scipy.stats import t as student

from adaptprint.adaptation.print_margins import Doubles

SOURCE_ACCURACY_LOST = "source accuracy lost"
ANSWERABLE = frozenset({SOURCE_ACCURACY_LOST})
"""Vetoes that are signs of harm and no harm, so that what became of candidates under them can answer them."""
_HARM = -0.01
# Before anything was rehearsed: as if this many printers had shown what candidates of any recipe come to, more often a
# loss than a gain, whatever the witnesses say.
_BUILT_IN_PRINTERS, _USUAL_GAIN, _USUAL_SD, _USUAL_SLOPE_SD = 3.0, -0.01, 0.05, 0.05
_MOST_SCORE = 5.0


class Trial(BaseModel):
    """One set of prints of a printer left out: how the witnesses spoke for a recipe's candidate, and what it gained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str
    printer: str
    bad_share: Annotated[float, Field(ge=0, le=1)] = Field(description="Among the prints that were adapted on.")
    n_prints: Annotated[int, Field(ge=1)]
    score: Annotated[float, Field(ge=-5, le=5)] = Field(description="As `candidate_score` gives it.")
    gain: Annotated[float, Field(ge=-1, le=1)] = Field(description="True gain on the printer's other prints.")
    vetoes: tuple[str, ...] = Field(default=(), description="Names of the vetoes against the candidate.")


class RecipeExpectation(BaseModel):
    """What a candidate is expected to gain.

    Attributes:
        gain: Expected balanced accuracy on the printer's next prints, minus the source model's.
        low: Lower end of a 90 % interval.
        high: Its upper end.
        risk: Probability of losing more than one point.
        worth_knowing: What it would gain in the mean to know, before shipping, whether the candidate helps.
        printers: How many printers were rehearsed.
    """

    model_config = ConfigDict(frozen=True)

    gain: float
    low: float
    high: float
    risk: float
    worth_knowing: float
    printers: int


class RecipeRelation(BaseModel):
    """True gain as a line over the witnesses' score, with a spread: Bayesian regression, each printer counting once.

    Attributes:
        mean: (2,) gain at score zero, and what the largest score adds.
        covariance: (2, 2) of these two, in units of the spread's square.
        spread: Of true gains about the line.
        freedom: Degrees of freedom of the t distribution.
        printers: How many printers were rehearsed.
    """

    model_config = ConfigDict(frozen=True)

    mean: tuple[float, float]
    covariance: tuple[tuple[float, float], tuple[float, float]]
    spread: float
    freedom: float
    printers: int

    def expect(self, score: float) -> RecipeExpectation:
        """The gain of a candidate for which the witnesses speak this strongly."""
        at = np.array([1.0, score / _MOST_SCORE])
        gain = float(at @ self.mean)
        sd = self.spread * float(np.sqrt(1 + at @ np.array(self.covariance) @ at))
        law = student(self.freedom, gain, sd)
        gains = law.ppf((np.arange(400) + 0.5) / 400)
        return RecipeExpectation(
            gain=gain,
            low=float(law.ppf(0.05)),
            high=float(law.ppf(0.95)),
            risk=float(law.cdf(_HARM)),
            worth_knowing=float(np.maximum(gains, 0).mean() - max(gain, 0.0)),
            printers=self.printers,
        )


def recipe_relation(trials: Sequence[Trial]) -> RecipeRelation | None:
    """Fits it to all trials of one recipe; ``None`` where there are none."""
    if not trials:
        return None
    by_printer: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        by_printer[trial.printer].append(trial)
    precision = np.diag([_BUILT_IN_PRINTERS, (_USUAL_SD / _USUAL_SLOPE_SD) ** 2])
    believed = np.array([_USUAL_GAIN, 0.0])
    found = precision.copy()
    pulled = precision @ believed
    squares = _BUILT_IN_PRINTERS * _USUAL_SD**2 + believed @ precision @ believed
    for group in by_printer.values():
        at, gains = _line(group)
        found += at.T @ at / len(group)
        pulled += at.T @ gains / len(group)
        squares += float(gains @ gains) / len(group)
    line = np.linalg.solve(found, pulled)
    freedom = _BUILT_IN_PRINTERS + len(by_printer)
    spread = float(np.sqrt(max(squares - line @ found @ line, 0.0) / freedom))
    (a, b), (c, d) = np.linalg.inv(found)
    return RecipeRelation(
        mean=(float(line[0]), float(line[1])),
        covariance=((float(a), float(b)), (float(c), float(d))),
        spread=spread,
        freedom=freedom,
        printers=len(by_printer),
    )


def trials_like(trials: Sequence[Trial], vetoes: Collection[str]) -> list[Trial]:
    """The trials that say what a candidate under these vetoes comes to.

    Candidates that never ship say nothing of those that may; and one under a veto that can be answered is compared
    with such alone.
    """
    raised = ANSWERABLE.intersection(vetoes)
    return [trial for trial in trials if ANSWERABLE.issuperset(trial.vetoes) and raised.issubset(trial.vetoes)]


def printers_under(veto: str, trials: Sequence[Trial]) -> int:
    """On how many printers a veto fell that nothing but it held back."""
    return len({trial.printer for trial in trials_like(trials, [veto])})


def tried(trials: Sequence[Trial]) -> dict[str, float | int | None]:
    """What a recipe's trials came to, each printer counting once, and those that the witnesses spoke for."""
    spoken_for = [trial for trial in trials if trial.score > 0]
    whole, part = _by_printer(trials), _by_printer(spoken_for)
    return {
        "printers": len(whole),
        "sets": len(trials),
        "gain": mean(whole) if whole else None,
        "worst_printer_gain": min(whole, default=None),
        "sets_spoken_for": len(spoken_for),
        "gain_spoken_for": mean(part) if part else None,
        "worst_gain_spoken_for": min((trial.gain for trial in spoken_for), default=None),
    }


def _by_printer(trials: Sequence[Trial]) -> list[float]:
    """Mean gain of each printer."""
    gains: dict[str, list[float]] = defaultdict(list)
    for trial in trials:
        gains[trial.printer].append(trial.gain)
    return [mean(each) for each in gains.values()]


def _line(trials: Sequence[Trial]) -> tuple[Doubles, Doubles]:
    at = np.array([[1.0, trial.score / _MOST_SCORE] for trial in trials])
    return at, np.array([trial.gain for trial in trials])
