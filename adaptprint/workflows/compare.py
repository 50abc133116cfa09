"""compare: recipes against the source-only baseline, on labelled printers left out one by one.

For each printer left out: a source model from the others (or the one given), adaptation on one half of its prints
without their labels, scoring on the other half. What counts is the next prints of a printer, not those adapted on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from adaptprint.adaptation.methods import adapt_network
from adaptprint.adaptation.prior import parse_prior
from adaptprint.adaptation.recipe import NamedRecipe, load_recipe
from adaptprint.adaptation.task import SOURCE_ONLY, AdaptationTask
from adaptprint.errors import BadDataError, UsageError
from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.pixels import Pixels
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.models.atomic_folder import atomic_folder, refuse_taken, workspace
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.device import Compute, choose_compute
from adaptprint.models.embed import embed
from adaptprint.models.metrics import decide, mean_by_print, print_labels
from adaptprint.reporting.progress import Progress, ProgressCallback, silent
from adaptprint.workflows.comparison import Outcome, Row, paired_rows
from adaptprint.workflows.inputs import fingerprint, open_checkpoint, open_labelled, read_pixels
from adaptprint.workflows.judge import judge
from adaptprint.workflows.run_tables import write_json
from adaptprint.workflows.target_prior import prior_of_target
from adaptprint.workflows.train import train

DEFAULT_RECIPES = ("source-only", "bn", "bn-early", "dann")
_MIN_PRINTS = 4


@dataclass(frozen=True)
class CompareResult:
    """The comparison.

    Attributes:
        rows: Per recipe and printer, and per recipe over all printers (``printer`` is ``None``).
        unit: ``print``, or ``frame`` where labels differ inside prints.
        notes: What the user should know, one sentence each.
        out: Folder with comparison.json.
    """

    rows: tuple[Row, ...]
    unit: str
    notes: tuple[str, ...]
    out: Path

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return {"unit": self.unit, "rows": [row.to_dict() for row in self.rows], "notes": list(self.notes)}


def compare(
    recipes: Sequence[str | Path] = DEFAULT_RECIPES,
    *,
    data: str | Path,
    out: str | Path,
    source: str | Path | None = None,
    printer: Sequence[str] = (),
    init: str | Path = "none",
    set: Sequence[str] = (),
    seeds: Sequence[int] = (0,),
    target_prior: str = "unknown",
    layout: str = "auto",
    camera: CameraProfile | None = None,
    device: str = "auto",
    threads: int | None = None,
    overwrite: bool = False,
    progress: ProgressCallback = silent,
) -> CompareResult:
    """Compares recipes on labelled printers left out one by one.

    Args:
        recipes: Recipes by name or TOML file. ``source-only`` is always among them.
        data: Labelled frames of several printers.
        out: Folder to write.
        source: One source checkpoint for all printers; ``None`` trains one without each printer.
        printer: Leave out only these printers.
        init: Starting weights of the source models, as in :func:`adaptprint.train`.
        set: ``key=value`` overrides of the source training.
        seeds: Each seed is another split into adaptation and test prints, and another run.
        target_prior: As in :func:`adaptprint.adapt`.
        layout: Force a layout of the data.
        camera: Camera profile of the frames.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: CPU threads.
        overwrite: Replace an existing comparison.
        progress: Progress callback.

    Raises:
        AdaptprintError: With cause and fix.
    """
    named = _with_baseline([load_recipe(recipe) for recipe in recipes])
    word, out = parse_prior(target_prior), Path(out)
    refuse_taken(out, overwrite)
    compute = choose_compute(device, threads)
    table = open_labelled(data, layout)
    targets = _targets(table, printer, source)
    outcomes: list[Outcome] = []
    with workspace(out, resume=False) as work:
        for target in targets:
            path = Path(source) if source else work.scratch / f"source-without-{len(outcomes)}"
            if source is None:
                train(
                    data, out=path, init=init, hold_out_printer=[target], set=set, layout=layout, camera=camera,
                    device=device, threads=threads, seed=seeds[0], progress=_prefixed(f"without {target}", progress),
                )  # fmt: skip
            checkpoint = open_checkpoint(path)
            config = checkpoint.config
            one = table.of_printer(target)
            pixels = read_pixels(one, config.input_size, camera or config.camera, threads, progress)
            for seed in seeds:
                halves = adaptation_and_test(pixels.table, seed)
                for recipe in named:
                    report = _prefixed(f"{target}, {recipe.name}", progress)
                    task = _task(checkpoint, pixels, halves[0], recipe, compute, seed, work.state_file, word, report)
                    outcomes.append(_outcome(task, recipe, pixels, halves[1], target, seed, word))
        rows = tuple(paired_rows(outcomes))
        unit = "frame" if table.labels_vary_inside_prints else "print"
        result = CompareResult(rows, unit, table.notes, out)
        with atomic_folder(out, work.scratch) as folder:
            write_json(folder / "comparison.json", result.to_dict())
    return result


def adaptation_and_test(table: FrameTable, seed: int) -> tuple[Ints, Ints]:
    """Rows of two halves of one printer's prints, each class's prints shared out evenly.

    Raises:
        BadDataError: If the printer has too few prints for two halves.
    """
    labels = table.prints["label"].to_list()
    if len(labels) < _MIN_PRINTS:
        raise BadDataError(
            f"printer {table.printers[0]} has {len(labels)} prints; "
            f"{_MIN_PRINTS} are needed to adapt on some and test on others",
            "Leave it out with --printer, or add prints.",
        )
    rng = np.random.default_rng([seed, 5])
    test: list[int] = []
    turn = 0
    for label in sorted(set(labels)):
        codes = rng.permutation([code for code, other in enumerate(labels) if other == label])
        # The odd print goes to the test half of one class and the adaptation half of the next.
        n_test = (len(codes) + turn) // 2
        turn = 1 - turn if len(codes) % 2 else turn
        test.extend(codes[:n_test].tolist())
    inside = np.isin(table.print_codes, test)
    return np.flatnonzero(~inside), np.flatnonzero(inside)


def _with_baseline(recipes: list[NamedRecipe]) -> list[NamedRecipe]:
    if any(recipe.recipe.method == SOURCE_ONLY for recipe in recipes):
        return recipes
    return [load_recipe(SOURCE_ONLY), *recipes]


def _targets(table: FrameTable, printers: Sequence[str], source: str | Path | None) -> list[str]:
    for printer in printers:
        table.of_printer(printer)
    if printers:
        return list(printers)
    if source is not None:
        known = open_checkpoint(source).config.provenance.printers
        fresh = [printer for printer in table.printers if printer not in known]
        if not fresh:
            raise UsageError(
                "every printer of the data was among the source's own",
                "Name one with --printer, or leave --source out.",
            )
        return fresh
    if len(table.printers) < 2:
        raise UsageError(
            f"{table.root} holds one printer only, so none can be left out",
            "Add labelled printers, or give a source model of other printers with --source.",
        )
    return table.printers


def _task(
    checkpoint: Checkpoint,
    pixels: Pixels,
    rows: Ints,
    recipe: NamedRecipe,
    compute: Compute,
    seed: int,
    state_file: Path,
    word: Any,
    report: ProgressCallback,
) -> AdaptationTask:
    target = Pixels(pixels.table.take(rows).without_labels(), pixels.array[rows], [pixels.digests[r] for r in rows], [])
    network = checkpoint.network().on(compute.device)
    probabilities = embed(network, target.array, compute).probabilities
    prior = prior_of_target(checkpoint, network, checkpoint.memory, probabilities, target.table, word, compute, seed)
    return AdaptationTask(
        checkpoint=checkpoint,
        source=checkpoint.memory,
        target=target,
        prior=prior.shares,
        recipe=recipe.recipe,
        compute=compute,
        seed=seed,
        state_file=state_file,
        fingerprint=fingerprint("compare", recipe.name, seed),
        report=report,
    )


def _outcome(
    task: AdaptationTask, recipe: NamedRecipe, pixels: Pixels, test: Ints, printer: str, seed: int, word: Any
) -> Outcome:
    """Scores what the recipe ends with, and what the verdict would have shipped, on the test half."""
    adaptation = adapt_network(task)
    judgement = judge(task, adaptation, word, None)
    last = adaptation.candidates[-1]
    calls = {
        name: _right(task, state, pixels, test)
        for name, state in (
            ("last", last.state),
            (
                "shipped",
                judgement.candidate.state if judgement.verdict.decision == "ship" else task.checkpoint.state,
            ),
        )
    }
    labels = calls["last"][1]
    return Outcome(
        recipe.name, printer, seed, calls["last"][0], calls["shipped"][0], labels, judgement.verdict.decision
    )


def _right(task: AdaptationTask, state: Any, pixels: Pixels, test: Ints) -> tuple[npt.NDArray[np.bool_], Ints]:
    """Whether each test print (frame, where labels differ inside prints) is called right, and its label."""
    config = task.checkpoint.config
    network = task.checkpoint.network()
    network.load_state_dict(state)
    table = pixels.table.take(test)
    found: np.ndarray[Any, Any] = embed(network.on(task.compute.device), pixels.array[test], task.compute).probabilities
    labels = table.label_codes(config.classes)
    if not pixels.table.labels_vary_inside_prints:
        found = mean_by_print(found, table.print_codes)
        labels = print_labels(table, config.classes)
    return np.asarray(decide(found, config.threshold) == labels), labels


def _prefixed(prefix: str, progress: ProgressCallback) -> ProgressCallback:
    return lambda event: progress(Progress(f"{prefix}: {event.stage}", event.done, event.total, event.values))
