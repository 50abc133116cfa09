"""Reads class folders: ``<class>/*``, ``<class>/<print>/*`` and ``<printer>/<class>/...``."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from adaptprint.errors import BadDataError
from adaptprint.frames.class_names import class_called
from adaptprint.frames.cutting import Piece, cut_by_name_times, whole
from adaptprint.frames.folder_shape import FolderShape, split_of
from adaptprint.frames.frame_times import time_in_name
from adaptprint.frames.image_files import FoundFile
from adaptprint.frames.print_folders import root_name
from adaptprint.frames.table import FrameRow, FrameTable, grouped
from adaptprint.frames.wording import counts, listed, plural


def read_classes(
    root: Path,
    files: Sequence[FoundFile],
    shape: FolderShape,
    notes: Sequence[str] = (),
    *,
    classes: Sequence[str] | None,
    keep_labels: bool,
) -> FrameTable:
    """Frames in class folders.

    A folder below a class folder is a print; prints of the same name in two classes are two prints. Without
    such a folder, times in the names cut the class folder into prints, and frames without a time count as one
    print each, for nothing tells which of them belong together (file times mean nothing after sorting).

    Args:
        root: The folder.
        files: Its images in natural order.
        shape: Says which level names the class.
        notes: What was noticed so far.
        classes: If given, every class folder must be one of these.
        keep_labels: False uses the folders to tell prints apart, and forgets the labels.

    Raises:
        BadDataError: A folder is none of ``classes``.
    """
    level = shape.class_level or 0
    inside = [file for file in files if len(file.folders) > level]
    names = sorted({file.folders[level] for file in inside})
    labels: dict[str, str | None] = dict.fromkeys(names)
    if keep_labels:
        labels = {name: class_called(name, classes) if classes else name for name in names}
        _refuse_unknown(root, labels, classes or ())

    folders: dict[tuple[str, ...], list[FoundFile]] = {}
    for file in inside:
        folders.setdefault(file.folders, []).append(file)
    rows: list[FrameRow] = []
    cut = alone = 0
    for folder, members in folders.items():
        printer = folder[shape.skip] if level > shape.skip else root_name(root)
        print_id = "/".join((*split_of(folder, shape.skip), *folder[shape.skip + 1 : level], *folder[level:]))
        if len(folder) > level + 1:
            pieces = [whole(print_id, members)]
        else:
            timed = cut_by_name_times(members, print_id)
            untimed = [file for file in members if time_in_name(file.stem) is None]
            pieces = timed + [Piece(f"{print_id}/{file.name}", [file], [None]) for file in untimed]
            cut += len(timed)
            alone += len(untimed)
        for piece in pieces:
            rows += piece.rows(printer, labels[folder[level]])
    data = grouped(rows)

    said = [f"Read as class folders ({shape.why}): {listed(names)}; {counts(data)}."]
    if renamed := [f"{name} as {known}" for name, known in labels.items() if known not in (None, name)]:
        said.append(f"Folders were read as classes of the model: {listed(renamed)}.")
    if cut:
        said.append(f"Class folders were cut into {plural(cut, 'print')} by gaps in the times they name.")
    if alone:
        said.append(
            f"{plural(alone, 'image')} without a print folder or a time in the name count as one print each; "
            "where several belong to one print, put them into <class>/<print>/."
        )
    if len(inside) < len(files):
        said.append(f"{plural(len(files) - len(inside), 'image')} outside the class folders left out.")
    return FrameTable(data, root, "classes", (*said, *notes))


def _refuse_unknown(root: Path, labels: Mapping[str, str | None], classes: Sequence[str]) -> None:
    unknown = [name for name, label in labels.items() if label is None]
    if unknown:
        raise BadDataError(
            f"Folders in {root} are none of the model's classes: {listed(unknown)}.",
            f"Name class folders after the model's classes ({listed(classes)}), or take the others out.",
        )
