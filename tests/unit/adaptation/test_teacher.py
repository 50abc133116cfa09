"""What prints teach: classes weigh the same, confident prints more, and one class alone teaches nothing."""

import numpy as np
import pytest
import torch

from adaptprint.adaptation.teacher import PrintTeacher, consensus_teacher


def teacher(bad: list[float]) -> PrintTeacher:
    posteriors = np.stack([1 - np.array(bad), np.array(bad)], axis=1)
    return consensus_teacher(posteriors, np.repeat(np.arange(len(bad)), 2))


@pytest.mark.parametrize("bad", [[0.02] * 9 + [0.98], [0.9, 0.95, 0.1], [0.0, 1.0, 0.4, 0.7]])
def test_the_lessons_of_every_class_weigh_the_same_in_sum(bad: list[float]) -> None:
    weights = teacher(bad).lessons.sum(1)
    calls = np.array(bad) > 0.5
    assert weights[calls].sum() == pytest.approx(weights[~calls].sum(), rel=1e-5)


def test_three_classes_weigh_the_same_too() -> None:
    posteriors = np.eye(3)[[0, 0, 0, 0, 1, 1, 2]] * 0.85 + 0.05
    weights = consensus_teacher(posteriors, np.arange(7)).lessons.sum(1)
    assert [weights[:4].sum(), weights[4:6].sum(), weights[6]] == pytest.approx([7 / 3] * 3, rel=1e-5)


@pytest.mark.parametrize("bad", [[0.02] * 10, [0.99] * 4, [0.02] * 9 + [0.6], [0.45, 0.55]])
def test_where_a_class_is_not_seen_with_confidence_nothing_is_taught(bad: list[float]) -> None:
    assert teacher(bad).is_silent
    assert not teacher(bad).lessons.any()


def test_confident_prints_weigh_more_and_undecided_ones_nothing() -> None:
    weights = teacher([0.0, 0.2, 0.4, 0.5, 1.0]).lessons.sum(1)
    assert weights[0] > weights[1] > weights[2] > 0
    assert weights[0] == pytest.approx(5 * weights[2], rel=1e-5)
    assert weights[3] == 0


def test_the_mean_row_sums_to_one_and_rows_keep_their_belief() -> None:
    lessons = teacher([0.1, 0.2, 0.9, 0.95]).lessons
    assert lessons.sum(1).mean() == pytest.approx(1, rel=1e-5)
    assert lessons[:, 1] / lessons.sum(1) == pytest.approx([0.1, 0.2, 0.9, 0.95], rel=1e-5)


def test_frames_get_the_lesson_of_their_print() -> None:
    found = teacher([0.1, 0.9]).of(np.array([3, 0, 1]), torch.device("cpu"))
    expected = teacher([0.1, 0.9]).lessons[[1, 0, 0]]
    assert found.dtype == torch.float32
    assert found.numpy().tolist() == expected.tolist()
