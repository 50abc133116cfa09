"""The frame table: printers and prints in one piece, codes, labels."""

from pathlib import Path

import pytest

from adaptprint.frames.table import SCHEMA, FrameRow, FrameTable, grouped


@pytest.fixture
def table() -> FrameTable:
    rows = [
        FrameRow("/a", "a", "021", "7", 1.0, "good"),
        FrameRow("/b", "b", "101", "7", None, "bad"),
        FrameRow("/c", "c", "021", "8", 2.0, None),
        FrameRow("/d", "d", "021", "7", 3.0, "good"),
    ]
    return FrameTable(grouped(rows), Path("/"), "prints")


def test_rows_are_grouped_in_order_of_first_appearance(table: FrameTable) -> None:
    assert table.data["name"].to_list() == ["a", "d", "c", "b"]
    assert dict(table.data.schema) == SCHEMA
    assert table.printers == ["021", "101"]


def test_prints_of_the_same_name_on_two_printers_are_two_prints(table: FrameTable) -> None:
    assert table.prints.height == 3
    assert table.print_codes.tolist() == [0, 0, 1, 2]
    assert table.printer_codes.tolist() == [0, 0, 0, 1]


def test_labels_are_known_by_frame_and_by_print(table: FrameTable) -> None:
    assert table.classes == ["bad", "good"]
    assert not table.labelled
    assert table.prints["label"].to_list() == ["good", None, "bad"]
    assert table.label_codes(["good"]).tolist() == [0, 0, -1, -1]
    assert table.without_labels().classes == []


def test_rows_can_be_taken_in_any_order(table: FrameTable) -> None:
    assert table.take([3, 0]).data["name"].to_list() == ["b", "a"]
    assert table.where(table.print_codes == 0).data["name"].to_list() == ["a", "d"]


def test_a_table_may_be_empty() -> None:
    empty = FrameTable(grouped([]), Path("/"), "prints")
    assert len(empty) == 0
    assert not empty.labelled
    assert empty.print_codes.tolist() == []
