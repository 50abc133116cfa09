"""drift: whether a printer still looks as it did when a model was adapted to it, from recent frames without labels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adaptprint.adaptation.print_margins import log_odds, print_margins
from adaptprint.diagnostics.drift import DriftVerdict, Sign, camera_sign, margin_sign, neighbour_sign, weigh_signs
from adaptprint.diagnostics.neighbours import unit_rows
from adaptprint.errors import BadDataError
from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.sampling import balanced_rows
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.device import Compute, choose_compute
from adaptprint.models.domain_reference import DomainReference
from adaptprint.models.embed import Floats, embed
from adaptprint.models.memory import SourceFrames
from adaptprint.models.metrics import print_probabilities
from adaptprint.models.network import PrintNet
from adaptprint.models.print_statistics import print_statistics
from adaptprint.reporting.progress import Progress, ProgressCallback, silent
from adaptprint.workflows.abstention import as_candidate
from adaptprint.workflows.inputs import one_printer, open_checkpoint, open_unlabelled, refuse_negative
from adaptprint.workflows.references import FRAMES_PER_PRINT, decided_at, few_of_each, frames_behind_each, spread_prints
from adaptprint.workflows.target import open_target

RECENT_FRAMES = 256
_KNOWN_FRAMES = 256


@dataclass(frozen=True)
class DriftResult:
    """What recent frames say.

    Attributes:
        verdict: ``drifted``, ``steady``, or ``unclear`` where there are too few prints to tell.
        signs: Camera, neighbours, print margins; also those not heard.
        n_frames: Recent frames.
        n_prints: Recent prints.
        n_frames_compared: Recent frames that were looked at.
        n_prints_then: Prints at adaptation that they are compared with.
        notes: What the user should know, one sentence each.
    """

    verdict: DriftVerdict
    signs: tuple[Sign, ...]
    n_frames: int
    n_prints: int
    n_frames_compared: int
    n_prints_then: int
    notes: tuple[str, ...]

    @property
    def adapt_again(self) -> bool:
        """Whether the model should be adapted anew, to the recent frames."""
        return self.verdict == "drifted"

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return {
            "verdict": self.verdict,
            "adapt_again": self.adapt_again,
            "signs": [sign.to_dict() for sign in self.signs],
            "target": {
                "n_frames": self.n_frames,
                "n_prints": self.n_prints,
                "n_frames_compared": self.n_frames_compared,
            },
            "n_prints_then": self.n_prints_then,
            "notes": list(self.notes),
        }


def drift(
    model: str | Path,
    data: str | Path,
    *,
    printer: str | None = None,
    layout: str = "auto",
    camera: CameraProfile | None = None,
    device: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    progress: ProgressCallback = silent,
) -> DriftResult:
    """Compares recent frames of a printer with those that a model was adapted on, without labels.

    A different share of faulty prints alone is no drift, as far as that can be told.

    Args:
        model: A checkpoint of a run folder, ``checkpoint/`` or ``candidate/``.
        data: Recent frames of the same printer; labels are never read.
        printer: Only this printer's frames, where ``data`` holds several.
        layout: Force a layout of the data.
        camera: Camera profile; ``None`` takes the model's.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: CPU threads.
        seed: Decides every draw.
        progress: Progress callback.

    Raises:
        AdaptprintError: With cause and fix.
    """
    refuse_negative(seed)
    compute = choose_compute(device, threads)
    checkpoint = open_checkpoint(model)
    reference = _reference_of(checkpoint, model)
    config = checkpoint.config
    table = one_printer(open_unlabelled(data, layout, config.classes), printer)
    few_prints = spread_prints(table, RECENT_FRAMES // FRAMES_PER_PRINT)
    recent = open_target(few_prints, config.input_size, camera or config.camera, RECENT_FRAMES, seed, threads, progress)
    frames, codes = recent.pixels.array, recent.pixels.table.print_codes
    network = checkpoint.network().on(compute.device)
    seen = embed(network, frames, compute, progress=progress, stage="recent frames")
    progress(Progress("statistics of prints", 0, 0))
    known = known_prints(network, checkpoint.memory, compute, seed)
    calls = print_probabilities(seen.probabilities, codes).astype(np.float64)
    margins, counts = np.zeros(0), np.zeros(0, dtype=np.int64)
    if len(reference.margins):
        values = log_odds(seen.probabilities) + decided_at(as_candidate(checkpoint))
        margins, counts = print_margins(values, codes)
    few = few_of_each(codes, frames_behind_each(reference))
    signs = (
        camera_sign(reference, print_statistics(network, frames[few], codes[few], compute), known, seed),
        neighbour_sign(
            reference,
            unit_rows(seen.features),
            codes,
            calls,
            by_call=not config.provenance.labels_vary_inside_prints,
            seed=seed,
        ),
        margin_sign(reference, margins, counts, seed),
    )
    everything = len(few_prints) == len(table) and len(recent.rest) == 0
    return DriftResult(
        weigh_signs(list(signs)),
        signs,
        len(table) - len(recent.pixels.unreadable),
        (recent.pixels.table if everything else table).prints.height,
        len(frames),
        reference.n_prints,
        recent.pixels.table.notes,
    )


def _reference_of(checkpoint: Checkpoint, model: str | Path) -> DomainReference:
    if checkpoint.reference is None:
        raise BadDataError(
            f"{model} does not know how the printer looked when it was adapted to it, so there is nothing to compare",
            "Give RUN/checkpoint of a run of `adaptprint adapt`; one of an older adaptprint must be made again.",
        )
    return checkpoint.reference


def known_prints(network: PrintNet, memory: SourceFrames | None, compute: Compute, seed: int) -> Floats | None:
    """(s, c) how source prints differ from others of their printer; ``None`` without source frames."""
    if memory is None:
        return None
    rows = balanced_rows([memory.table.printer_codes, memory.table.print_codes], _KNOWN_FRAMES, seed)
    table = memory.table.take(rows)
    found = print_statistics(network, memory.array[rows], table.print_codes, compute)
    first = np.unique(table.print_codes, return_index=True)[1]
    printers = table.printer_codes[first]
    apart = []
    for code in range(printers.max() + 1):
        own = found[printers == code]
        if len(own) > 1:
            # Less the mean of one more print: a print is part of its own printer's mean.
            apart.append((own - own.mean(axis=0)) * np.sqrt(len(own) / (len(own) - 1)))
    return np.concatenate(apart) if apart else None
