"""Metrics: the frame's numbers agree with scikit-learn, the print's are counted by print."""

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from adaptprint.frames.table import FrameTable
from adaptprint.models.metrics import (
    balanced_accuracy,
    decide,
    expected_calibration_error,
    mean_by_print,
    measure,
    measure_by_printer,
    print_labels,
    print_probabilities,
    recall_by_class,
)

CLASSES = ["good", "bad"]
BuildTable = Callable[..., FrameTable]


def two_columns(bad: list[float]) -> np.ndarray:
    return np.stack([1 - np.array(bad), np.array(bad)], axis=1)


@settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.integers(2, 4), st.integers(2, 40), st.integers(0, 2**32 - 1), st.floats(0.1, 0.9))
def test_frame_scores_agree_with_scikit_learn(
    make_table: BuildTable, n_classes: int, n: int, seed: int, threshold: float
) -> None:
    rng = np.random.default_rng(seed)
    classes = [f"c{code}" for code in range(n_classes)]
    labels = rng.integers(n_classes, size=n)
    table = make_table([("P", f"{i}", classes[label], 1) for i, label in enumerate(labels)])
    scores = rng.dirichlet(np.ones(n_classes), size=n)
    calls = (scores[:, 1] >= threshold).astype(int) if n_classes == 2 else scores.argmax(1)
    found = measure(table, scores, classes, threshold)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of called classes that never occur
        expected = reference.balanced_accuracy_score(labels, calls)
    assert found.accuracy == pytest.approx(reference.accuracy_score(labels, calls))
    assert found.balanced_accuracy == pytest.approx(expected)
    macro = reference.f1_score(labels, calls, labels=np.unique(labels), average="macro", zero_division=0.0)
    assert found.f1_macro == pytest.approx(macro)
    if n_classes == 2:
        assert found.f1 == pytest.approx(reference.f1_score(labels, calls, zero_division=0.0))
        everything = reference.f1_score(labels, np.ones(n), zero_division=0.0)
        assert found.all_positive_f1 == pytest.approx(everything)
    else:
        assert found.f1 == found.f1_macro
        assert found.all_positive_f1 is None
    if len(np.unique(labels)) < n_classes:
        assert found.auroc is None
    elif n_classes == 2:
        assert found.auroc == pytest.approx(reference.roc_auc_score(labels, scores[:, 1]))
    else:
        assert found.auroc == pytest.approx(reference.roc_auc_score(labels, scores, multi_class="ovr"))


def test_prints_are_scored_as_one_each(make_table: BuildTable) -> None:
    table = make_table([("P", "long", "bad", 7), ("P", "b", "good", 1), ("P", "c", "good", 2)])
    # The long print is called wrong as a whole though two of its frames are right.
    bad = [0.9, 0.9, 0.2, 0.2, 0.2, 0.2, 0.2, 0.4, 0.6, 0.3]
    found = measure(table, two_columns(bad), CLASSES)
    assert (found.n_frames, found.n_prints) == (10, 3)
    assert found.accuracy == pytest.approx(4 / 10)
    assert found.print_accuracy == pytest.approx(2 / 3)
    assert found.print_balanced_accuracy == pytest.approx(1 / 2)


def test_labels_that_differ_inside_prints_give_no_print_scores(make_table: BuildTable) -> None:
    table = make_table([("P", "a", "good", 2), ("P", "a", "bad", 2), ("P", "b", "good", 2)])
    found = measure(table, two_columns([0.1, 0.1, 0.9, 0.9, 0.1, 0.1]), CLASSES)
    assert found.print_accuracy is None
    assert found.print_balanced_accuracy is None
    assert found.accuracy == 1.0


def test_one_class_alone_gives_scores_but_no_auroc(make_table: BuildTable) -> None:
    found = measure(make_table([("P", "a", "good", 3)]), two_columns([0.1, 0.2, 0.8]), CLASSES)
    assert found.auroc is None
    assert found.accuracy == found.balanced_accuracy == pytest.approx(2 / 3)
    assert found.all_positive_f1 == 0.0


def test_the_threshold_decides_binary_calls_and_no_others() -> None:
    assert decide(two_columns([0.29, 0.3, 0.31, 0.9]), 0.3).tolist() == [0, 1, 1, 1]
    assert decide(two_columns([0.49, 0.5])).tolist() == [0, 1]
    assert decide(np.array([[0.4, 0.35, 0.25], [0.1, 0.2, 0.7]]), 0.99).tolist() == [0, 2]


def test_the_threshold_decides_prints_as_it_decides_frames(make_table: BuildTable) -> None:
    table = make_table([("P", "a", "bad", 2), ("P", "b", "good", 2)])
    scores = two_columns([0.3, 0.5, 0.1, 0.2])
    assert measure(table, scores, CLASSES, threshold=0.5).print_accuracy == 0.5
    assert measure(table, scores, CLASSES, threshold=0.35).print_accuracy == 1.0


def test_calibration_error_is_the_gap_of_each_bin_weighted_by_its_size() -> None:
    # Bins of a fifth; confidences .5 and .55 share one (3 frames, 1 right), .9 and 1.0 the last (2 frames, 1 right).
    scores = two_columns([0.5, 0.45, 0.55, 0.9, 0.0])
    labels = np.array([1, 0, 0, 1, 1])
    first = abs(1 - (0.5 + 0.55 + 0.55))
    last = abs(1 - (0.9 + 1.0))
    assert expected_calibration_error(scores, labels, n_bins=5) == pytest.approx((first + last) / 5)


def test_confidence_that_keeps_its_word_has_no_calibration_error() -> None:
    scores = two_columns([0.75] * 4)
    assert expected_calibration_error(scores, np.array([1, 1, 1, 0])) == pytest.approx(0)
    assert expected_calibration_error(scores, np.array([0, 0, 0, 0])) == pytest.approx(0.75)


def test_recall_knows_nothing_of_a_class_without_examples() -> None:
    recall = recall_by_class(np.array([0, 0, 1]), np.array([0, 1, 1]), 3)
    assert recall[:2].tolist() == [1.0, 0.5]
    assert np.isnan(recall[2])
    assert balanced_accuracy(np.array([0, 0, 1]), np.array([0, 1, 1]), 3) == 0.75


def test_a_print_s_score_is_the_mean_of_its_frames() -> None:
    means = mean_by_print(two_columns([0.2, 0.4, 1.0]), np.array([0, 0, 1]))
    assert means.tolist() == [[pytest.approx(0.7), pytest.approx(0.3)], [0.0, 1.0]]


def test_a_print_without_known_label_has_none(make_table: BuildTable) -> None:
    table = make_table([("P", "a", "bad", 1), ("P", "b", None, 2), ("P", "c", "odd", 1), ("P", "d", "good", 1)])
    assert print_labels(table, CLASSES).tolist() == [1, -1, -1, 0]


def test_each_printer_is_measured_alone(make_table: BuildTable) -> None:
    table = make_table([("B", "a", "bad", 2), ("A", "b", "good", 3)])
    found = measure_by_printer(table, two_columns([0.9, 0.1, 0.2, 0.2, 0.9]), CLASSES)
    assert list(found) == ["B", "A"]
    assert found["B"].accuracy == 0.5
    assert found["A"].accuracy == pytest.approx(2 / 3)
    assert [each.n_frames for each in found.values()] == [2, 3]
    assert found["A"].to_dict()["n_prints"] == 1
    strict = measure_by_printer(table, two_columns([0.9, 0.1, 0.2, 0.2, 0.9]), CLASSES, threshold=0.95)
    assert [each.accuracy for each in strict.values()] == [0.0, 1.0]


def test_frames_of_a_print_vote_by_the_mean_of_their_log_odds() -> None:
    # Two sure frames against three unsure ones: the mean probability would say .55 for the first class.
    shares = np.array([0.05, 0.05, 0.7, 0.7, 0.75, 0.6])
    found = print_probabilities(two_columns(list(shares)), np.array([0, 0, 0, 0, 0, 1]))
    logits = np.log(shares / (1 - shares))
    assert found[0, 1] == pytest.approx(1 / (1 + np.exp(-logits[:5].mean())))
    assert found[1, 1] == pytest.approx(0.6)
    assert found.sum(axis=1) == pytest.approx([1, 1])
    assert found.shape == (2, 2)


def test_no_frame_outvotes_many() -> None:
    certain, others = [1e-9], [0.8] * 8
    found = print_probabilities(two_columns([*certain, *others]), np.zeros(9, dtype=np.int64))
    assert found[0, 1] > 0.6
    # Unbounded, the one would have won.
    assert np.mean([np.log(share / (1 - share)) for share in (*certain, *others)]) < 0


def test_votes_of_many_classes_are_geometric_means() -> None:
    frames = np.array([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]], dtype=np.float32)
    found = print_probabilities(frames, np.zeros(2, dtype=np.int64))[0]
    expected = np.sqrt(frames[0] * frames[1])
    assert found == pytest.approx(expected / expected.sum(), rel=1e-5)
