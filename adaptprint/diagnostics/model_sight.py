"""One model's view of source and target as validators score it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from adaptprint.diagnostics import validator_scores as scores
from adaptprint.diagnostics.assumptions import overlapping
from adaptprint.diagnostics.density_ratio import density_ratio, weighted_accuracy
from adaptprint.diagnostics.evidence import Evidence, View
from adaptprint.diagnostics.neighbours import NeighbourIndex, vote
from adaptprint.diagnostics.witnesses import K
from adaptprint.frames.table import Ints
from adaptprint.models.metrics import balanced_accuracy, decide, print_probabilities

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ModelSight:
    """One model's view, with what several validators need of it.

    Attributes:
        evidence: What both models see.
        view: This model's.
        other: The other's.
    """

    evidence: Evidence
    view: View
    other: View

    @cached_property
    def codes(self) -> Ints:
        """(n,) print of each target frame."""
        return self.evidence.target.print_codes

    @cached_property
    def weights(self) -> Doubles:
        """(n,) of target frames, by print."""
        return scores.print_weights(self.codes)

    @cached_property
    def probabilities(self) -> Doubles:
        """(n, K) on the target."""
        return self.view.target.probabilities.astype(np.float64)

    @cached_property
    def calls(self) -> Ints:
        """(n,) on the target."""
        return decide(self.view.target.probabilities, self.evidence.threshold)

    @cached_property
    def unseen(self) -> Ints:
        """Rows of source frames that training did not see, or all where some class has none."""
        source, labels = self.evidence.source, self.evidence.source_labels
        if source is None:
            return np.zeros(0, dtype=np.int64)
        rows = np.flatnonzero(source.held_out)
        return rows if len(np.unique(labels[rows])) == len(self.evidence.classes) else np.arange(len(labels))

    @cached_property
    def right(self) -> Doubles:
        """(u,) 1 where an unseen source frame is called right."""
        if self.view.source is None:
            raise ValueError("a view without source frames calls none of them")
        calls = decide(self.view.source.probabilities[self.unseen], self.evidence.threshold)
        return np.asarray((calls == self.evidence.source_labels[self.unseen]), dtype=np.float64)

    @cached_property
    def ratio(self) -> tuple[Doubles, float]:
        """Importance weights of the source frames, and how well the domains can be told apart."""
        source, seen = self.evidence.source, self.view.source
        if source is None or seen is None:
            raise ValueError("a view without source frames has none to weight")
        return density_ratio(seen.features, self.view.target.features, source.table.print_codes, self.codes)


def source_accuracy(sight: ModelSight) -> float:
    """By print, or by frame where labels differ inside prints."""
    evidence, rows = sight.evidence, sight.unseen
    if evidence.source is None or sight.view.source is None:
        raise ValueError("a view without source frames has no accuracy on them")
    labels, probabilities = evidence.source_labels[rows], sight.view.source.probabilities[rows].astype(np.float64)
    if evidence.print_consensus:
        _, first, codes = np.unique(evidence.source.table.print_codes[rows], return_index=True, return_inverse=True)
        labels, probabilities = labels[first], print_probabilities(probabilities, codes)
    return balanced_accuracy(decide(probabilities, evidence.threshold), labels, len(evidence.classes))


def mmd(sight: ModelSight) -> float | None:
    """Minus the distance of the domains in the model's own space."""
    source, seen = sight.evidence.source, sight.view.source
    if source is None or seen is None:
        raise ValueError("a view without source frames has no distance to them")
    return scores.negative_mmd(seen.features, sight.view.target.features, source.table.print_codes, sight.codes)


def weighted(sight: ModelSight) -> float:
    """Accuracy from unseen source frames, weighted by how much the target holds of their like."""
    return weighted_accuracy(sight.ratio[0][sight.unseen], sight.right)


def confidences(sight: ModelSight) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    """Confidence on unseen source frames, 1 where these are called right, confidence on the target, its weights."""
    if sight.view.source is None:
        raise ValueError("a view without source frames has no confidence on them")
    own = sight.view.source.probabilities[sight.unseen].astype(np.float64).max(1)
    return own, sight.right, sight.probabilities.max(1), sight.weights


def print_consistency(sight: ModelSight) -> float:
    """Share of frames that are called what their print as a whole is."""
    whole = decide(print_probabilities(sight.probabilities, sight.codes), sight.evidence.threshold)
    return float(sight.weights @ (sight.calls == whole[sight.codes]))


def neighbour_agreement(sight: ModelSight) -> float:
    """In the other model's space: a classifier always agrees with neighbours in its own."""
    source = sight.evidence.source
    if source is None or sight.other.source is None:
        raise ValueError("a view without source frames has no neighbours among them")
    index = NeighbourIndex(sight.other.source.features, source.table.print_codes)
    found = index.search(sight.other.target.features, K)
    votes = vote(found, sight.evidence.source_labels, len(sight.evidence.classes))
    return float(sight.weights @ votes[np.arange(len(sight.calls)), sight.calls])


def overlap(sight: ModelSight) -> str | None:
    """Why unseen source frames cannot be weighted to stand for the target; ``None`` where they can."""
    weights, told_apart = sight.ratio
    source, rows = sight.evidence.source, sight.unseen
    if source is None:
        raise ValueError("without source frames none can be weighted")
    return overlapping(told_apart, weights[rows], source.table.print_codes[rows])
