"""batch, adapt_many: many targets in one call, each isolated, one result each."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from adaptprint.adaptation.prior import parse_prior
from adaptprint.adaptation.recipe import DEFAULT_RECIPE, load_recipe
from adaptprint.errors import UsageError
from adaptprint.frames.frame_files import usable_cores
from adaptprint.models.device import choose_compute
from adaptprint.reporting.progress import ProgressCallback, silent
from adaptprint.workflows.fleet_file import open_fleet
from adaptprint.workflows.fleet_job import FleetJob
from adaptprint.workflows.fleet_result import BatchResult as BatchResult
from adaptprint.workflows.fleet_result import TargetResult as TargetResult
from adaptprint.workflows.fleet_run import SCRATCH, ResultCallback, run_fleet
from adaptprint.workflows.fleet_targets import Targets, find_targets, named
from adaptprint.workflows.inputs import refuse_negative
from adaptprint.workflows.ray_executor import RayExecutor
from adaptprint.workflows.sources import SharedSource


def _ignore(result: TargetResult) -> None:
    del result


def adapt_many(
    source: str | Path,
    targets: Targets,
    *,
    out: str | Path = "fleet",
    recipe: str | Path = DEFAULT_RECIPE,
    set: Sequence[str] = (),
    target_prior: str = "unknown",
    source_data: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    max_parallel: int = 1,
    executor: Executor | str | None = None,
    ray_address: str | None = None,
    overwrite: bool = False,
    on_result: ResultCallback = _ignore,
    progress: ProgressCallback = silent,
) -> BatchResult:
    """Adapts one source model to many targets; a target that fails stops no other.

    A second call does nothing for a target whose run folder is up to date: same source model, frames, recipe, prior,
    camera, labels, seed and version. What changed is adapted anew, an unfinished run goes on. With ``max_parallel``
    above 1 a script needs the usual ``if __name__ == "__main__":`` around its work, as processes are started afresh.

    Args:
        source: A checkpoint folder, or bare weights together with ``source_data``.
        targets: A sequence of folders, CSVs, videos and globs; a mapping from names to those; a glob; or a root folder,
            each subfolder of which is a printer, or whose CSV names the printers. In the place of a path there may be
            a mapping with ``path`` and what differs for this printer: ``target_prior``, ``recipe``, ``set``,
            ``labels``, ``printer``, ``layout``, ``crop``, ``rotate``, ``flip``, ``name``.
        out: Holds one run folder per target, and the overview: ``fleet.json``, ``fleet.csv``, ``fleet.html``.
        recipe: A recipe by name, or a TOML file.
        set: ``key=value`` overrides of the recipe.
        target_prior: As in :func:`adaptprint.adapt`, for all targets.
        source_data: As in :func:`adaptprint.adapt`.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: CPU threads; processes of this machine share them, a Ray task gets as many cores.
        seed: Decides every draw.
        max_parallel: Processes of this machine that work at the same time.
        executor: ``"ray"``, or any executor with the interface of :class:`concurrent.futures.Executor`, which stays
            open; ``None`` works in this process, or in ``max_parallel`` of its own.
        ray_address: Of the Ray cluster; ``None`` takes ``$RAY_ADDRESS``, else starts one on this machine.
        overwrite: Adapt to all targets anew.
        on_result: Told of each target as soon as it ended, in any order; those that are up to date come first.
        progress: Progress callback; its events are :class:`~adaptprint.reporting.fleet_progress.FleetProgress`.

    Returns:
        One result per target, in the order asked for.

    Raises:
        UsageError: If a setting is wrong, no target is named, or another process works on the same folder.
        BadDataError: If the source is no checkpoint.
        InterruptedRunError: After Ctrl-C; finished targets stay.
    """
    out = Path(out).absolute()
    refuse_negative(seed)
    choose_compute(device, threads, precision="fp32")
    if max_parallel < 1:
        raise UsageError(f"--max-parallel {max_parallel} is not possible", "Use 1 or more.")
    if isinstance(executor, str) and executor != "ray":
        raise UsageError(f"unknown executor `{executor}`", "Use ray, or leave it out.")
    printers = named(find_targets(targets, Path.cwd()))
    # A typo is told at once, not in the morning.
    parse_prior(target_prior, "target_prior")
    for name, target in printers:
        parse_prior(target.target_prior or target_prior, f"target {name}: target_prior")
    shared = SharedSource.at(Path(source).absolute(), None if source_data is None else Path(source_data).absolute())
    jobs = [
        FleetJob(
            name=name,
            source=shared,
            out=out / name,
            note=out / SCRATCH / f"{place}.json",
            target=Path(target.path),
            recipe=target.recipe or recipe,
            set=(*set, *target.set),
            target_prior=target.target_prior or target_prior,
            labels=None if target.labels is None else Path(target.labels),
            printer=target.printer,
            layout=target.layout,
            camera=target.camera,
            device=device,
            threads=threads,
            seed=seed,
        )
        for place, (name, target) in enumerate(printers)
    ]
    for job in jobs:
        load_recipe(job.recipe, job.set)
    with _engine(executor, ray_address, device, threads, max_parallel) as (engine, threads_each):
        return run_fleet(
            [replace(job, threads=threads_each) for job in jobs],
            out,
            overwrite=overwrite,
            max_parallel=max_parallel,
            executor=engine,
            on_result=on_result,
            progress=progress,
        )


def batch(
    fleet: str | Path,
    *,
    out: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    max_parallel: int = 1,
    executor: Executor | str | None = None,
    ray_address: str | None = None,
    overwrite: bool = False,
    on_result: ResultCallback = _ignore,
    progress: ProgressCallback = silent,
) -> BatchResult:
    """Adapts to every target of a fleet file, as :func:`adapt_many` does.

    Args:
        fleet: A TOML file: ``source``, ``out``, defaults, ``targets``, and a ``[[target]]`` table for each printer that
            has settings of its own.
        out: Overrides the file's ``out``.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: As in :func:`adapt_many`; and so are the others.
        max_parallel: Processes of this machine that work at the same time.
        executor: ``"ray"``, or any executor.
        ray_address: Of the Ray cluster.
        overwrite: Adapt to all targets anew.
        on_result: Told of each target as soon as it ended.
        progress: Progress callback.

    Raises:
        UsageError: If the file is wrong; single targets that fail are reported in the result.
    """
    opened = open_fleet(Path(fleet))
    content = opened.content
    return adapt_many(
        opened.source,
        [target.model_dump(exclude_none=True) for target in opened.targets],
        out=opened.out if out is None else out,
        recipe=opened.recipe,
        set=content.set,
        target_prior=content.target_prior,
        source_data=opened.source_data,
        device=device,
        threads=threads,
        seed=content.seed,
        max_parallel=max_parallel,
        executor=executor,
        ray_address=ray_address,
        overwrite=overwrite,
        on_result=on_result,
        progress=progress,
    )


@contextmanager
def _engine(
    executor: Executor | str | None, ray_address: str | None, device: str, threads: int | None, max_parallel: int
) -> Iterator[tuple[Executor | None, int | None]]:
    """The executor, ``None`` for this machine's processes; and the threads of one printer."""
    if not isinstance(executor, str):
        alone = executor is not None or max_parallel == 1
        yield executor, threads if alone else max(1, (threads or usable_cores()) // max_parallel)
        return
    with RayExecutor(ray_address, threads, device) as ray:
        yield ray, ray.cores
