"""adapt: the main job. A source model, unlabelled frames of a new printer, and an honest verdict."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptprint.adaptation.methods import adapt_network
from adaptprint.adaptation.prior import parse_prior
from adaptprint.adaptation.recipe import DEFAULT_RECIPE, load_recipe
from adaptprint.adaptation.task import AdaptationTask
from adaptprint.diagnostics.verdict import Decision
from adaptprint.errors import BadDataError, NotShippedError
from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.print_labels import print_label_codes
from adaptprint.models.atomic_folder import refuse_taken, workspace
from adaptprint.models.device import choose_compute
from adaptprint.reporting.progress import ProgressCallback, silent
from adaptprint.workflows.adapt_notes import adapt_notes
from adaptprint.workflows.earlier_run import earlier_adaptation
from adaptprint.workflows.first_look import first_look
from adaptprint.workflows.inputs import fingerprint, one_printer, open_unlabelled, refuse_negative
from adaptprint.workflows.judge import judge
from adaptprint.workflows.model import Model, load
from adaptprint.workflows.references import remember
from adaptprint.workflows.run_folder import Run, write_run
from adaptprint.workflows.run_inputs import inputs_digest, options_given, training_digest
from adaptprint.workflows.scoring import score_target
from adaptprint.workflows.sources import SharedSource, on_where_it_starts
from adaptprint.workflows.target import open_target, refuse_source_as_target
from adaptprint.workflows.target_labels import open_print_labels


@dataclass(frozen=True)
class AdaptResult:
    """What an adaptation came to.

    Attributes:
        verdict: ``ship``, ``keep-source`` or ``need-labels``.
        reasons: Why, one sentence each.
        out: The run folder.
        content: The content of report.json.
    """

    verdict: Decision
    reasons: tuple[str, ...]
    out: Path
    content: dict[str, Any]

    @property
    def checkpoint(self) -> Path:
        """The model that the verdict lets ship: the adapted one, or the source model's copy."""
        return self.out / "checkpoint"

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.out / "report.html"

    @property
    def model(self) -> Model:
        """The model of :attr:`checkpoint`, loaded."""
        return load(self.checkpoint)

    def to_dict(self) -> dict[str, Any]:
        """The content of report.json."""
        return self.content


def adapt(
    source: str | Path | SharedSource,
    target: str | Path,
    *,
    out: str | Path | None = None,
    recipe: str | Path = DEFAULT_RECIPE,
    set: Sequence[str] = (),
    target_prior: str = "unknown",
    labels: str | Path | None = None,
    source_data: str | Path | None = None,
    require_improvement: bool = False,
    printer: str | None = None,
    layout: str = "auto",
    camera: CameraProfile | None = None,
    device: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    overwrite: bool = False,
    resume: bool = False,
    continue_: bool = False,
    progress: ProgressCallback = silent,
) -> AdaptResult:
    """Adapts a source model to a new printer without labels, or with a few, and says whether the result may replace it.

    Args:
        source: A checkpoint folder, or a bare torchvision ResNet state dict together with ``source_data``; or one that
            was opened for several calls. A checkpoint that was adapted itself stands for the source model it came
            from.
        target: Frames of the new printer. Their labels are never read, even where a column holds them.
        out: The run folder to write; ``None`` picks ``runs/<target>``.
        recipe: A recipe by name, or a TOML file.
        set: ``key=value`` overrides of the recipe.
        target_prior: Share of faulty prints, as far as known: ``unknown``, ``all-good``, ``all-bad``, ``LOW-HIGH``
            or a value.
        labels: A CSV with the columns ``print`` and ``class``: what a few prints of the target are.
        source_data: Labelled source frames that replace the checkpoint's source memory.
        require_improvement: Raise :class:`~adaptprint.errors.NotShippedError` unless the verdict is ``ship``.
        printer: Adapt to this printer's frames only, where ``target`` holds several.
        layout: Force a layout of the target.
        camera: Camera profile of the new printer; ``None`` takes the source's.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: CPU threads.
        seed: Decides every draw.
        overwrite: Replace an existing run folder.
        resume: Go on with an interrupted run.
        continue_: Start from the adapted weights of ``source`` instead of from the source model it came from.
        progress: Progress callback.

    Raises:
        AdaptprintError: With cause and fix.
    """
    started = time.monotonic()
    refuse_negative(seed)
    named, word = load_recipe(recipe, set), parse_prior(target_prior)
    out = Path(out) if out is not None else _free_folder(Path(target))
    refuse_taken(out, overwrite)
    compute = choose_compute(device, threads)
    shared = source if isinstance(source, SharedSource) else SharedSource.at(source, source_data, continue_)
    checkpoint, source_set = shared.open(compute, threads, seed, progress)
    start, config = on_where_it_starts(shared.path, shared.continue_), checkpoint.config
    table = one_printer(open_unlabelled(target, layout, config.classes), printer)
    # Before the frames are read: one that changes meanwhile makes the run out of date, never the other way round.
    inputs = inputs_digest(shared.stamp, table, named, word, labels, camera, seed)
    training = training_digest(shared.stamp, table, named, word, camera, seed)
    given = options_given(printer, layout, camera, shared.data, shared.continue_)
    camera = camera or config.camera
    labelled = open_print_labels(labels, table, config, word)
    limit = named.recipe.coreset_frames
    new_printer = open_target(table, config.input_size, camera, limit, seed, threads, progress)
    refuse_source_as_target(new_printer, source_set)

    known = print_label_codes(labelled, new_printer.pixels.table, config.classes) if labelled else None
    own = shared.look(compute, threads, seed, progress)
    learned = named.recipe.learns_print_labels
    look = first_look(
        checkpoint,
        source_set,
        new_printer.pixels,
        word,
        compute,
        seed,
        progress,
        known=known,
        own=own,
        learned=learned,
    )
    with workspace(out, resume) as work:
        task = AdaptationTask(
            checkpoint=checkpoint,
            source=source_set,
            target=new_printer.pixels,
            prior=look.prior,
            word=word,
            print_labels=known,
            recipe=named.recipe,
            compute=compute,
            seed=seed,
            state_file=work.state_file,
            fingerprint=fingerprint(
                "adapt",
                named.recipe.model_dump(),
                shared.stamp.digest,
                checkpoint.digest,
                new_printer.digest,
                word.text,
                None if known is None or not learned else known.tolist(),
                seed,
                compute.precision,
            ),
            resume=resume,
            report=progress,
        )
        before = finished_run(out) if known is not None and not learned else None
        earlier = None if before is None else earlier_adaptation(out, before.content, training, checkpoint)
        adaptation = earlier or adapt_network(task)
        judgement = judge(task, adaptation, look)
        scores = score_target(new_printer, task, judgement, look.target, work.pieces)
        references = remember(task, judgement)
        # Frames that a disk or network kept back for once are missing here, and look as ever tomorrow.
        passing = any(frame.passing for frame in scores.unreadable)
        run = Run(
            out=out,
            source=str(shared.path),
            inputs=None if passing else inputs,
            training=None if passing else training,
            task=task,
            adaptation=adaptation,
            judgement=judgement,
            recipe=named,
            word=word,
            prior=look.told,
            target=new_printer,
            scores=scores,
            references=references,
            camera=camera,
            labels=None if labels is None else str(labels),
            options=given,
            notes=(*start, *adapt_notes(task, look.told, new_printer, scores, adaptation, named.name, labelled)),
        )
        content = write_run(run, work, time.monotonic() - started)
    result = AdaptResult(judgement.verdict.decision, judgement.verdict.reasons, out, content)
    if require_improvement:
        require_ship(result)
    return result


def finished_run(folder: Path) -> AdaptResult | None:
    """The result of an earlier run, read from its folder; ``None`` where there is no finished run."""
    try:
        content = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        return AdaptResult(content["verdict"], tuple(content["reasons"]), folder, content)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def require_ship(result: AdaptResult) -> None:
    """Raises NotShippedError unless the verdict is ``ship``; the run folder stays."""
    if result.verdict != "ship":
        raise NotShippedError(
            f"not shipped: the verdict is {result.verdict} ({result.reasons[0]})",
            f"The source model stays in use; {result.report} says what would help.",
        )


def _free_folder(target: Path) -> Path:
    name = target.resolve().stem or "target"
    for number in range(1, 10_000):
        folder = Path("runs") / (name if number == 1 else f"{name}-{number}")
        if not folder.exists():
            return folder
    raise BadDataError("runs/ holds thousands of runs of this target", "Name a folder with --out.")
