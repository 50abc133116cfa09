"""Reads the competition's CSV: img_path, printer_id, print_id and, where known, the label."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from adaptprint.errors import BadDataError
from adaptprint.frames.csv_images import ImagePaths, MissingImage
from adaptprint.frames.csv_labels import label_column, read_label
from adaptprint.frames.csv_sheet import EMPTY_CELLS, Sheet, header_of, read_sheet
from adaptprint.frames.frame_times import time_in_name
from adaptprint.frames.table import FrameRow, FrameTable, grouped
from adaptprint.frames.wording import counts, listed, plural

COLUMNS = ("img_path", "printer_id", "print_id")


def read_csv(
    path: Path, *, keep_labels: bool, classes: Sequence[str] | None = None, notes: Sequence[str] = ()
) -> FrameTable:
    """Frames of a CSV; images lie beside it or under ``images/``.

    Ids stay the strings they are. A zero-padded folder is found under both spellings (``021`` and ``21``).

    Args:
        path: The CSV file.
        keep_labels: False never looks at the label column.
        classes: If given, labels must be among these.
        notes: What was noticed so far.

    Raises:
        BadDataError: The CSV is no text, has no rows, lacks a column, holds an empty id, an unknown label, a
            path that leads out of its folder or an image twice, or its images are missing.
    """
    sheet = read_sheet(path)
    places = _columns(sheet)
    label_at = label_column(sheet.columns) if keep_labels else None
    images = ImagePaths(path.parent)

    rows: list[FrameRow] = []
    lines: dict[str, int] = {}  # where each image was named first
    absent: list[str] = []
    for line, cells in sheet.rows:
        where = f"{path}, line {line}"
        name, printer, print_id = (_filled(cells[at], column, where) for column, at in places.items())
        label = None
        if label_at is not None:
            label = read_label(cells[label_at], sheet.columns[label_at], classes, where)
        try:
            file = images.find(name, where)
        except MissingImage:
            absent.append(name)
            continue
        if file in lines:
            raise BadDataError(f"{where}: {name} stands in line {lines[file]} already.", "Keep one row for each image.")
        lines[file] = line
        rows.append(FrameRow(file, name, printer.strip(), print_id.strip(), _time(name), label))
    _refuse_missing(path, absent, len(sheet.rows))

    data = grouped(rows)
    labelled = f", labels in column {sheet.columns[label_at]}" if label_at is not None else ""
    said = [f"Read as a competition CSV: {counts(data)}{labelled}.", *_alike(rows)]
    return FrameTable(data, path, "competition", (*said, *notes))


def has_columns(path: Path) -> bool:
    """Whether the file's first line names the columns of :data:`COLUMNS`."""
    return set(COLUMNS) <= set(header_of(path))


def _columns(sheet: Sheet) -> dict[str, int]:
    missing = [name for name in COLUMNS if name not in sheet.columns]
    if missing:
        raise BadDataError(
            f"{sheet.path} lacks {plural(len(missing), 'column')}: {listed(missing)}; it has {listed(sheet.columns)}.",
            "Name the columns img_path,printer_id,print_id and, where labels are known, has_under_extrusion.",
        )
    return {name: sheet.columns.index(name) for name in COLUMNS}


def _filled(cell: str, column: str, where: str) -> str:
    if cell.strip().casefold() in EMPTY_CELLS:
        raise BadDataError(f"{where}: {column} is empty.", f"Fill in {column}, or remove the row.")
    return cell


def _time(name: str) -> float | None:
    return time_in_name(PurePosixPath(name.replace("\\", "/")).stem)


def _refuse_missing(path: Path, absent: Sequence[str], total: int) -> None:
    if absent:
        raise BadDataError(
            f"{len(absent):,} of the {plural(total, 'image')} in {path} missing, the first is {absent[0]}.",
            f"Put the images beside the CSV or under {path.parent / 'images'}, or remove their rows.",
        )


def _alike(rows: Sequence[FrameRow]) -> list[str]:
    """A note where printer ids differ only by leading zeros."""
    bare: dict[str, list[str]] = {}
    for printer in sorted({row.printer for row in rows}):
        bare.setdefault(printer.lstrip("0"), []).append(printer)
    return [
        f"Printer ids {' and '.join(same)} differ only by leading zeros and count as {len(same)} printers."
        for same in bare.values()
        if len(same) > 1
    ]
