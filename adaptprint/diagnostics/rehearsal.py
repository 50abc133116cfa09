"""Rehearsal: what an expected gain came to on labelled printers that the source model tried on them did not know.

The labels of source printers are the only honest ones there are before a new printer's. Where a source model was made
without one of them, that printer is as new to it as any; deciding on its prints without labels and scoring on its other
prints says how far an expected gain can be trusted. What was rehearsed is small and travels in the checkpoint.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import NormalDist, mean
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adaptprint.adaptation.print_decision import PrintDecision
from adaptprint.diagnostics.rehearsed_recipes import Trial

REHEARSAL = "rehearsal"
# The built-in relation stands beside the rehearsed one as if this many printers had shown it: a gain is what was
# expected, and about as sure as the posterior says.
_BUILT_IN_PRINTERS = 6.0
_USUAL_GAIN, _USUAL_SD = 0.03, 0.03
_WIDENING = (0.5, 4.0)
_HARM = -0.01
_Z90 = NormalDist().inv_cdf(0.95)
_LEAST_SD = 1e-3


class Episode(BaseModel):
    """One set of prints of a printer left out: what was expected of moving the decision, and what came of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    printer: str
    bad_share: Annotated[float, Field(ge=0, le=1)] = Field(description="Among the prints that were decided by.")
    n_prints: Annotated[int, Field(ge=1)]
    expected: Annotated[float, Field(ge=-1, le=1)] = Field(description="Gain of balanced accuracy, as PrintDecision.")
    low: Annotated[float, Field(ge=-1, le=1)]
    high: Annotated[float, Field(ge=-1, le=1)]
    gain: Annotated[float, Field(ge=-1, le=1)] = Field(description="True gain on the printer's other prints.")
    error: Annotated[float, Field(ge=0, le=1)] = Field(description="Standard error of it, by the chance of the prints.")


class Rehearsal(BaseModel):
    """All episodes of a source model, and how they were made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    settings: dict[str, Any] = Field(default_factory=dict, description="Training settings that were changed for it.")
    episodes: Annotated[list[Episode], Field(min_length=1, max_length=10_000)]
    recipes: dict[str, dict[str, Any]] = Field(default_factory=dict, description="Settings of each recipe in `trials`.")
    trials: Annotated[list[Trial], Field(max_length=10_000)] = Field(default_factory=list)

    @property
    def printers(self) -> list[str]:
        """The printers left out."""
        return list(dict.fromkeys(episode.printer for episode in self.episodes))

    def after(self, earlier: "Rehearsal") -> "Rehearsal":
        """Both together; what an earlier one holds of the same printers, and recipes on them, is replaced.

        Raises:
            ValueError: With its name, if a recipe has other settings in the earlier one.
        """
        for name in self.recipes.keys() & earlier.recipes.keys():
            if self.recipes[name] != earlier.recipes[name]:
                raise ValueError(name)
        printers, pairs = set(self.printers), {(trial.recipe, trial.printer) for trial in self.trials}
        kept = [episode for episode in earlier.episodes if episode.printer not in printers]
        trials = [trial for trial in earlier.trials if (trial.recipe, trial.printer) not in pairs]
        return self.model_copy(
            update={
                "episodes": [*kept, *self.episodes],
                "recipes": {**earlier.recipes, **self.recipes},
                "trials": [*trials, *self.trials],
            }
        )


class Expectation(BaseModel):
    """What moving the decision is expected to gain once rehearsal has been heard.

    Attributes:
        gain: Expected balanced accuracy on the printer's next prints, minus that of the old decision.
        low: Lower end of a 90 % interval.
        high: Its upper end.
        risk: Probability of losing more than one point.
        printers: How many printers were rehearsed; 0 for the built-in relation.
    """

    model_config = ConfigDict(frozen=True)

    gain: float
    low: float
    high: float
    risk: float
    printers: int


class GainRelation(BaseModel):
    """How true gains relate to expected ones.

    Attributes:
        slope: True gain over expected gain.
        widening: Spread of true gains about that line over what the posterior expects.
        printers: How many printers show it; 0 for the built-in relation, which believes the posterior.
    """

    model_config = ConfigDict(frozen=True)

    slope: float = 1.0
    widening: float = 1.0
    printers: int = 0

    def expect(self, decision: PrintDecision) -> Expectation:
        """The decision's gain in this light."""
        if self.printers == 0:
            return Expectation(gain=decision.gain, low=decision.low, high=decision.high, risk=decision.risk, printers=0)
        gain = self.slope * decision.gain
        low, high = (gain + self.widening * (end - decision.gain) for end in (decision.low, decision.high))
        spread = max((high - low) / (2 * _Z90), _LEAST_SD)
        risk = NormalDist(gain, spread).cdf(_HARM)
        return Expectation(gain=gain, low=low, high=high, risk=risk, printers=self.printers)


BUILT_IN = GainRelation()


def gain_relation(rehearsal: Rehearsal | None) -> GainRelation:
    """Least squares through the origin, each printer counting once, drawn to the built-in relation.

    The spread of true gains is that about the line, less the chance of which prints they were scored on.
    """
    if rehearsal is None:
        return BUILT_IN
    by_printer: dict[str, list[Episode]] = defaultdict(list)
    for episode in rehearsal.episodes:
        by_printer[episode.printer].append(episode)
    groups = list(by_printer.values())
    prior = _BUILT_IN_PRINTERS * _USUAL_GAIN**2
    both = prior + sum(mean(each.expected * each.gain for each in group) for group in groups)
    slope = max(0.0, both / (prior + sum(mean(each.expected**2 for each in group) for group in groups)))
    usual = _BUILT_IN_PRINTERS * _USUAL_SD**2
    seen = usual + sum(mean(_squared_error(each, slope) for each in group) for group in groups)
    foretold = usual + sum(mean(_variance(each) for each in group) for group in groups)
    widening = min(max(math.sqrt(max(seen, 0.0) / foretold), _WIDENING[0]), _WIDENING[1])
    return GainRelation(slope=slope, widening=widening, printers=len(groups))


def trials_of_recipe(rehearsal: Rehearsal | None, settings: Mapping[str, Any]) -> tuple[Trial, ...]:
    """How the candidates of a recipe with these very settings fared; none where it was not rehearsed."""
    if rehearsal is None:
        return ()
    name = next((name for name, each in rehearsal.recipes.items() if each == settings), None)
    return tuple(trial for trial in rehearsal.trials if trial.recipe == name)


def rehearsed_in(metrics: Mapping[str, Any]) -> Rehearsal | None:
    """The rehearsal that a checkpoint's metrics hold; ``None`` where there is none that can be read."""
    try:
        return Rehearsal.model_validate(metrics[REHEARSAL])
    except (KeyError, ValidationError):
        return None


def summed_up(episodes: Sequence[Episode]) -> dict[str, float | int]:
    """Sample size, mean expected and true gain, and the worst printer's mean gain."""
    printers = list(dict.fromkeys(each.printer for each in episodes))
    by_printer = [mean(each.gain for each in episodes if each.printer == printer) for printer in printers]
    return {
        "printers": len(printers),
        "episodes": len(episodes),
        "expected_gain": mean(each.expected for each in episodes),
        "gain": mean(by_printer),
        "worst_printer_gain": min(by_printer),
    }


def _squared_error(episode: Episode, slope: float) -> float:
    return float((episode.gain - slope * episode.expected) ** 2 - episode.error**2)


def _variance(episode: Episode) -> float:
    return float(((episode.high - episode.low) / (2 * _Z90)) ** 2)
