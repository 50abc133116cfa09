"""compare: recipes against the source-only baseline, on labelled printers left out one by one.

For each printer left out: a source model from the others (or the one given), adaptation on some of its prints without
their labels, scoring on others. What counts is the next prints of a printer, not those adapted on.
"""

from collections.abc import Sequence
from pathlib import Path

import torch

from adaptprint.adaptation.prior import parse_prior
from adaptprint.adaptation.recipe import NamedRecipe, load_recipe
from adaptprint.adaptation.task import SOURCE_ONLY
from adaptprint.errors import UsageError
from adaptprint.frames.camera import CameraProfile
from adaptprint.models.atomic_folder import refuse_taken, workspace
from adaptprint.models.device import choose_compute
from adaptprint.reporting.progress import ProgressCallback, silent
from adaptprint.workflows.comparison_files import COMPARISON, write_comparison
from adaptprint.workflows.comparison_grid import left_out_printers, plan
from adaptprint.workflows.comparison_left_out import Setting
from adaptprint.workflows.comparison_prints import MIN_ADAPT_PRINTS, OWN, checked_shares
from adaptprint.workflows.comparison_result import CompareResult, sum_up
from adaptprint.workflows.comparison_run import run_grid
from adaptprint.workflows.comparison_store import SOURCES, take_over
from adaptprint.workflows.inputs import open_checkpoint, open_labelled, refuse_negative

DEFAULT_RECIPES = ("source-only", "bn", "bn-early", "calibrate", "dann-prior")


def compare(
    recipes: Sequence[str | Path] = DEFAULT_RECIPES,
    *,
    data: str | Path,
    out: str | Path,
    source: str | Path | None = None,
    sources: str | Path | None = None,
    printer: Sequence[str] = (),
    init: str | Path = "none",
    set: Sequence[str] = (),
    recipe_set: Sequence[str] = (),
    seeds: Sequence[int] = (0,),
    bad_shares: Sequence[float | str] = (OWN,),
    adapt_prints: int | None = None,
    target_prior: str = "unknown",
    labelled_prints: int = 0,
    layout: str = "auto",
    camera: CameraProfile | None = None,
    device: str = "auto",
    threads: int | None = None,
    max_parallel: int = 1,
    overwrite: bool = False,
    resume: bool = False,
    progress: ProgressCallback = silent,
) -> CompareResult:
    """Compares recipes on labelled printers left out one by one.

    A cell that fails stops no other: its error is in the result. With ``max_parallel`` above 1 a script needs the usual
    ``if __name__ == "__main__":`` around its work, as processes are started afresh.

    Args:
        recipes: Recipes by name or TOML file. ``source-only`` is always among them.
        data: Labelled frames of several printers.
        out: Folder to write.
        source: One source checkpoint for all printers; ``None`` trains one without each printer.
        sources: Folder that keeps these source models for other comparisons too; ``None`` keeps them in ``out``.
        printer: Leave out only these printers.
        init: Starting weights of the source models, as in :func:`adaptprint.train`.
        set: ``key=value`` overrides of the source training.
        recipe_set: ``key=value`` overrides of every recipe but the baseline.
        seeds: Each seed is another split into adaptation and test prints, and another run.
        bad_shares: Shares of bad prints to adapt on, in [0, 1]; ``own`` is the data's own.
        adapt_prints: How many prints to adapt on; ``None`` takes all of the half that is not for testing.
        target_prior: As in :func:`adaptprint.adapt`.
        labelled_prints: Tell every recipe the class of as many of the prints that it adapts on: of those that the
            source model is least sure of.
        layout: Force a layout of the data.
        camera: Camera profile of the frames.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: CPU threads, shared by all processes.
        max_parallel: Processes that work at the same time.
        overwrite: Replace an existing comparison.
        resume: Take over finished cells and source models, of an interrupted comparison or of a finished one.
        progress: Progress callback.

    Raises:
        InterruptedRunError: After Ctrl-C; finished cells are kept.
        AdaptprintError: With cause and fix.
    """
    named = _with_baseline([_recipe(recipe, recipe_set) for recipe in recipes])
    word, shares, out = parse_prior(target_prior), checked_shares(bad_shares), Path(out)
    _check_numbers(seeds, adapt_prints, max_parallel, labelled_prints)
    if source is not None and (set or str(init) != "none"):
        raise UsageError(
            "--set and --init are of the training of source models, and --source gives one that is trained",
            "Leave --source out, or these; settings of the recipes go with --recipe-set.",
        )
    if not (resume and (out / COMPARISON).is_file()):
        refuse_taken(out, overwrite)
    choose_compute(device, threads)
    table = open_labelled(data, layout)
    if labelled_prints and table.labels_vary_inside_prints:
        raise UsageError("--labelled-prints: labels differ inside the prints of this data", "Leave it out.")
    known = None if source is None else open_checkpoint(source).config.provenance.printers
    grid = plan(table, left_out_printers(table, printer, known), shares, seeds, named, adapt_prints)
    with workspace(out, resume) as work:
        if resume:
            take_over(out, work.pieces)
        setting = Setting(
            data=Path(data),
            layout=layout,
            source=None if source is None else Path(source),
            sources=work.pieces / SOURCES if sources is None else Path(sources),
            init=str(init),
            set=tuple(set),
            train_seed=seeds[0],
            held_out=(),
            camera=camera,
            word=word,
            labelled_prints=labelled_prints,
            device=device,
            threads=threads if max_parallel == 1 else max(1, (threads or torch.get_num_threads()) // max_parallel),
            scratch=work.pieces,
        )
        results = run_grid(setting, grid, max_parallel, progress)
        result = sum_up(results, (*table.notes, *grid.notes, *_told(labelled_prints)), out)
        write_comparison(result, work)
    return result


def _recipe(name_or_file: str | Path, overrides: Sequence[str]) -> NamedRecipe:
    named = load_recipe(name_or_file)
    return named if named.recipe.changes_nothing else load_recipe(name_or_file, overrides, "--recipe-set")


def _with_baseline(recipes: list[NamedRecipe]) -> list[NamedRecipe]:
    if any(recipe.recipe.changes_nothing for recipe in recipes):
        return recipes
    return [load_recipe(SOURCE_ONLY), *recipes]


def _told(labelled_prints: int) -> list[str]:
    if not labelled_prints:
        return []
    return [
        f"recipes that learn from labels were told the class of the {labelled_prints} prints that the source model is "
        f"least sure of, the verdicts on all others that of the {labelled_prints} most telling ones, or of as many as "
        "tell anything"
    ]


def _check_numbers(seeds: Sequence[int], adapt_prints: int | None, max_parallel: int, labelled_prints: int) -> None:
    if not seeds:
        raise UsageError("no seed was given", "Give one at least, such as seeds=[0].")
    for seed in seeds:
        refuse_negative(seed)
    if labelled_prints < 0:
        raise UsageError(f"--labelled-prints {labelled_prints} is not possible", "Use 0 or more.")
    if max_parallel < 1:
        raise UsageError(f"--max-parallel {max_parallel} is not possible", "Use 1 or more.")
    if adapt_prints is not None and adapt_prints < MIN_ADAPT_PRINTS:
        raise UsageError(
            f"--adapt-prints {adapt_prints} is too few to adapt on", f"Use {MIN_ADAPT_PRINTS} or more, or leave it out."
        )
