"""A few labelled prints, as users write them down and as the file breaks."""

from collections.abc import Callable
from pathlib import Path

import pytest

from adaptprint.errors import BadDataError
from adaptprint.frames.print_labels import print_label_codes, read_print_labels
from adaptprint.frames.table import FrameRow, FrameTable, grouped

CLASSES = ["good", "under_extrusion"]


@pytest.fixture
def table() -> FrameTable:
    """Two frames each of the prints 007, 012 and 1678570000."""
    rows = [
        FrameRow(f"/{name}/{n}.jpg", f"{name}/{n}.jpg", "9", name)
        for name in ("007", "012", "1678570000")
        for n in (0, 1)
    ]
    return FrameTable(grouped(rows), Path("new_printer"), "prints")


@pytest.fixture
def sheet(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        file = tmp_path / "prints.csv"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def test_leading_zeros_are_kept_and_classes_are_known_by_their_usual_spellings(
    sheet: Callable[[str], Path], table: FrameTable
) -> None:
    labels = read_print_labels(sheet("Class;note;Print\nOK;;007\nunder-extrusion;a; 1678570000\n"), table, CLASSES)
    assert labels == {"007": "good", "1678570000": "under_extrusion"}
    assert print_label_codes(labels, table, CLASSES).tolist() == [0, -1, 1]


def test_rows_without_a_class_are_still_to_be_filled_in(sheet: Callable[[str], Path], table: FrameTable) -> None:
    assert read_print_labels(sheet("print,class\n007,\n012,good\n"), table, CLASSES) == {"012": "good"}


def test_a_print_may_be_named_twice_if_its_class_is_the_same(sheet: Callable[[str], Path], table: FrameTable) -> None:
    assert read_print_labels(sheet("print,class\n007,good\n007,ok\n"), table, CLASSES) == {"007": "good"}


@pytest.mark.parametrize(
    ("text", "cause", "fix"),
    [
        ("", "is empty", "one row for each labelled print"),
        ("print,class\n", "no rows", "one row for each labelled print"),
        ("007,good\n012,good\n", "lacks the column print", "`print,class`"),
        ("print,label\n007,good\n", "lacks the column class", "`print,class`"),
        ("print,class\n007,\n", "labels no print", "Write good or under_extrusion into it."),
        ("print,class\n007,goood\n", "line 2: the model does not know the class `goood`", "Did you mean `good`?"),
        ("print,class\n007,stringing\n", "does not know the class `stringing`", "It knows good, under_extrusion"),
        ("print,class\n012,good\n7,good\n", "line 3: there is no print `7`", "Did you mean `007`?"),
        ("print,class\nabc,good\n", "no print `abc` in new_printer", "Its prints are 007, 012"),
        ("print,class\n007,good\n007,bad\n", "line 3: print `007` is under_extrusion, but good in line 2", "one row"),
    ],
)
def test_a_file_that_cannot_hold_ends_in_its_cause_and_its_fix(
    text: str, cause: str, fix: str, sheet: Callable[[str], Path], table: FrameTable
) -> None:
    with pytest.raises(BadDataError) as caught:
        read_print_labels(sheet(text), table, CLASSES)
    assert cause in caught.value.cause
    assert fix in caught.value.fix
    assert "\n" not in caught.value.cause + caught.value.fix


def test_a_missing_file_is_named(table: FrameTable, tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match=r"gone\.csv"):
        read_print_labels(tmp_path / "gone.csv", table, CLASSES)
