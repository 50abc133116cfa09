"""The methods by name: each takes a task and returns its candidates, the source model always first."""

from collections.abc import Callable

from adaptprint.adaptation.batchnorm import take_target_statistics
from adaptprint.adaptation.recipe import Method
from adaptprint.adaptation.task import SOURCE_ONLY, Adaptation, AdaptationTask, Candidate
from adaptprint.errors import BadDataError
from adaptprint.frames.sampling import target_sampler
from adaptprint.models.network import copy_state
from adaptprint.reporting.progress import Progress


def adapt_network(task: AdaptationTask) -> Adaptation:
    """Runs the recipe's method.

    Raises:
        BadDataError: If the method needs source frames and there are none.
        InterruptedRunError: After Ctrl-C; the state is saved first.
    """
    return METHODS[task.recipe.method](task)


def _source_candidate(task: AdaptationTask) -> Candidate:
    return Candidate(SOURCE_ONLY, task.checkpoint.state)


def _source_only(task: AdaptationTask) -> Adaptation:
    return Adaptation((_source_candidate(task),))


def _statistics(task: AdaptationTask, early_only: bool, name: str) -> Candidate:
    network = task.checkpoint.network().on(task.compute.device)
    norms = network.early_batch_norms() if early_only else dict(network.batch_norms())
    size = min(task.recipe.statistics_frames, len(task.target.table))
    rows = target_sampler(task.target.table, task.seed).batch(0, size)
    task.report(Progress("BatchNorm statistics", 0, 1))
    take_target_statistics(network, norms.values(), task.target.array, rows, task.compute)
    task.report(Progress("BatchNorm statistics", 1, 1))
    return Candidate(name, copy_state(network), "early" if early_only else "all")


def _bn(task: AdaptationTask) -> Adaptation:
    return Adaptation((_source_candidate(task), _statistics(task, early_only=False, name="bn")))


def _bn_early(task: AdaptationTask) -> Adaptation:
    return Adaptation((_source_candidate(task), _statistics(task, early_only=True, name="bn-early")))


def _dann(task: AdaptationTask) -> Adaptation:
    if task.source is None:
        raise BadDataError(
            "recipe `dann` needs source frames, and this checkpoint carries none",
            "Give --source-data DATA, or use a source-free recipe: --recipe bn-early.",
        )
    # pytorch-adapt takes two seconds to import, which the other methods need not wait for.
    from adaptprint.adaptation.loop import DannLoop

    start = _statistics(task, early_only=True, name="bn-early")
    loop = DannLoop(task, task.source, start.state if task.recipe.split_early else task.checkpoint.state)
    snapshots = loop.run()
    return Adaptation(
        (_source_candidate(task), start, *snapshots),
        tuple(loop.progress.trace),
        tuple(loop.progress.warnings),
        loop.progress.discriminator_accuracy,
    )


METHODS: dict[Method, Callable[[AdaptationTask], Adaptation]] = {
    "source-only": _source_only,
    "bn": _bn,
    "bn-early": _bn_early,
    "dann": _dann,
}
