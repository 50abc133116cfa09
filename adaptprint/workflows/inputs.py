"""Opens what the user points at: frames, checkpoints, bare weights; the same way for every command."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from adaptprint.errors import BadDataError, UsageError
from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.layouts import read_frames
from adaptprint.frames.pixels import Pixels, Unreadable, load_pixels
from adaptprint.frames.table import FrameTable
from adaptprint.frames.wording import plural
from adaptprint.models.checkpoint import Checkpoint, load_checkpoint
from adaptprint.models.memory import SourceFrames
from adaptprint.reporting.progress import ProgressCallback, counting


def open_checkpoint(path: str | Path) -> Checkpoint:
    """Loads a checkpoint folder; points bare weights to `pack`.

    Raises:
        UsageError: If a weights file is given where a checkpoint is needed.
        BadDataError: If the checkpoint cannot be trusted.
    """
    if Path(path).is_file():
        raise UsageError(
            f"{path} is a file; a checkpoint is a folder",
            "Wrap bare weights first: adaptprint pack --weights FILE --source-data DATA --out CKPT.",
        )
    return load_checkpoint(path)


def open_labelled(path: str | Path, layout: str, classes: Sequence[str] | None = None) -> FrameTable:
    """Reads frames that must have labels, all of them known to the model if ``classes`` is given.

    Raises:
        BadDataError: If labels are missing or unknown.
    """
    table = read_frames(path, layout=layout, labels="required", classes=classes)
    if classes is not None:
        unknown = sorted(set(table.classes) - set(classes))
        if unknown:
            raise BadDataError(
                f"the model does not know the class `{unknown[0]}` of {table.root}",
                f"Its classes are {', '.join(classes)}; rename the folders or labels to match.",
            )
    return table


def open_unlabelled(path: str | Path, layout: str, classes: Sequence[str]) -> FrameTable:
    """Reads target frames; labels are never read, even where a column holds them."""
    return read_frames(path, layout=layout, labels="ignored", classes=classes).without_labels()


def one_printer(table: FrameTable, printer: str | None) -> FrameTable:
    """The frames of the one printer to adapt to.

    Raises:
        UsageError: If there are several and none is named.
    """
    table = table.of_printer(printer)
    if len(table.printers) > 1:
        raise UsageError(
            f"{table.root} holds {len(table.printers)} printers: {', '.join(table.printers[:8])}",
            "A model is adapted to one printer: name it with --printer ID, or use `adaptprint batch` for all.",
        )
    return table


def read_pixels(
    table: FrameTable,
    size: tuple[int, int],
    camera: CameraProfile,
    threads: int | None,
    progress: ProgressCallback,
    stage: str = "reading frames",
) -> Pixels:
    """Decodes frames; unreadable ones are left out and become notes of the table."""
    pixels = load_pixels(table, size, camera, threads=threads, progress=counting(stage, progress))
    notes = (*pixels.table.notes, *pixels.notes, *left_out(pixels.unreadable))
    return replace(pixels, table=replace(pixels.table, notes=notes))


def left_out(unreadable: Sequence[Unreadable]) -> tuple[str, ...]:
    """One sentence on frames that could not be read; none where all could."""
    if not unreadable:
        return ()
    first = unreadable[0]
    many = f"{plural(len(unreadable), 'unreadable frame')} {'was' if len(unreadable) == 1 else 'were'} left out"
    return (f"{many}, first {first.name}: {first.reason}",)


def source_frames(pixels: Pixels) -> SourceFrames:
    """Labelled frames given with --source-data; which of them training saw is unknown."""
    return SourceFrames(
        pixels.table, pixels.array, np.zeros(len(pixels.table), dtype=np.bool_), frozenset(pixels.digests)
    )


def refuse_negative(seed: int) -> None:
    """Checks a seed, before any work is done.

    Raises:
        UsageError: It is below zero, which no generator of random numbers takes.
    """
    if seed < 0:
        raise UsageError(f"--seed {seed} is not possible", "Use 0 or more.")


def data_digest(pixels: Pixels) -> str:
    """SHA-256 (hex) over the frames' contents, ids and labels; the order does not matter."""
    data = pixels.table.data
    rows = zip(pixels.digests, data["printer"], data["print"], data["label"], strict=True)
    digest = hashlib.sha256()
    for number, line in enumerate(sorted(map(repr, rows))):
        digest.update(f"\n{line}".encode() if number else line.encode())
    return digest.hexdigest()


def fingerprint(*parts: Any) -> str:
    """Digest of everything that must be equal for an unfinished run to go on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
