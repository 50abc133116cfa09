"""evaluate: labelled metrics of a model by frame, print and printer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptprint.frames.camera import CameraProfile
from adaptprint.models.device import choose_compute
from adaptprint.models.metrics import Metrics, measure, measure_by_printer
from adaptprint.reporting.progress import ProgressCallback, silent
from adaptprint.workflows.inputs import open_checkpoint, open_labelled
from adaptprint.workflows.stream import call_frames


@dataclass(frozen=True)
class EvaluateResult:
    """Metrics over all frames and for each printer.

    Attributes:
        metrics: Over all frames.
        by_printer: For each printer alone.
        notes: What the user should know, one sentence each.
    """

    metrics: Metrics
    by_printer: dict[str, Metrics]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        by_printer = {printer: metrics.to_dict() for printer, metrics in self.by_printer.items()}
        return {**self.metrics.to_dict(), "by_printer": by_printer, "notes": list(self.notes)}


def evaluate(
    model: str | Path,
    data: str | Path,
    *,
    printer: str | None = None,
    layout: str = "auto",
    camera: CameraProfile | None = None,
    device: str = "auto",
    threads: int | None = None,
    progress: ProgressCallback = silent,
) -> EvaluateResult:
    """Measures a checkpoint on labelled frames.

    Args:
        model: A checkpoint folder.
        data: Labelled frames, in any layout.
        printer: Measure on this printer's frames only.
        layout: Force a layout of the data.
        camera: Camera profile; ``None`` takes the checkpoint's.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: CPU threads.
        progress: Progress callback.

    Raises:
        AdaptprintError: With cause and fix.
    """
    compute = choose_compute(device, threads)
    checkpoint = open_checkpoint(model)
    config = checkpoint.config
    table = open_labelled(data, layout, config.classes).of_printer(printer)
    network = checkpoint.network().on(compute.device)
    called = call_frames(network, table, config.input_size, camera or config.camera, compute, threads, progress)
    table, probabilities = called.table, called.probabilities
    classes, threshold = config.classes, config.threshold
    notes = list(table.notes)
    if table.labels_vary_inside_prints:
        notes.append("labels differ inside prints: print scores do not apply")
    return EvaluateResult(
        measure(table, probabilities, classes, threshold),
        measure_by_printer(table, probabilities, classes, threshold),
        tuple(notes),
    )
