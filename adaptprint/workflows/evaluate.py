"""evaluate: labelled metrics of a model by frame, print and printer."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adaptprint.diagnostics.support import Doubles
from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.table import Ints
from adaptprint.models.coverage_risk import CoverageRisk, Unit, coverage_risk
from adaptprint.models.device import choose_compute
from adaptprint.models.metrics import (
    Metrics,
    Probabilities,
    decide,
    mean_by_print,
    measure,
    measure_by_printer,
    print_labels,
    print_probabilities,
)
from adaptprint.reporting.progress import ProgressCallback, silent
from adaptprint.workflows.abstention import support_of
from adaptprint.workflows.inputs import open_checkpoint, open_labelled
from adaptprint.workflows.stream import Called, call_frames


@dataclass(frozen=True)
class EvaluateResult:
    """Metrics over all frames and for each printer.

    Attributes:
        metrics: Over all frames.
        by_printer: For each printer alone.
        notes: What the user should know, one sentence each.
        coverage_risk: How often calls are wrong when the least trusted are left out: by print (where all frames of
            a print share a label) and by frame, trusted by confidence and (with a source memory) by support.
    """

    metrics: Metrics
    by_printer: dict[str, Metrics]
    notes: tuple[str, ...]
    coverage_risk: tuple[CoverageRisk, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        by_printer = {printer: metrics.to_dict() for printer, metrics in self.by_printer.items()}
        curves = [curve.to_dict() for curve in self.coverage_risk]
        return {**self.metrics.to_dict(), "by_printer": by_printer, "coverage_risk": curves, "notes": list(self.notes)}


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
    support, camera = support_of(checkpoint, compute, progress), camera or config.camera
    called = call_frames(network, table, config.input_size, camera, compute, threads, progress, support)
    table, probabilities = called.table, called.probabilities
    classes, threshold = config.classes, config.threshold
    notes = list(table.notes)
    if table.labels_vary_inside_prints:
        notes.append("labels differ inside prints: print scores do not apply")
    if support is None:
        notes.append("the checkpoint carries no source frames: no coverage-risk curve by support")
    return EvaluateResult(
        measure(table, probabilities, classes, threshold),
        measure_by_printer(table, probabilities, classes, threshold),
        tuple(notes),
        tuple(_curves(called, classes, threshold)),
    )


def _curves(called: Called, classes: list[str], threshold: float) -> Iterator[CoverageRisk]:
    """The coverage-risk curves of labelled calls, prints first."""
    table, codes = called.table, called.table.print_codes
    if not table.labels_vary_inside_prints:
        by_print = print_probabilities(called.probabilities, codes)
        distance = None if called.distance is None else mean_by_print(called.distance[:, None], codes)[:, 0]
        yield from _curves_of("print", by_print, print_labels(table, classes), threshold, distance)
    yield from _curves_of("frame", called.probabilities, table.label_codes(classes), threshold, called.distance)


def _curves_of(
    unit: Unit, probabilities: Probabilities, labels: Ints, threshold: float, distance: Doubles | None
) -> Iterator[CoverageRisk]:
    calls = decide(probabilities, threshold)
    yield coverage_risk(unit, "confidence", probabilities[np.arange(len(calls)), calls], calls != labels)
    if distance is not None:
        yield coverage_risk(unit, "support", -distance, calls != labels)
