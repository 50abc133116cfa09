"""Runs the cells of a comparison: what is finished already is taken over, what fails is written down."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from adaptprint.errors import InterruptedRunError
from adaptprint.reporting.job_pace import JobPace
from adaptprint.reporting.progress import ProgressCallback, prefixed, silent
from adaptprint.workflows.comparison_cell import CellJob, run_cell
from adaptprint.workflows.comparison_grid import Cell, Grid
from adaptprint.workflows.comparison_left_out import Setting, open_left_out, opened
from adaptprint.workflows.comparison_store import saved_cell
from adaptprint.workflows.worker_pool import run_jobs, told


@dataclass(frozen=True)
class CellResult:
    """What became of one cell: its content, or cause and fix where it failed."""

    cell: Cell
    content: dict[str, Any] | None
    error: str | None = None


@dataclass(frozen=True)
class _Source:
    """One printer to make ready."""

    setting: Setting
    printer: str


def run_grid(setting: Setting, grid: Grid, n_processes: int, progress: ProgressCallback) -> list[CellResult]:
    """Runs every cell that is not finished yet; one that fails stops no other.

    Raises:
        InterruptedRunError: After Ctrl-C; finished cells stay on disk.
    """
    results: dict[Cell, CellResult] = {}
    try:
        digests = _make_ready(setting, grid, n_processes, progress, results)
        for cell in grid.cells:
            content = None if cell in results else saved_cell(setting.scratch, cell, digests[cell.printer])
            if content is not None:
                results[cell] = CellResult(cell, content)
        left = [cell for cell in grid.cells if cell not in results]
        _run_cells(setting, left, len(grid.cells), n_processes, progress, results)
    except (KeyboardInterrupt, InterruptedRunError) as stop:
        finished = sum(result.content is not None for result in results.values())
        raise InterruptedRunError(
            f"stopped with {finished} of {len(grid.cells)} cells finished; they are kept",
            "Repeat the command with --resume added to go on.",
        ) from stop
    finally:
        opened.cache_clear()
    return [results[cell] for cell in grid.cells]


def _make_ready(
    setting: Setting, grid: Grid, n_processes: int, progress: ProgressCallback, results: dict[Cell, CellResult]
) -> dict[str, str]:
    """Trains and reads what each printer's cells need; its digests by printer. Failures end up in ``results``."""
    alone = n_processes == 1
    pace = JobPace("source models", grid.printers, 0, silent if alone else progress)
    jobs = [_Source(setting, printer) for printer in grid.printers]
    # In this process every step of a training is shown; from others only the models are counted.
    work = partial(_make_one_ready, progress=progress) if alone else _make_one_ready
    digests: dict[str, str] = {}
    for index, answer in run_jobs(work, jobs, n_processes, pace.tell):
        printer = jobs[index].printer
        if isinstance(answer, InterruptedRunError):
            raise answer
        if isinstance(answer, Exception):
            failed = [cell for cell in grid.cells if cell.printer == printer]
            results.update({cell: CellResult(cell, None, told(answer)) for cell in failed})
        else:
            digests[printer] = answer
        pace.add(printer, 0)
    return digests


def _make_one_ready(source: _Source, progress: ProgressCallback = silent) -> str:
    return open_left_out(source.setting, source.printer, prefixed(f"without {source.printer}", progress)).digest


def _run_cells(
    setting: Setting,
    cells: Sequence[Cell],
    n_all: int,
    n_processes: int,
    progress: ProgressCallback,
    results: dict[Cell, CellResult],
) -> None:
    pace = JobPace("comparing", [cell.recipe.name for cell in cells], n_all - len(cells), progress)
    jobs = [CellJob(setting, cell) for cell in cells]
    work = partial(run_cell, report=lambda _event: pace.tell()) if n_processes == 1 else run_cell
    for index, answer in run_jobs(work, jobs, n_processes, pace.tell):
        cell = cells[index]
        if isinstance(answer, InterruptedRunError):
            raise answer
        if isinstance(answer, Exception):
            results[cell] = CellResult(cell, None, told(answer))
            pace.add(cell.recipe.name, 0.0)
        else:
            results[cell] = CellResult(cell, answer)
            pace.add(cell.recipe.name, answer["seconds"])
