"""diagnose: faiss neighbour diagnostics of a model on a target, without adapting anything.

It looks at the frames that `adapt` would judge the model by; of a million, no more are decoded than that.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptprint.adaptation.prior import parse_prior
from adaptprint.adaptation.recipe import Recipe
from adaptprint.diagnostics.examine import Examination
from adaptprint.diagnostics.neighbour_facts import frame_facts, neighbour_facts
from adaptprint.errors import BadDataError, UsageError
from adaptprint.frames.camera import CameraProfile
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.device import choose_compute
from adaptprint.reporting.progress import ProgressCallback, silent
from adaptprint.workflows.abstention import as_candidate
from adaptprint.workflows.inputs import one_printer, open_unlabelled, refuse_negative
from adaptprint.workflows.judge import examiner_for
from adaptprint.workflows.sources import open_source
from adaptprint.workflows.target import open_target


@dataclass(frozen=True)
class DiagnoseResult:
    """Where the target stands for a model.

    Attributes:
        examination: Neighbours, witnesses and validators against the baseline, vetoes.
        n_frames: Target frames; unreadable ones among those that were opened are not counted.
        n_prints: Target prints.
        notes: What the user should know, one sentence each.
    """

    examination: Examination
    n_frames: int
    n_prints: int
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        found = self.examination
        classes = found.evidence.classes
        return {
            "target": {
                "n_frames": self.n_frames,
                "n_prints": self.n_prints,
                "n_frames_examined": len(found.evidence.target),
            },
            "neighbours": {
                "frozen": neighbour_facts(found.frozen, classes),
                "adapted": neighbour_facts(found.adapted, classes),
            },
            "frames": {
                "frozen": frame_facts(found.frozen, classes),
                "adapted": frame_facts(found.adapted, classes),
            },
            "witnesses": [witness.to_dict() for witness in found.witnesses],
            "vetoes": [veto.to_dict() for veto in found.vetoes],
            "validators": [validator.to_dict() for validator in found.validators],
            "notes": list(self.notes),
        }


def diagnose(
    model: str | Path,
    target: str | Path,
    *,
    baseline: str | Path | None = None,
    source_data: str | Path | None = None,
    target_prior: str = "unknown",
    printer: str | None = None,
    layout: str = "auto",
    camera: CameraProfile | None = None,
    device: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    progress: ProgressCallback = silent,
) -> DiagnoseResult:
    """Looks up who stands near the target's frames, in the baseline's space and in the model's own.

    Args:
        model: The checkpoint to diagnose.
        target: Frames of one printer; labels are never read.
        baseline: The source model it came from; ``None`` compares the model with itself.
        source_data: Labelled frames that replace the source memory.
        target_prior: Share of faulty prints, as far as known.
        printer: Only this printer's frames, where ``target`` holds several.
        layout: Force a layout of the target.
        camera: Camera profile; ``None`` takes the model's.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: CPU threads.
        seed: Decides every draw.
        progress: Progress callback.

    Raises:
        AdaptprintError: With cause and fix.
    """
    refuse_negative(seed)
    word = parse_prior(target_prior)
    compute = choose_compute(device, threads)
    frozen, source = open_source(baseline or model, source_data, None, compute, threads, seed, progress)
    checkpoint = frozen if baseline is None else open_source(model, None, None, compute, threads, seed, progress)[0]
    _same_kind(checkpoint, frozen)
    if source is None:
        raise BadDataError(f"{baseline or model} carries no source frames to be neighbours", "Give --source-data DATA.")
    config = checkpoint.config
    table = one_printer(open_unlabelled(target, layout, config.classes), printer)
    limit = _coreset_frames(checkpoint)
    found = open_target(table, config.input_size, camera or config.camera, limit, seed, threads, progress)
    candidate = as_candidate(checkpoint)
    own = candidate if baseline is None else None
    examiner = examiner_for(frozen, source, found.pixels, word, compute, seed, progress, own=own)
    examination = examiner.examine(candidate)
    notes, n_frames = list(found.pixels.table.notes), len(found.pixels.table) + len(found.rest)
    prints = found.pixels.table.prints if len(found.rest) == 0 else table.prints
    examined = len(examination.evidence.target)
    if examined < n_frames:
        notes.append(f"looked at {examined:,} of {n_frames:,} frames, as many of every print as of any other")
    return DiagnoseResult(examination, n_frames, prints.height, tuple(notes))


def _coreset_frames(checkpoint: Checkpoint) -> int:
    """The setting that the model was adapted with: the frames examined are then those it was judged by."""
    asked = checkpoint.config.provenance.recipe.get("coreset_frames")
    return asked if isinstance(asked, int) and asked > 0 else Recipe.model_fields["coreset_frames"].default


def _same_kind(model: Checkpoint, baseline: Checkpoint) -> None:
    ours, theirs = model.config, baseline.config
    if (ours.arch, ours.classes, ours.bottleneck, ours.input_size) != (
        theirs.arch,
        theirs.classes,
        theirs.bottleneck,
        theirs.input_size,
    ):
        raise UsageError(
            "the model and the baseline differ in architecture, classes or input size",
            "Give the source model that this model was adapted from as --baseline.",
        )
