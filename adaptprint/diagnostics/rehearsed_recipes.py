"""What a recipe's candidates came to on the source's own printers, each left out, or on others: its trials."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from statistics import mean
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

SOURCE_ACCURACY_LOST = "source accuracy lost"
ANSWERABLE = frozenset({SOURCE_ACCURACY_LOST})
"""Vetoes that are signs of harm and no harm, so that what became of candidates under them can answer them."""


class Trial(BaseModel):
    """One set of prints of a printer left out: what was known of a recipe's candidate, and what it gained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str
    printer: str
    bad_share: Annotated[float, Field(ge=0, le=1)] = Field(description="Among the prints that were adapted on.")
    n_prints: Annotated[int, Field(ge=1)]
    score: Annotated[float, Field(ge=-5, le=5)] = Field(description="As `candidate_score` gives it.")
    gain: Annotated[float, Field(ge=-1, le=1)] = Field(description="True gain on the printer's other prints.")
    covariates: dict[str, float] = Field(default_factory=dict, description="As `covariates` gives them.")
    vetoes: tuple[str, ...] = Field(default=(), description="Names of the vetoes against the candidate.")


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
