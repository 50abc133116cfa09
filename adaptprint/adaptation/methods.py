"""A recipe is carried out: statistics, training, head, blend, calibration; the source model is always first."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from torch import Tensor

from adaptprint.adaptation.calibration import belief_about, calibrated, why_not
from adaptprint.adaptation.domain_views import candidate_network
from adaptprint.adaptation.prototypes import with_prototypes
from adaptprint.adaptation.statistics import with_statistics
from adaptprint.adaptation.task import SOURCE_ONLY, Adaptation, AdaptationTask, Candidate
from adaptprint.adaptation.teacher import PrintTeacher, consensus_teacher
from adaptprint.errors import BadDataError
from adaptprint.models.embed import embed
from adaptprint.models.metrics import print_probabilities


def adapt_network(task: AdaptationTask) -> Adaptation:
    """Carries out the task's recipe.

    Raises:
        BadDataError: If the recipe needs source frames, or source moments, and there are none.
        InterruptedRunError: After Ctrl-C; the state is saved first.
    """
    recipe, source = task.recipe, Candidate(SOURCE_ONLY, task.checkpoint.state)
    if recipe.changes_nothing:
        return Adaptation((source,))
    if recipe.needs_source and task.source is None:
        raise BadDataError(
            "this recipe needs source frames, and this checkpoint carries none",
            "Give --source-data DATA, or use a source-free recipe: --recipe bn-early.",
        )
    start = with_statistics(task)
    trained = _trained(task, start) if recipe.steps else Adaptation(())
    candidates = [_finished(task, each) for each in (start, *trained.candidates)]
    warnings = list(trained.warnings)
    if recipe.calibrate and (reason := why_not(task)):
        warnings.append(reason)
    changed = [each for each in candidates if each.state is not source.state]
    return Adaptation((source, *changed), trained.trace, tuple(warnings), trained.discriminator_accuracy)


def _trained(task: AdaptationTask, start: Candidate) -> Adaptation:
    teacher, warnings = None, []
    if task.recipe.consensus:
        teacher = _teacher(task, start)
        if teacher is None or teacher.is_silent:
            teacher = None
            warnings.append("the prints taught nothing: no class but one was recognised with confidence among them")
    if task.recipe.source_free and teacher is None and not task.recipe.mcc:
        return Adaptation((), warnings=(*warnings, "not trained: without source frames and lessons there is no loss"))
    # pytorch-adapt takes two seconds to import, which recipes that do not train need not wait for.
    from adaptprint.adaptation.loop import AdaptationLoop

    loop = AdaptationLoop(task, start, teacher)
    snapshots = loop.run()
    return Adaptation(
        tuple(snapshots),
        tuple(loop.progress.trace),
        (*warnings, *loop.progress.warnings),
        loop.progress.discriminator_accuracy if loop.discriminator is not None else None,
    )


def _teacher(task: AdaptationTask, start: Candidate) -> PrintTeacher | None:
    if task.checkpoint.config.provenance.labels_vary_inside_prints:
        return None
    posteriors = belief_about(task, start).print_posteriors
    if posteriors is None:
        posteriors = _votes(task, start)
    return consensus_teacher(posteriors, task.target.table.print_codes)


def _votes(task: AdaptationTask, start: Candidate) -> npt.NDArray[np.float64]:
    """(p, K) probabilities of the prints by all frames, for want of source frames that would say what they mean."""
    network = candidate_network(task.checkpoint, start, task.compute)
    codes = task.target.table.print_codes
    votes = print_probabilities(embed(network, task.target.array, task.compute).probabilities, codes).astype(np.float64)
    if task.print_labels is not None:
        known = task.print_labels >= 0
        votes[known] = np.eye(votes.shape[1])[task.print_labels[known]]
    return votes


def _finished(task: AdaptationTask, candidate: Candidate) -> Candidate:
    """Head, blend and calibration."""
    recipe = task.recipe
    if recipe.head == "prototypes":
        candidate = with_prototypes(task, candidate, belief_about(task, candidate).print_posteriors)
    if recipe.blend < 1 and candidate.trained:
        candidate = replace(candidate, state=_blended(task, candidate, recipe.blend))
    return calibrated(task, candidate) if recipe.calibrate else candidate


def _blended(task: AdaptationTask, candidate: Candidate, share: float) -> dict[str, Tensor]:
    """Weights between the source model's and the candidate's (Wortsman et al. 2022, Robust fine-tuning)."""
    source = task.checkpoint.state
    return {
        name: (value if not value.is_floating_point() else source[name] + share * (value - source[name]))
        for name, value in candidate.state.items()
    }
