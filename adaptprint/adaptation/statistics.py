"""The first part of a recipe: whose BatchNorm statistics the model takes."""

from adaptprint.adaptation.batchnorm import match_prior_statistics, take_target_statistics
from adaptprint.adaptation.recipe import Norms, Recipe, TrainingNorms
from adaptprint.adaptation.task import SOURCE_ONLY, AdaptationTask, Candidate, TargetNorms
from adaptprint.errors import BadDataError
from adaptprint.frames.sampling import target_sampler
from adaptprint.models.network import copy_state
from adaptprint.reporting.progress import Progress

_NAMES: dict[Norms, tuple[str, TargetNorms]] = {
    "source": (SOURCE_ONLY, "none"),
    "early": ("bn-early", "early"),
    "all": ("bn", "all"),
    "prior": ("bn-prior", "all"),
}
_AFTER_TRAINING: dict[TrainingNorms, TargetNorms] = {"split": "early", "joint": "none"}


def held_norms(recipe: Recipe) -> TargetNorms:
    """Which BatchNorms hold the target's own statistics in the model that a recipe ends with."""
    if recipe.steps and recipe.training_norms in _AFTER_TRAINING:
        if recipe.source_free:
            return "all"
        return _AFTER_TRAINING[recipe.training_norms]
    return _NAMES[recipe.norms][1]


def with_statistics(task: AdaptationTask) -> Candidate:
    """The source model with the statistics that the recipe asks for.

    Raises:
        BadDataError: If the recipe needs the source's class-conditional moments and the checkpoint has none.
    """
    norms = task.recipe.norms
    if norms == "source":
        return Candidate(SOURCE_ONLY, task.checkpoint.state)
    network = task.checkpoint.network().on(task.compute.device)
    size = min(task.recipe.statistics_frames, len(task.target.table))
    rows = target_sampler(task.target.table, task.seed).batch(0, size)
    task.report(Progress("BatchNorm statistics", 0, 1))
    if norms == "prior":
        if not task.checkpoint.moments:
            raise BadDataError(
                "prior-matched BatchNorm needs the source's class-conditional moments, and this checkpoint has none",
                "Make the checkpoint again with `adaptprint train` or `pack`, or use --recipe bn-early.",
            )
        match_prior_statistics(
            network, task.checkpoint.moments, task.prior.shares, task.target.array, rows, task.compute
        )
    else:
        layers = network.early_batch_norms() if norms == "early" else dict(network.batch_norms())
        take_target_statistics(network, layers.values(), task.target.array, rows, task.compute)
    task.report(Progress("BatchNorm statistics", 1, 1))
    name, held = _NAMES[norms]
    return Candidate(name, copy_state(network), held)
