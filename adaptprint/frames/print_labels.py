"""Reads the classes of a few prints from a CSV: the only way in which labels of a target enter an adaptation."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from adaptprint.errors import BadDataError
from adaptprint.frames.class_names import class_called
from adaptprint.frames.csv_sheet import EMPTY_CELLS, Sheet, read_sheet
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.frames.wording import either, listed

COLUMNS = ("print", "class")


def read_print_labels(path: str | Path, table: FrameTable, classes: Sequence[str]) -> dict[str, str]:
    """The class of each labelled print, in the order of the file.

    The CSV has the columns ``print`` and ``class``; others are passed over, and so are rows without a class, so that a
    list of all prints may be filled in little by little. Ids stay the strings they are, with their leading zeros.

    Args:
        path: The CSV file.
        table: Frames of one printer.
        classes: Class names of the checkpoint; the usual spellings of them will do.

    Raises:
        BadDataError: The file cannot be read, lacks a column or labels nothing; a print or a class is unknown; or a
            print has two classes.
    """
    sheet = read_sheet(Path(path), each="labelled print")
    at_print, at_class = _columns(sheet)
    prints = table.prints["print"].to_list()
    found: dict[str, str] = {}
    lines: dict[str, int] = {}
    for line, cells in sheet.rows:
        name, label = cells[at_print].strip(), cells[at_class].strip()
        if label.casefold() in EMPTY_CELLS:
            continue
        where = f"{path}, line {line}"
        if name not in prints:
            raise _unknown_print(name, prints, where, table.root)
        called = class_called(label, classes)
        if called is None:
            raise _unknown_class(label, classes, where)
        if found.get(name, called) != called:
            raise BadDataError(
                f"{where}: print `{name}` is {called}, but {found[name]} in line {lines[name]}.",
                "Keep one row for each print; a print has one class.",
            )
        found[name] = called
        lines.setdefault(name, line)
    if not found:
        raise BadDataError(f"{path} labels no print: its column class is empty.", f"Write {either(classes)} into it.")
    return found


def print_label_codes(labels: Mapping[str, str], table: FrameTable, classes: Sequence[str]) -> Ints:
    """(p,) int64: for each print of the table, the place of its class in ``classes``; -1 where it is not labelled."""
    codes = {name: classes.index(label) for name, label in labels.items()}
    return np.array([codes.get(name, -1) for name in table.prints["print"]], dtype=np.int64)


def _columns(sheet: Sheet) -> tuple[int, int]:
    missing = [name for name in COLUMNS if name not in sheet.columns]
    if missing:
        raise BadDataError(
            f"{sheet.path} lacks the column {missing[0]}; its first line names {listed(sheet.columns)}.",
            f"Make `{','.join(COLUMNS)}` the first line, with one row for each labelled print below it.",
        )
    return sheet.columns.index(COLUMNS[0]), sheet.columns.index(COLUMNS[1])


def _unknown_print(name: str, prints: Sequence[str], where: str, root: Path) -> BadDataError:
    # Spreadsheets eat leading zeros.
    alike = [known for known in prints if known.lstrip("0") == name.lstrip("0")]
    near = alike or get_close_matches(name, prints, n=1)
    meant = f"Did you mean `{near[0]}`? " if near else ""
    return BadDataError(f"{where}: there is no print `{name}` in {root}.", f"{meant}Its prints are {listed(prints)}.")


def _unknown_class(label: str, classes: Sequence[str], where: str) -> BadDataError:
    near = get_close_matches(label.casefold(), classes, n=1)
    meant = f"Did you mean `{near[0]}`? " if near else ""
    return BadDataError(f"{where}: the model does not know the class `{label}`.", f"{meant}It knows {listed(classes)}.")
