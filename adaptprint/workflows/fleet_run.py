"""Runs the jobs of a fleet on an engine: what is up to date stays, what fails stops no other."""

import shutil
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor
from contextlib import closing
from pathlib import Path

from adaptprint.errors import InterruptedRunError
from adaptprint.models.atomic_folder import writing_to
from adaptprint.models.device import choose_compute
from adaptprint.models.output_lock import output_lock, set_aside
from adaptprint.reporting.progress import Progress, ProgressCallback, silent
from adaptprint.workflows.adapt import AdaptResult
from adaptprint.workflows.fleet_board import FleetBoard
from adaptprint.workflows.fleet_files import write_overview
from adaptprint.workflows.fleet_job import FleetJob, adapt_elsewhere, adapt_here, up_to_date
from adaptprint.workflows.fleet_result import BatchResult, TargetResult
from adaptprint.workflows.ray_executor import RayExecutor
from adaptprint.workflows.worker_pool import run_jobs, run_on, told

SCRATCH = ".fleet"
_SECONDS_BETWEEN_OVERVIEWS = 30.0

ResultCallback = Callable[[TargetResult], None]
Answers = Generator[tuple[int, AdaptResult | Exception], None, None]


def run_fleet(
    jobs: Sequence[FleetJob],
    out: Path,
    *,
    overwrite: bool,
    max_parallel: int,
    executor: Executor | None,
    on_result: ResultCallback,
    progress: ProgressCallback,
) -> BatchResult:
    """Adapts to every printer that is not up to date.

    Args:
        jobs: One for each printer.
        out: Holds their run folders, and the overview.
        overwrite: Adapt to all anew.
        max_parallel: Processes of this machine, where there is no executor.
        executor: Any; ``None`` works in this process, or in several of its own.
        on_result: Told as soon as a printer ended.
        progress: Progress callback.

    Raises:
        UsageError: If another process works on the same folder.
        OutputError: If the folder cannot be written.
        InterruptedRunError: After Ctrl-C; what is finished is kept.
    """
    scratch = out / SCRATCH
    with writing_to(out):
        scratch.mkdir(parents=True, exist_ok=True)
    with output_lock(out, scratch):
        for note in scratch.glob("[0-9]*.json"):  # of a fleet that was killed
            note.unlink(missing_ok=True)
        fleet = _Fleet(jobs, out, on_result, FleetBoard([job.name for job in jobs], progress))
        try:
            left = list(range(len(jobs))) if overwrite else fleet.take_over()
            # Closed at once, whatever happens: processes of a pool must not outlive this call.
            with closing(_answers(fleet, left, max_parallel, executor)) as answers:
                fleet.run(left, answers)
        except (KeyboardInterrupt, InterruptedRunError) as stop:
            raise InterruptedRunError(
                f"stopped with {len(fleet.results)} of {len(jobs)} printers finished; they are kept",
                "Repeat the command to go on.",
            ) from stop
        finally:
            fleet.write()
        gone = set_aside(scratch)
    shutil.rmtree(gone, ignore_errors=True)
    return fleet.result


class _Fleet:
    """What is known so far of each printer, by its place."""

    def __init__(self, jobs: Sequence[FleetJob], out: Path, on_result: ResultCallback, board: FleetBoard) -> None:
        self.jobs, self.out, self.board = jobs, out, board
        self.results: dict[int, TargetResult] = {}
        self._on_result = on_result
        self._written = float("-inf")

    @property
    def result(self) -> BatchResult:
        return BatchResult(tuple(self.results[place] for place in range(len(self.jobs))), self.out)

    def take_over(self) -> list[int]:
        """Takes over what is up to date, and returns the places of what is not."""
        left = []
        for place, job in enumerate(self.jobs):
            found = up_to_date(job)
            if found is None:
                left.append(place)
            else:
                self._add(place, TargetResult(job.name, found, None, job.out, job.target, job.printer, up_to_date=True))
        return left

    def run(self, left: Sequence[int], answers: Answers) -> None:
        """Takes the answers in as they come."""
        self.board.begin([self.jobs[place] for place in left])
        for number, answer in answers:
            if isinstance(answer, InterruptedRunError):
                raise answer
            job = self.jobs[left[number]]
            if isinstance(answer, Exception):
                result = TargetResult(job.name, None, told(answer), job.out, job.target, job.printer)
            else:
                result = TargetResult(job.name, answer, None, job.out, job.target, job.printer)
            self._add(left[number], result, str(job.recipe))
            if time.monotonic() - self._written > _SECONDS_BETWEEN_OVERVIEWS:
                self.write()

    def write(self) -> None:
        """Writes the overview of what is known."""
        self._written = time.monotonic()
        waiting = [job.name for place, job in enumerate(self.jobs) if place not in self.results]
        write_overview(list(self.results.values()), waiting, self.out)

    def _add(self, place: int, result: TargetResult, recipe: str | None = None) -> None:
        self.results[place] = result
        self.board.ended(place, result, recipe)
        self._on_result(result)


def _answers(fleet: _Fleet, left: Sequence[int], max_parallel: int, executor: Executor | None) -> Answers:
    jobs = [fleet.jobs[place] for place in left]

    def tick() -> None:
        fleet.board.look(fleet.out / SCRATCH)

    if executor is not None:
        shared = _shared(executor, jobs)
        return run_on(executor, adapt_elsewhere, jobs, tick, shared)
    if max_parallel > 1 and len(jobs) > 1:
        return run_jobs(adapt_elsewhere, jobs, min(max_parallel, len(jobs)), tick)
    return _one_by_one(fleet, left)


def _one_by_one(fleet: _Fleet, left: Sequence[int]) -> Answers:
    """In this process, every event shown as it comes."""
    for number, place in enumerate(left):

        def heard(event: Progress, place: int = place) -> None:
            fleet.board.heard(place, event)

        def work(job: FleetJob, heard: ProgressCallback = heard) -> AdaptResult:
            return adapt_here(job, heard)

        for _, answer in run_jobs(work, [fleet.jobs[place]]):
            yield number, answer


def _shared(executor: Executor, jobs: Sequence[FleetJob]) -> Sequence[object]:
    """The source model, opened and placed where all workers reach it, if the engine has such a place."""
    if not isinstance(executor, RayExecutor) or not jobs or jobs[0].source.path.is_file():
        return ()  # What is made of bare weights depends on the worker's device.
    source = jobs[0].source
    compute = choose_compute("cpu", precision="fp32")  # opening a checkpoint computes nothing
    source.open(compute, None, jobs[0].seed, silent)
    return (executor.share(source),)
