"""predict: class, probability and abstention for each frame and each print."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from adaptprint.adaptation.prior_word import parse_prior
from adaptprint.diagnostics.support import Doubles, Mask, SourceSupport, mostly_outside
from adaptprint.errors import BadDataError, UsageError
from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.image_files import IMAGE_SUFFIXES
from adaptprint.frames.layouts import read_frames
from adaptprint.frames.table import FrameRow, FrameTable, grouped
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.device import Compute, choose_compute
from adaptprint.models.metrics import Probabilities, decide, mean_by_print, print_probabilities
from adaptprint.reporting.progress import ProgressCallback, silent
from adaptprint.workflows.abstention import reasons, support_of
from adaptprint.workflows.inputs import open_checkpoint
from adaptprint.workflows.stream import Called, call_frames

Distances = tuple[Doubles, Mask]


@dataclass(frozen=True)
class PredictResult:
    """Calls by frame and by print.

    Attributes:
        frames: name, printer, print (both empty for single images), class, probability, abstains, reason, then
            ``p_<class>`` for each class; with ``abstain`` also source_distance.
        prints: printer, print, n_frames, class, probability, abstains, reason, ``p_<class>``, source_distance
            likewise; empty where no prints are known or labels differ inside prints.
        notes: What the user should know, one sentence each.
        transductive: ``share``, ``interval`` and ``shift`` of prints that were called together; ``None`` otherwise.
    """

    frames: pl.DataFrame
    prints: pl.DataFrame
    notes: tuple[str, ...]
    transductive: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return {
            "frames": self.frames.to_dicts(),
            "prints": self.prints.to_dicts(),
            "notes": list(self.notes),
            "transductive": self.transductive,
        }


def predict(
    model: str | Path,
    data: str | Path | Sequence[str | Path],
    *,
    abstain_below: float = 0.6,
    abstain: bool = False,
    transductive: bool = False,
    target_prior: str = "unknown",
    printer: str | None = None,
    layout: str = "auto",
    camera: CameraProfile | None = None,
    device: str = "auto",
    threads: int | None = None,
    progress: ProgressCallback = silent,
) -> PredictResult:
    """Calls frames with a checkpoint, each by itself or, transductively, all prints of a printer together.

    Args:
        model: A checkpoint folder.
        data: A folder, CSV or video; or a list of image files.
        abstain_below: A call with a lower probability is marked as an abstention. In [0, 1].
        abstain: Abstain also on frames outside the source's support, and on prints most of whose frames are: the model
            was never shown their like, and being sure means nothing there.
        transductive: Take all frames as recent prints of one printer, and call these prints in each other's light:
            class shares and the printer's shift are estimated from all of them. Holds for these prints only.
        target_prior: With ``transductive``: share of faulty prints, as in :func:`adaptprint.adapt`.
        printer: Call this printer's frames only.
        layout: Force a layout of the data.
        camera: Camera profile; ``None`` takes the checkpoint's.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: CPU threads.
        progress: Progress callback.

    Raises:
        AdaptprintError: With cause and fix.
    """
    if not 0 <= abstain_below <= 1:
        raise UsageError(f"--abstain-below {abstain_below} is no probability", "Use a value from 0 to 1.")
    word = parse_prior(target_prior)
    if not transductive and not word.is_unknown:
        raise UsageError(
            f"--target-prior {word.text} says nothing of prints that are called one by one",
            "Add --transductive, or leave --target-prior out.",
        )
    compute = choose_compute(device, threads)
    checkpoint = open_checkpoint(model)
    config = checkpoint.config
    table, knows_prints = _open(data, layout, config.classes)
    table = table.of_printer(printer)
    if transductive:
        # scipy takes a while to import, which plain calls need not wait for.
        from adaptprint.workflows.transductive import call_together, refuse_apart

        refuse_apart(checkpoint, table, knows_prints)
    network = checkpoint.network().on(compute.device)
    support = _support(checkpoint, compute, progress) if abstain else None
    camera = camera or config.camera
    called = call_frames(network, table, config.input_size, camera, compute, threads, progress, support)
    table = called.table
    probabilities: Probabilities = called.probabilities
    by_print, threshold = print_probabilities(probabilities, table.print_codes), config.threshold
    notes, together = list(table.notes), None
    if transductive:
        together = call_together(checkpoint, table, probabilities, word, compute, progress)
        # Posteriors need no threshold of the model's own: half is the better call.
        probabilities, by_print, threshold = together.frames, together.prints, 0.5
        notes = [*together.notes, *notes]
    of_frames, of_prints = _distances(support, called)
    frames = table.data.select("name", "printer", "print").with_columns(
        _call_columns(probabilities, config.classes, config.threshold, abstain_below, of_frames)
    )
    votes = knows_prints and not config.provenance.labels_vary_inside_prints
    prints = table.prints.select("printer", "print", "n_frames").with_columns(
        _call_columns(by_print, config.classes, threshold, abstain_below, of_prints)
    )
    if knows_prints and not votes:
        notes.append("the source's labels differ inside prints, so no print votes are taken")
    about = None if together is None else together.to_dict()
    return PredictResult(frames, prints if votes else prints.clear(), tuple(notes), about)


def _open(data: str | Path | Sequence[str | Path], layout: str, classes: list[str]) -> tuple[FrameTable, bool]:
    """The frames, and whether their prints are known."""
    paths = [data] if isinstance(data, (str, Path)) else list(data)
    if not paths:
        raise UsageError("no frames were given", "Name images or a folder, or pipe paths in with `-`.")
    files = [Path(path) for path in paths]
    if len(files) == 1 and not _is_image(files[0]):
        return read_frames(files[0], layout=layout, labels="ignored", classes=classes), True
    for file in files:
        if not _is_image(file):
            raise UsageError(
                f"{file} is no image, and several paths were given",
                "Give images only, or one folder, CSV or video.",
            )
    if all(map(_is_absent, files)):
        raise BadDataError(f"{files[0]} does not exist.", "Check the path: images, a folder, a CSV or a video will do.")
    rows = [FrameRow(str(file.absolute()), str(file), "", "", None, None) for file in files]
    return FrameTable(grouped(dict.fromkeys(rows)), Path.cwd(), "images"), False


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.is_dir()


def _is_absent(path: Path) -> bool:
    try:
        return not path.exists()
    except OSError:  # there may be a file that this user may not see: reading it tells
        return False


def _support(checkpoint: Checkpoint, compute: Compute, progress: ProgressCallback) -> SourceSupport:
    support = support_of(checkpoint, compute, progress)
    if support is None:
        raise BadDataError(
            "--abstain asks how far frames lie from the source, and this checkpoint carries no source frames",
            "Use a checkpoint with a source memory, or leave --abstain out: --abstain-below works without.",
        )
    return support


def _distances(support: SourceSupport | None, called: Called) -> tuple[Distances | None, Distances | None]:
    """Distances to the source, and what of it lies outside its support, by frame and by print."""
    if support is None or called.distance is None:
        return None, None
    outside, codes = support.outside(called.distance), called.table.print_codes
    by_print = mean_by_print(called.distance[:, None], codes)[:, 0]
    return (called.distance, outside), (by_print, mostly_outside(outside, codes))


def _call_columns(
    probabilities: Probabilities,
    classes: list[str],
    threshold: float,
    abstain_below: float,
    distances: Distances | None,
) -> list[pl.Series]:
    calls = decide(probabilities, threshold)
    called = probabilities[np.arange(len(calls)), calls].astype(float)
    why = reasons(called, abstain_below, None if distances is None else distances[1])
    measured = [] if distances is None else [pl.Series("source_distance", distances[0].round(5))]
    return [
        pl.Series("class", [classes[call] for call in calls], dtype=pl.String),
        pl.Series("probability", called.round(5)),
        pl.Series("abstains", [reason != "" for reason in why], dtype=pl.Boolean),
        pl.Series("reason", why, dtype=pl.String),
        *measured,
        *(pl.Series(f"p_{name}", probabilities[:, code].astype(float).round(5)) for code, name in enumerate(classes)),
    ]
