"""What is remembered of a printer: as many frames of a long print as of a short one."""

from pathlib import Path

import numpy as np
import pytest

from adaptprint.frames.table import FrameRow, FrameTable, grouped
from adaptprint.models.domain_reference import DomainReference
from adaptprint.workflows.references import few_of_each, frames_behind_each, spread_prints


def test_of_each_print_the_same_few_frames_are_taken_from_its_beginning_to_its_end() -> None:
    codes = np.array([1] * 10 + [0] * 3 + [2] * 4 + [1])
    rows = few_of_each(codes)
    assert np.bincount(codes[rows]).tolist() == [3, 4, 4]
    assert {0, 17} <= set(rows[codes[rows] == 1].tolist())
    assert len(set(rows.tolist())) == len(rows)


@pytest.mark.parametrize(("n_prints", "frames_each", "expected"), [(64, 2, 2), (10, 12, 4), (3, 1, 1)])
def test_as_many_frames_of_a_recent_print_are_taken_as_stood_behind_one_at_adaptation(
    n_prints: int, frames_each: int, expected: int
) -> None:
    prints = np.repeat(np.arange(n_prints), frames_each)
    nothing = np.zeros(0)
    then = DomainReference(
        np.zeros((len(prints), 2), np.float32), prints, np.zeros((n_prints, 2), np.float32), np.zeros((n_prints, 2)),
        nothing, nothing.astype(np.int64), nothing,
    )  # fmt: skip
    assert frames_behind_each(then) == expected
    recent = np.repeat(np.arange(5), 6)
    assert np.bincount(recent[few_of_each(recent, frames_behind_each(then))]).tolist() == [expected] * 5


def test_of_many_prints_some_are_looked_at_with_all_their_frames_rather_than_all_with_few() -> None:
    rows = [FrameRow("", f"{name}/{n}.jpg", "9", f"{name:03}", float(n), None) for name in range(100) for n in range(4)]
    table = FrameTable(grouped(rows), Path(), "prints")
    few = spread_prints(table, 64)
    assert few.prints.height == 64
    assert few.prints["n_frames"].to_list() == [4] * 64
    assert {"000", "099"} <= set(few.prints["print"])
    assert spread_prints(table, 100) is table
