"""The coverage-risk curve, by hand."""

import numpy as np
import pytest

from adaptprint.models.coverage_risk import COVERAGES, coverage_risk

TRUST = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0])


def risks(trust: np.ndarray, wrong: list[int]) -> dict[float, float]:
    curve = coverage_risk("frame", "confidence", trust, np.isin(np.arange(len(trust)), wrong))
    return dict(zip(COVERAGES, curve.risks, strict=True))


def test_the_least_trusted_calls_are_left_out_first() -> None:
    assert risks(TRUST, [8, 9]) == pytest.approx({1.0: 0.2, 0.9: 1 / 9, 0.8: 0, 0.7: 0, 0.5: 0})
    assert risks(TRUST, [0, 1]) == pytest.approx({1.0: 0.2, 0.9: 2 / 9, 0.8: 2 / 8, 0.7: 2 / 7, 0.5: 2 / 5})


def test_the_order_of_the_rows_does_not_matter() -> None:
    shuffled = np.random.default_rng(0).permutation(10)
    wrong = np.isin(np.arange(10), [2, 9])
    straight = coverage_risk("print", "support", TRUST, wrong)
    assert coverage_risk("print", "support", TRUST[shuffled], wrong[shuffled]) == straight


def test_the_area_is_the_mean_risk_over_all_coverages() -> None:
    curve = coverage_risk("print", "confidence", np.array([3.0, 2, 1]), np.array([False, True, False]))
    assert curve.aurc == pytest.approx((0 + 1 / 2 + 1 / 3) / 3)


def test_equally_trusted_calls_come_to_the_risk_of_all_whatever_their_order() -> None:
    curve = coverage_risk("frame", "confidence", np.ones(10), np.arange(10) < 3)
    assert curve.risks == pytest.approx([0.3] * len(COVERAGES))
    assert curve.aurc == pytest.approx(0.3)


def test_one_call_is_enough() -> None:
    curve = coverage_risk("print", "support", np.array([-0.2]), np.array([True]))
    assert curve.risks == (1.0,) * len(COVERAGES)
    assert curve.to_dict() == {
        "unit": "print",
        "by": "support",
        "n": 1,
        "risk": {"1": 1.0, "0.9": 1.0, "0.8": 1.0, "0.7": 1.0, "0.5": 1.0},
        "aurc": 1.0,
    }
