"""Recognises how frames lie on the disk, a CSV, folders or videos, and reads them into one table."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from adaptprint.errors import BadDataError, UsageError
from adaptprint.frames.class_folders import read_classes
from adaptprint.frames.competition import COLUMNS, has_columns, read_csv
from adaptprint.frames.folder_shape import recognise
from adaptprint.frames.image_files import IMAGE_SUFFIXES, VIDEO_SUFFIXES, Found, find_files
from adaptprint.frames.print_folders import read_prints
from adaptprint.frames.table import FrameTable
from adaptprint.frames.videos import read_videos, single_video
from adaptprint.frames.wording import listed, plural

LAYOUTS = ("auto", "competition", "prints", "classes", "video")

Labels = Literal["required", "optional", "ignored"]

_ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"})
_IMAGE_KINDS = ", ".join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES))


def read_frames(
    path: str | Path,
    *,
    layout: str = "auto",
    labels: Labels = "optional",
    classes: Sequence[str] | None = None,
) -> FrameTable:
    """Reads the frames of a CSV, a folder or a video.

    Args:
        path: What the user pointed at.
        layout: One of :data:`LAYOUTS`; ``"auto"`` recognises it, and the table's notes say what was seen.
        labels: ``"required"`` refuses data in which a frame has no label; ``"ignored"`` never reads labels.
        classes: Class names of the checkpoint at hand: they help to tell class folders from prints, and
            labels must be among them.

    Returns:
        Frames with absolute paths, printers and prints each in one piece.

    Raises:
        UsageError: There is no such layout.
        BadDataError: The path does not exist, holds no frames, or its table cannot be used.
        MissingDependencyError: It is a video, and PyAV is not installed.
        OutputError: It is a video, and its frames cannot be written to the cache folder.
    """
    if layout not in LAYOUTS:
        nearest = difflib.get_close_matches(layout, LAYOUTS, n=1, cutoff=0.0)[0]
        raise UsageError(
            f"There is no layout {layout!r}.",
            f"Did you mean {nearest!r}? The layouts are {', '.join(LAYOUTS)}.",
        )
    root = Path(path).expanduser().absolute()
    _refuse_absent(root, path)
    table = (_read_folder if root.is_dir() else _read_file)(root, layout, labels, classes)
    if labels == "required":
        _refuse_unlabelled(table)
    return table


def _refuse_absent(root: Path, path: str | Path) -> None:
    try:
        exists = root.exists()
    except OSError as error:
        raise BadDataError(f"{path} cannot be reached ({error.strerror}).", "Check its permissions.") from error
    if not exists:
        raise BadDataError(
            f"{path} does not exist.", "Check the path: a folder of images, a CSV file or a video is needed."
        )


def _read_file(root: Path, layout: str, labels: Labels, classes: Sequence[str] | None) -> FrameTable:
    suffix = root.suffix.lower()
    if layout == "competition" or (layout == "auto" and suffix in {".csv", ".tsv"}):
        return read_csv(root, keep_labels=labels != "ignored", classes=classes)
    if layout == "video" or (layout == "auto" and suffix in VIDEO_SUFFIXES):
        return read_videos(root, [single_video(root)])
    if suffix in IMAGE_SUFFIXES:
        fix = f"Point at its folder: {root.parent}"
    elif suffix in _ARCHIVES:
        fix = "Unpack it and point at the folder."
    else:
        fix = "Point at a folder of images, a CSV file or a video."
    kind = "frames can be read from" if layout == "auto" else f"the layout {layout} can be read from"
    raise BadDataError(f"{root} is not a file that {kind}.", fix)


def _read_folder(root: Path, layout: str, labels: Labels, classes: Sequence[str] | None) -> FrameTable:
    keep_labels = labels != "ignored"
    if layout in ("auto", "competition"):
        sheet = _csv_in(root, needed=layout == "competition")
        if sheet is not None:
            return read_csv(sheet, keep_labels=keep_labels, classes=classes)
    found = find_files(root)
    if layout == "video" or (layout == "auto" and found.videos and not found.images):
        if not found.videos:
            raise BadDataError(f"{root} holds no video.", "Point at a video file or at a folder of videos.")
        return read_videos(root, found.videos, found.notes)
    if not found.images:
        raise _no_images(root, found)

    shape = recognise(
        {file.folders for file in found.images},
        classes=classes,
        labels_required=labels == "required",
        forced=layout == "classes",
    )
    notes = [*found.notes, *(_passed_over(found) if layout == "auto" else [])]
    if layout == "prints" or (layout == "auto" and shape.class_level is None):
        return read_prints(root, found.images, shape.skip, notes)
    if shape.class_level is None:
        raise BadDataError(f"{root} holds no class folders.", "Put the frames of each class into one folder.")
    return read_classes(root, found.images, shape, notes, classes=classes, keep_labels=keep_labels)


def _csv_in(root: Path, *, needed: bool) -> Path | None:
    """The CSV that describes the folder: train.csv, else the only one with the right columns."""
    try:
        sheets = sorted(file for file in root.iterdir() if file.suffix.lower() == ".csv" and file.is_file())
    except OSError as error:
        raise BadDataError(f"{root} cannot be opened ({error.strerror}).", "Check the folder's permissions.") from error
    sheets = [sheet for sheet in sheets if not sheet.name.startswith(".")]
    fitting = [sheet for sheet in sheets if has_columns(sheet)]
    chosen = next((sheet for sheet in fitting if sheet.name.lower() == "train.csv"), None)
    if chosen is not None or len(fitting) == 1:
        return chosen or fitting[0]
    if fitting:
        raise BadDataError(
            f"{root} holds several CSV files of frames: {listed([sheet.name for sheet in fitting])}.",
            f"Name the one to read, for example {fitting[0]}",
        )
    if needed:
        others = f" ({listed([sheet.name for sheet in sheets])} have others)" if sheets else ""
        raise BadDataError(
            f"{root} holds no CSV with the columns {', '.join(COLUMNS)}{others}.",
            "Add one, or name the CSV file itself.",
        )
    return None


def _passed_over(found: Found) -> list[str]:
    """Notes on files that might have been meant."""
    notes = []
    if found.videos:
        notes.append(f"{plural(len(found.videos), 'video')} beside the images left out (layout video reads them).")
    if found.others[".csv"]:
        sheets = plural(found.others[".csv"], "CSV file")
        notes.append(f"{sheets} left out: none in the folder itself has the columns {', '.join(COLUMNS)}.")
    return notes


def _no_images(root: Path, found: Found) -> BadDataError:
    seen = [f"{count:,} {suffix}" for suffix, count in found.others.most_common(5)]
    seen += [plural(len(found.videos), "video")] if found.videos else []
    if seen:
        return BadDataError(
            f"{root} holds no images (seen: {', '.join(seen)}).", f"Frames are files of type {_IMAGE_KINDS}."
        )
    return BadDataError(f"{root} is empty.", f"Copy frames into it, files of type {_IMAGE_KINDS}.")


def _refuse_unlabelled(table: FrameTable) -> None:
    labelled = len(table) - table.data["label"].null_count()
    if labelled == len(table):
        return
    who = f"only {labelled:,} of {len(table):,} frames have" if labelled else "no frame has"
    if table.layout == "competition":
        fix = "Fill the column has_under_extrusion (0 or 1) or label (a class name), or remove the rows."
    else:
        fix = (
            "Put the frames of each class into a folder named after it, or give a CSV with a label column; "
            "--layout classes takes any folders for classes."
        )
    raise BadDataError(f"Labels are needed, but {who} one in {table.root} (layout {table.layout}).", fix)
