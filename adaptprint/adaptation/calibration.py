"""Calibration: the decision moves to between the classes' print scores on this printer.

On a new printer the trunk often still ranks prints well while its scores lie too low or too high. Where to decide
there (:mod:`adaptprint.adaptation.print_decision`) follows from the prints' scores alone, under an unknown class share;
it goes into the classifier's bias, so nothing but the balance between the two classes changes.
"""

from dataclasses import replace

from adaptprint.adaptation.domain_views import candidate_network, look_at_source
from adaptprint.adaptation.print_decision import decided_at
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
    """The candidate with the best decision for this printer; itself, where none can be told (see ``why_not``)."""
    decision = belief_about(task, candidate).decision
    if decision is None:
        return candidate
    state = decided_at(candidate.state, decision.margin)
    return replace(candidate, name=f"{candidate.name}, calibrated", state=state, decision=decision)


def why_not(task: AdaptationTask) -> str | None:
    """Why calibration cannot be done for this task, one sentence; ``None`` where it can."""
    if task.prior.decision is not None:
        return None
    return f"not calibrated: that needs print scores of two classes, on labelled source prints too ({task.prior.says})"
