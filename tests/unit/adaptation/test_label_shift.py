"""MLLS, BBSE and RLLS find the class shares of prints whose scores are distributed as the source's."""

import numpy as np
import pytest
from scipy.special import log_softmax

from adaptprint.adaptation.label_shift import bbse, calibrated, calibration, fit_label_shift, mlls, rlls


def scores_of(labels: np.ndarray, n_classes: int, seed: int) -> np.ndarray:
    """Log probabilities that favour each print's class, with noise."""
    noise = np.random.default_rng(seed).normal(size=(len(labels), n_classes))
    return log_softmax(1.5 * np.eye(n_classes)[labels] * 2 + noise, axis=1)


@pytest.mark.parametrize("shares", [(0.9, 0.1), (0.5, 0.5), (0.2, 0.8), (0.6, 0.3, 0.1), (0.0, 0.5, 0.5)])
def test_each_finds_the_shares_where_only_they_moved(shares: tuple[float, ...]) -> None:
    k = len(shares)
    source = np.repeat(np.arange(k), 300)
    target = np.repeat(np.arange(k), [round(400 * share) for share in shares])
    found = fit_label_shift(scores_of(source, k, 0), source).estimates(scores_of(target, k, 1))
    assert set(found) == {"MLLS", "BBSE", "RLLS", "calls"}
    for name in ("MLLS", "BBSE", "RLLS"):
        assert found[name].sum() == pytest.approx(1)
        assert found[name] == pytest.approx(shares, abs=0.06), name


def test_few_source_prints_of_one_class_do_not_bias_the_calibration() -> None:
    source = np.repeat([0, 1], [400, 40])
    target = np.repeat([0, 1], [200, 200])
    found = fit_label_shift(scores_of(source, 2, 0), source).estimates(scores_of(target, 2, 1))
    assert found["MLLS"][1] == pytest.approx(0.5, abs=0.06)


def test_calibration_undoes_a_temperature_and_a_bias() -> None:
    labels = np.repeat([0, 1], 500)
    honest = scores_of(labels, 2, 0)
    distorted = log_softmax(honest * 3 + [0.0, 4.0], axis=1)
    first = calibrated(honest, calibration(honest, labels))
    assert calibrated(distorted, calibration(distorted, labels)) == pytest.approx(first, abs=0.05)


def test_shares_are_found_from_mixed_calls_and_stay_in_range() -> None:
    table = np.array([[0.8, 0.3], [0.2, 0.7]])
    assert bbse(table, table @ [0.25, 0.75]) == pytest.approx([0.25, 0.75], abs=1e-6)
    assert bbse(table, np.array([1.0, 0.0])).min() >= 0
    assert bbse(table, np.array([1.0, 0.0])) == pytest.approx([1, 0], abs=0.05)


def test_rlls_keeps_to_balance_by_more_where_there_are_fewer_prints() -> None:
    table = np.array([[0.6, 0.4], [0.4, 0.6]])
    called = table @ [0.9, 0.1]
    few, many = rlls(table, called, 20, 4)[0], rlls(table, called, 20_000, 10_000)[0]
    assert 0.5 < few < many
    assert many == pytest.approx(0.9, abs=0.02)


def test_mlls_of_prints_that_say_nothing_is_balanced() -> None:
    assert mlls(np.full((7, 3), 1 / 3)) == pytest.approx([1 / 3] * 3)


def test_scores_that_hardly_tell_classes_apart_are_posteriors_under_balanced_classes() -> None:
    noise = np.random.default_rng(0).normal(size=(440, 2))
    scores = log_softmax(0.3 * noise, axis=1)
    found = calibration(scores, np.repeat([0, 1], [400, 40]))
    assert calibrated(scores, found).mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.05)


def test_a_few_prints_told_apart_without_an_error_do_not_make_it_certain() -> None:
    labels = np.array([0, 0, 1, 1])
    scores = log_softmax(0.5 * np.eye(2)[labels], axis=1)
    assert calibrated(scores, calibration(scores, labels)).max() < 0.95
