"""Witnesses: label-free comparisons of a candidate with the source model, each with its own assumption.

Every witness gives one number per target frame for both models; its value is the mean over prints of the difference,
with a print-bootstrap interval. None is trusted alone: each can be fooled, but not by the same thing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from adaptprint.diagnostics.bootstrap import print_interval
from adaptprint.diagnostics.evidence import Evidence, View
from adaptprint.diagnostics.neighbours import NeighbourIndex, vote
from adaptprint.models.memory import SourceFrames
from adaptprint.models.metrics import decide, print_probabilities

Values = npt.NDArray[np.float64]
K = 10
Favours = Literal["candidate", "source", "neither"]
# Witnesses of one family can be fooled together: a model that calls everything alike is consistent with itself, and
# one that is sure of itself or clings to the source pleases the other family.
Family = Literal["self-consistency", "source"]


@dataclass(frozen=True)
class Witness:
    """One witness's statement.

    Attributes:
        name: Short name.
        value: Mean over prints of candidate minus source; above zero speaks for the candidate.
        low: Lower end of the 90 % print-bootstrap interval.
        high: Upper end.
        applies: Whether its assumption holds on this data; if not, it is shown but not heard.
        assumption: What it takes for granted.
        says: The statement in one sentence.
        family: Whether it compares the target with itself or with the source.
    """

    name: str
    value: float
    low: float
    high: float
    applies: bool
    assumption: str
    says: str
    family: Family = "self-consistency"

    @property
    def favours(self) -> Favours:
        """Whom the witness supports; neither where its interval holds zero or its assumption fails."""
        if not self.applies:
            return "neither"
        if self.low > 0:
            return "candidate"
        return "source" if self.high < 0 else "neither"

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return {
            "name": self.name,
            "value": self.value,
            "interval": [self.low, self.high],
            "applies": self.applies,
            "favours": self.favours,
            "family": self.family,
            "assumption": self.assumption,
            "says": self.says,
        }


def hear_witnesses(evidence: Evidence, seed: int = 0) -> list[Witness]:
    """Hears every witness that can speak about this evidence."""
    witnesses = [
        _compare(
            "print coherence",
            _coherence,
            evidence,
            seed,
            applies=evidence.print_consensus and len(evidence.target) >= 2 * evidence.target.prints.height,
            assumption="several frames of a print are looked at, which all share one label",
            noun="agreement of a print's frames",
        ),
    ]
    if evidence.adapted.varied:
        witnesses.append(
            _compare(
                "steadiness",
                _steadiness,
                evidence,
                seed,
                applies=True,
                assumption="small changes of framing and light do not change the truth",
                noun="agreement of a frame's call under small camera changes",
            )
        )
    witnesses.append(
        _compare(
            "target neighbours",
            _target_neighbours,
            evidence,
            seed,
            applies=evidence.target.prints.height >= 3,
            assumption="frames of different prints that look alike to the other model share a label",
            noun="agreement with look-alike frames of other target prints",
        )
    )
    if evidence.source is not None:
        witnesses += [
            _compare(
                "source neighbours",
                _source_neighbours(evidence.source),
                evidence,
                seed,
                applies=True,
                family="source",
                assumption="frames that look alike to the other model share a label, across printers too",
                noun="agreement with the labels of the nearest source frames",
            ),
            _compare(
                "calibrated confidence",
                _confidence(evidence.source),
                evidence,
                seed,
                applies=not evidence.trained,
                family="source",
                # Training on the source raises confidence everywhere, right or wrong.
                assumption="confidence means on the target what it means on the source, and was not trained up",
                noun="share of frames called with the confidence of right calls on the source",
            ),
        ]
    if evidence.decision is not None:
        why = "not heard: where a decision lies better cannot be told from calls near it"
        return [replace(witness, applies=False, says=f"{witness.says}; {why}") for witness in witnesses]
    return witnesses


def _compare(
    name: str,
    score: Callable[[Evidence, View], Values],
    evidence: Evidence,
    seed: int,
    *,
    applies: bool,
    assumption: str,
    noun: str,
    family: Family = "self-consistency",
) -> Witness:
    before, after = score(evidence, evidence.frozen), score(evidence, evidence.adapted)
    codes = evidence.target.print_codes
    delta = print_interval(after - before, codes, seed)
    old, new = print_interval(before, codes, seed).value, print_interval(after, codes, seed).value
    says = f"{noun}: {old:.2f} before, {new:.2f} after ({delta.value:+.2f}, {delta.low:+.2f} to {delta.high:+.2f})"
    if not applies:
        says += f"; not heard, since its assumption fails here ({assumption})"
    return Witness(name, delta.value, delta.low, delta.high, applies, assumption, says, family)


def _coherence(evidence: Evidence, view: View) -> Values:
    """Probability of each frame's print-wide class."""
    codes = evidence.target.print_codes
    winner = print_probabilities(view.target.probabilities, codes).argmax(1)
    return np.asarray(view.target.probabilities[np.arange(len(codes)), winner[codes]], dtype=np.float64)


def _steadiness(evidence: Evidence, view: View) -> Values:
    """Share of small camera changes under which the call stays."""
    calls = decide(view.target.probabilities, evidence.threshold)
    varied = np.stack([decide(each.probabilities, evidence.threshold) for each in view.varied])
    return np.asarray((varied == calls).mean(0), dtype=np.float64)


def _other(evidence: Evidence, view: View) -> View:
    """The view whose space judges the calls of ``view``.

    A classifier is a smooth function of its own features, so its calls always agree with neighbours found there.
    Each model's calls are therefore judged in the other model's space.
    """
    return evidence.adapted if view is evidence.frozen else evidence.frozen


def _target_neighbours(evidence: Evidence, view: View) -> Values:
    """Share of a frame's neighbours in other target prints, in the other model's space, that get the same call."""
    codes, features = evidence.target.print_codes, _other(evidence, view).target.features
    calls = decide(view.target.probabilities, evidence.threshold)
    votes = vote(NeighbourIndex(features, codes).search(features, K, codes), calls, len(evidence.classes))
    return votes[np.arange(len(calls)), calls]


def _source_neighbours(source: SourceFrames) -> Callable[[Evidence, View], Values]:
    """Share of a frame's source neighbours, in the other model's space, whose label is its call."""

    def score(evidence: Evidence, view: View) -> Values:
        other = _other(evidence, view)
        if other.source is None:
            raise ValueError("a view without source frames cannot have source neighbours")
        calls = decide(view.target.probabilities, evidence.threshold)
        index = NeighbourIndex(other.source.features, source.table.print_codes)
        votes = vote(index.search(other.target.features, K), evidence.source_labels, len(evidence.classes))
        return votes[np.arange(len(calls)), calls]

    return score


def _confidence(source: SourceFrames) -> Callable[[Evidence, View], Values]:
    """1 where the confidence exceeds the level that as many source frames exceed as are called right.

    Average thresholded confidence (Garg et al. 2022, Leveraging Unlabeled Data to Predict Out-of-Distribution
    Performance), with the threshold learned on held-out source frames where there are any.
    """
    rows = np.flatnonzero(source.held_out)
    rows = rows if len(rows) else np.arange(len(source))

    def score(evidence: Evidence, view: View) -> Values:
        if view.source is None:
            raise ValueError("a view without source frames has no confidence level")
        probabilities = view.source.probabilities[rows]
        accuracy = (probabilities.argmax(1) == evidence.source_labels[rows]).mean()
        level = np.quantile(probabilities.max(1), 1 - accuracy)
        return np.asarray(view.target.probabilities.max(1) >= level, dtype=np.float64)

    return score
