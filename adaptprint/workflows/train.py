"""train: a source model from labelled frames of one or several printers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from adaptprint.errors import BadDataError, UsageError
from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.classes import order_classes
from adaptprint.frames.network_size import network_size
from adaptprint.frames.pixels import Pixels
from adaptprint.frames.sampling import split_by_print
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.models.atomic_folder import atomic_folder, refuse_taken, workspace
from adaptprint.models.checkpoint import halve, state_digest, write_checkpoint_files
from adaptprint.models.device import Compute, choose_compute
from adaptprint.models.embed import embed
from adaptprint.models.metrics import Metrics, measure, measure_by_printer
from adaptprint.models.network import PrintNet
from adaptprint.models.settings import make_settings, parse_overrides
from adaptprint.models.train_settings import TrainSettings
from adaptprint.models.training import SourceTraining, Split
from adaptprint.reporting.progress import ProgressCallback, silent
from adaptprint.workflows.assembly import assemble
from adaptprint.workflows.initial_weights import initial_weights
from adaptprint.workflows.inputs import data_digest, fingerprint, open_labelled, read_pixels, refuse_negative


@dataclass(frozen=True)
class TrainResult:
    """A trained source model.

    Attributes:
        out: The checkpoint folder.
        classes: Class names in model order.
        steps: Steps trained.
        best_step: Step of the weights that were kept.
        validation: Metrics on held-out prints of the training printers; ``None`` where no print could be held out.
        by_printer: The same for each printer.
        held_out_printers: Metrics on whole printers that were held out.
        notes: What the user should know, one sentence each.
        rehearsal: What :func:`adaptprint.rehearse` came to; ``None`` unless it was asked for.
    """

    out: Path
    classes: tuple[str, ...]
    steps: int
    best_step: int
    validation: Metrics | None
    by_printer: dict[str, Metrics]
    held_out_printers: dict[str, Metrics]
    notes: tuple[str, ...]
    rehearsal: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return {
            "out": str(self.out),
            "classes": list(self.classes),
            "steps": self.steps,
            "best_step": self.best_step,
            "validation": self.validation.to_dict() if self.validation else None,
            "by_printer": {name: metrics.to_dict() for name, metrics in self.by_printer.items()},
            "held_out_printers": {name: metrics.to_dict() for name, metrics in self.held_out_printers.items()},
            "notes": list(self.notes),
            "rehearsal": self.rehearsal,
        }


def train(
    data: str | Path,
    *,
    out: str | Path,
    init: str | Path = "none",
    hold_out_printer: Sequence[str] = (),
    set: Sequence[str] = (),
    layout: str = "auto",
    camera: CameraProfile | None = None,
    device: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    overwrite: bool = False,
    resume: bool = False,
    rehearse: bool = False,
    progress: ProgressCallback = silent,
) -> TrainResult:
    """Trains a source model and writes it as a checkpoint.

    Args:
        data: Labelled frames, in any layout.
        out: The checkpoint folder to write.
        init: ``none`` (from scratch), ``imagenet`` (downloaded by torchvision), a weights file, or a checkpoint
            whose trunk to start from.
        hold_out_printer: Printers kept out of training and measured at the end.
        set: ``key=value`` overrides of :class:`~adaptprint.models.train_settings.TrainSettings`.
        layout: Force a layout of the data.
        camera: Camera profile of the frames; it travels in the checkpoint.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: CPU threads.
        seed: Decides split, batches and augmentation.
        overwrite: Replace an existing checkpoint.
        resume: Go on with an interrupted run.
        rehearse: Then leave out each printer in turn, as :func:`adaptprint.rehearse` does: one more training each.
        progress: Progress callback.

    Raises:
        AdaptprintError: With cause and fix, for anything wrong with data, options, weights or disk.
    """
    out, camera = Path(out), camera or CameraProfile()
    settings = make_settings(TrainSettings, parse_overrides(set), "--set")
    refuse_taken(out, overwrite)
    refuse_negative(seed)
    compute = choose_compute(device, threads)
    table = open_labelled(data, layout)
    held_out = _held_out(table, hold_out_printer)
    classes = _trainable_classes(table.where(~held_out))
    initial, settings = initial_weights(init, settings)

    size = network_size(table, camera, settings.width)
    pixels = read_pixels(table, size, camera, threads, progress)
    held_out = _held_out(pixels.table, hold_out_printer)
    source = _part(pixels, np.flatnonzero(~held_out))
    train_rows, validation_rows = split_by_print(source.table, settings.validation_share, seed)
    split = Split(source, source.table.label_codes(classes), train_rows, validation_rows, classes)
    network = _fresh_network(settings, len(classes), initial, seed)

    with workspace(out, resume) as work:
        key = fingerprint(
            "train",
            settings.model_dump(),
            data_digest(source),
            seed,
            state_digest(initial),
            compute.precision,
        )
        training = SourceTraining(network, split, settings, compute, seed, from_scratch=not initial)
        trained = training.run(work.state_file, key, resume, progress)
        network.load_state_dict(halve(trained) if settings.half_weights else trained)
        network.eval()
        validation, by_printer = _measure(network, source, validation_rows, classes, compute)
        held_metrics: dict[str, Metrics] = {}
        if held_out.any():
            _, held_metrics = _measure(network, pixels, np.flatnonzero(held_out), classes, compute)
        checkpoint = assemble(
            network,
            settings.arch,
            source,
            source.table.data["name"].gather(validation_rows).to_list(),
            classes,
            camera,
            compute,
            command="train",
            recipe={"init": Path(init).name, **settings.model_dump()},  # paths of this machine stay here
            metrics={
                "validation": validation.to_dict() if validation else None,
                "by_printer": {name: metrics.to_dict() for name, metrics in by_printer.items()},
                "held_out_printers": {name: metrics.to_dict() for name, metrics in held_metrics.items()},
                "history": training.progress.history,
            },
            seed=seed,
            bottleneck=settings.bottleneck or None,
            memory_frames=settings.memory_frames,
        )
        with atomic_folder(out, work.scratch) as partial:
            write_checkpoint_files(checkpoint, partial)
    result = TrainResult(
        out,
        classes,
        training.progress.step,
        training.progress.best_step,
        validation,
        by_printer,
        held_metrics,
        _notes(pixels.table, source.table, validation_rows, str(init)),
    )
    if not rehearse:
        return result
    from adaptprint.workflows.rehearse import rehearse as leave_out_each  # which trains in its turn

    options: dict[str, Any] = {"device": device, "threads": threads, "seed": seed, "progress": progress}
    rehearsed = leave_out_each(out, data, init=init, layout=layout, **options)
    return replace(result, rehearsal=rehearsed.to_dict())


def _held_out(table: FrameTable, printers: Sequence[str]) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    for printer in printers:
        if printer not in table.printers:
            raise UsageError(
                f"no printer `{printer}` in {table.root}", f"Its printers are {', '.join(table.printers)}."
            )
    held = np.isin(table.data["printer"].to_numpy(), list(printers))
    if held.all():
        raise UsageError("every printer is held out, so none is left to train on", "Hold out fewer printers.")
    return held


def _trainable_classes(table: FrameTable) -> tuple[str, ...]:
    classes = order_classes(table.classes)
    if len(classes) < 2:
        raise BadDataError(
            f"all frames to train on are `{classes[0]}`",
            "Add frames of at least one other class: two are needed.",
        )
    return classes


def _fresh_network(settings: TrainSettings, n_classes: int, initial: dict[str, Tensor], seed: int) -> PrintNet:
    import torch

    torch.manual_seed(seed)
    network = PrintNet(settings.arch, n_classes, settings.bottleneck or None)
    if initial:
        network.load_trunk(initial)
    return network


def _part(pixels: Pixels, rows: Ints) -> Pixels:
    if len(rows) == len(pixels.table):
        return pixels
    return Pixels(pixels.table.take(rows), pixels.array[rows], [pixels.digests[row] for row in rows], [])


def _measure(
    network: PrintNet, pixels: Pixels, rows: Ints, classes: tuple[str, ...], compute: Compute
) -> tuple[Metrics | None, dict[str, Metrics]]:
    if len(rows) == 0:
        return None, {}
    table = pixels.table.take(rows)
    probabilities = embed(network, pixels.array[rows], compute).probabilities
    return measure(table, probabilities, classes), measure_by_printer(table, probabilities, classes)


def _notes(table: FrameTable, source: FrameTable, validation: Ints, init: str) -> tuple[str, ...]:
    notes = list(table.notes)
    if source.labels_vary_inside_prints:
        notes.append(
            "labels differ inside prints: splits stay by print, but print votes and print consensus are switched off"
        )
    if len(validation) == 0:
        notes.append("too few prints to hold any out: the validation score is that of the training frames")
    if init == "none":
        notes.append("trained from scratch; --init imagenet or a weights file is better with few printers")
    return tuple(notes)
