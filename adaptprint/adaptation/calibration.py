"""Calibration: the decision moves to between the classes' print scores on this printer.

On a new printer the trunk often still ranks prints well while all scores lie too low or too high. How far they moved is
the shift of :mod:`adaptprint.adaptation.print_margins`, found from the prints' scores alone under an unknown class
share; it is taken out of the classifier's bias, so nothing but the balance between the two classes changes.
"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from adaptprint.adaptation.domain_views import candidate_network, look_at_source
from adaptprint.adaptation.prior import PriorEstimate, estimate_prior
from adaptprint.adaptation.task import AdaptationTask, Candidate
from adaptprint.models.embed import embed


def belief_about(task: AdaptationTask, candidate: Candidate) -> PriorEstimate:
    """Class shares, print posteriors and shift of the target, read off a candidate's own scores.

    Args:
        task: What is adapted; its source frames say what the candidate's scores look like on known printers.
        candidate: The model.
    """
    if candidate.state is task.checkpoint.state:
        return task.prior
    network = candidate_network(task.checkpoint, candidate, task.compute)
    seen = embed(network, task.target.array, task.compute)
    by_frame = task.checkpoint.config.provenance.labels_vary_inside_prints
    scores = None
    if task.source is not None and not by_frame:
        scores = look_at_source(task.checkpoint, candidate, task.source, task.compute, task.seed).scores
    return estimate_prior(
        seen.probabilities, task.target.table, task.word, by_frame, task.seed, scores, task.print_labels
    )


def calibrated(task: AdaptationTask, candidate: Candidate) -> Candidate:
    """The candidate with its printer's shift taken out; itself, where no shift can be told (see ``why_not``)."""
    shift = belief_about(task, candidate).shift
    if shift is None:
        return candidate
    return replace(candidate, name=f"{candidate.name}, calibrated", state=shifted(candidate.state, shift))


def why_not(task: AdaptationTask) -> str | None:
    """Why calibration cannot be done for this task, one sentence; ``None`` where it can."""
    if task.prior.shift is not None:
        return None
    return f"not calibrated: only the printer's shift of two classes' print scores can be taken out ({task.prior.says})"


def shifted(state: Mapping[str, Tensor], shift: float) -> dict[str, Tensor]:
    """A binary classifier's state with ``shift`` taken from the log odds of class 1."""
    bias = state["classifier.bias"].clone()
    bias[0] += shift / 2
    bias[1] -= shift / 2
    return {**state, "classifier.bias": bias}
