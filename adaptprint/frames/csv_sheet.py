"""Reads a CSV file into cells of text, and says in which line it is broken."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptprint.errors import BadDataError
from adaptprint.frames.wording import plural

EMPTY_CELLS = frozenset({"", "nan", "null", "none", "na", "n/a", "<na>"})
"""What data frame libraries write where there is no value; compare in lower case."""

MAX_BYTES = 1 << 30
"""A larger table is refused unread; one of a million frames has 100 MB."""

_DELIMITERS = ",;\t"  # spreadsheets write semicolons or tabs in some countries


@dataclass(frozen=True)
class Sheet:
    """A table of text.

    Attributes:
        path: The file.
        columns: Column names, lower case, without surrounding space.
        rows: Line number and cells of each row; as many cells as columns.
    """

    path: Path
    columns: list[str]
    rows: list[tuple[int, list[str]]]


def read_sheet(path: Path, each: str = "frame") -> Sheet:
    """Reads the whole file; every cell stays text.

    Args:
        path: The CSV file.
        each: What a row stands for, for the errors.

    Raises:
        BadDataError: It cannot be opened, is not UTF-8, has no rows, or a row does not fit the header.
    """
    text = _text(path, each)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        columns = _names(next(reader, []))
        for cells in reader:
            if not cells:
                continue  # a blank line
            if len(cells) != len(columns):
                raise BadDataError(
                    f"{path}, line {reader.line_num}: {plural(len(cells), 'cell')}, the header has {len(columns)}.",
                    "Give each row as many cells as the header; put quotes round values with commas.",
                )
            rows.append((reader.line_num, cells))
    except csv.Error as error:
        raise BadDataError(f"{path}, line {reader.line_num}: {error}.", "Save the table as plain CSV again.") from error
    if not rows:
        raise BadDataError(f"{path} has a header but no rows.", f"Add one row for each {each}.")
    return Sheet(path, columns, rows)


def header_of(path: Path) -> list[str]:
    """Column names of a CSV, lower case; none where the file or its first line cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            line = file.readline(65536)
        return _names(next(csv.reader([line], delimiter=_delimiter(line)), []))
    except (OSError, csv.Error):
        return []


def _text(path: Path, each: str) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadDataError(f"{path} is larger than any real table.", "Check that it is the CSV file you mean.")
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadDataError(
            f"{path} is not UTF-8 text (byte {error.start}).", "Save it as CSV in UTF-8 encoding."
        ) from error
    except OSError as error:
        raise BadDataError(
            f"{path} cannot be read ({error.strerror}).", "Check the file and its permissions."
        ) from error
    if not text.strip():
        raise BadDataError(f"{path} is empty.", f"Give it a header and one row for each {each}.")
    return text


def _names(cells: Sequence[str]) -> list[str]:
    return [cell.strip().casefold() for cell in cells]


def _delimiter(text: str) -> str:
    line = text[: text.find("\n")] if "\n" in text else text
    return max(_DELIMITERS, key=line.count)
