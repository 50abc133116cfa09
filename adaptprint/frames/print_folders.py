"""Reads folders of prints: ``<print>/*``, ``<printer>/<print>/*``, or a flat folder that is cut by time."""

from collections.abc import Sequence
from pathlib import Path

from adaptprint.frames.cutting import cut_by_all_times, whole
from adaptprint.frames.folder_shape import split_of
from adaptprint.frames.image_files import FoundFile
from adaptprint.frames.table import FrameRow, FrameTable, grouped
from adaptprint.frames.wording import counts, plural


def read_prints(root: Path, files: Sequence[FoundFile], skip: int, notes: Sequence[str] = ()) -> FrameTable:
    """Frames whose folders are printers and prints.

    Below the ``skip`` leading levels, no folder means a flat folder, one a print, two and more a printer and
    its print. Frames without a print folder are cut where their times leave a gap of over 60 s.

    Args:
        root: The folder; its name is the printer's id where no folder names one.
        files: Its images in natural order.
        skip: Leading folder levels that name neither printer nor print.
        notes: What was noticed so far.
    """
    depth = max(len(file.folders) for file in files) - skip
    groups: dict[tuple[str, str], list[FoundFile]] = {}
    for file in files:
        below = file.folders[skip:]
        printer, inner = (below[0], below[1:]) if depth >= 2 and below else (root_name(root), below)
        groups.setdefault((printer, "/".join((*split_of(file.folders, skip), *inner))), []).append(file)

    rows: list[FrameRow] = []
    cuts = 0
    for (printer, print_id), members in groups.items():
        pieces = [whole(print_id, members)] if print_id else cut_by_all_times(members, printer)
        cuts += 0 if print_id else len(pieces)
        for piece in pieces:
            rows += piece.rows(printer)
    data = grouped(rows)

    kind = ("one flat folder", "print folders", "printer and print folders")[min(depth, 2)]
    said = [f"Read as {kind}: {counts(data)}."]
    if cuts > 1:
        said.append(f"Frames without a print folder were cut into {plural(cuts, 'print')} by gaps in file times.")
    elif cuts:
        said.append("Frames without a print folder count as one print: their times leave no gap over 60 s.")
    return FrameTable(data, root, "prints", (*said, *notes))


def root_name(root: Path) -> str:
    """The folder's own name, also for ``.`` and ``/``."""
    return root.name or root.resolve().name or "printer"
