"""Reads the label column of a CSV: 0 and 1, or class names."""

import re
from collections.abc import Sequence

from adaptprint.errors import BadDataError
from adaptprint.frames.class_names import GOOD, UNDER_EXTRUSION, class_called
from adaptprint.frames.csv_sheet import EMPTY_CELLS
from adaptprint.frames.wording import listed

LABEL_COLUMNS = ("has_under_extrusion", "label")

_BINARY = (GOOD, UNDER_EXTRUSION)
_WORDS = {"false": "0", "true": "1"}


def label_column(columns: Sequence[str]) -> int | None:
    """Place of the label column, or None."""
    return next((columns.index(name) for name in LABEL_COLUMNS if name in columns), None)


def read_label(cell: str, column: str, classes: Sequence[str] | None, where: str) -> str | None:
    """The class name that a cell means; None where it is empty.

    ``0`` is good and ``1`` is under_extrusion; where ``classes`` are others, a number is a place among them.
    A text is a class name: one of ``classes`` if they are given; otherwise any in the column ``label``.

    Args:
        cell: The cell.
        column: Name of its column, lower case.
        classes: The classes of the checkpoint at hand.
        where: File and line, for the error.

    Raises:
        BadDataError: The cell means no class.
    """
    text = cell.strip()
    if text.casefold() in EMPTY_CELLS:
        return None
    if classes is not None and (known := class_called(text, classes)) is not None:
        return known
    if number := re.fullmatch(r"([0-9]{1,6})(\.0+)?", _WORDS.get(text.casefold(), text)):
        names = _BINARY if classes is None or set(_BINARY) <= set(classes) else classes
        if int(number[1]) < len(names):
            return names[int(number[1])]
    elif classes is None:
        if column == "label":
            return text
        if (known := class_called(text, _BINARY)) is not None:
            return known
    raise BadDataError(
        f"{where}: {text!r} in column {column} is no known label.",
        f"Write 0 or 1, or a class name ({listed(_BINARY if classes is None else classes)}); "
        "leave the cell empty where the label is unknown.",
    )
