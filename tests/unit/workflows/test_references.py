"""What is remembered of a printer: as many frames of a long print as of a short one."""

import numpy as np

from adaptprint.workflows.references import few_of_each


def test_of_each_print_the_same_few_frames_are_taken_from_its_beginning_to_its_end() -> None:
    codes = np.array([1] * 10 + [0] * 3 + [2] * 4 + [1])
    rows = few_of_each(codes)
    assert np.bincount(codes[rows]).tolist() == [3, 4, 4]
    assert {0, 17} <= set(rows[codes[rows] == 1].tolist())
    assert len(set(rows.tolist())) == len(rows)
