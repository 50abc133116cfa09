"""The decision by print margins: where expected balanced accuracy is highest, and what moving there gains."""

import numpy as np
import pytest
import torch
from scipy.special import stdtr

from adaptprint.adaptation.print_decision import best_decision, decided_at
from adaptprint.adaptation.print_margins import MarginModel, SharePosterior, share_posterior

MODEL = MarginModel(
    np.array([-2.0, 2.0]), np.array([0.5, 0.5]), np.array([1.0, 1.0]), shift_sd=0.8, scale_mean=-0.2, scale_sd=0.3
)


def sure_of(good: float, bad: float, spread: float = 0.8) -> SharePosterior:
    """A posterior that knows the printer."""
    n = 50
    means, spreads = np.tile([good, bad], (n, 1)), np.full((n, 2), spread)
    return SharePosterior(np.full(n, 0.5), np.zeros(0), 0.0, 1.0, means, spreads)


def prints(good: float, bad: float, n_good: int, n_bad: int) -> tuple[np.ndarray, np.ndarray]:
    """Margins of a new printer's prints, and their numbers of frames."""
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(good, 0.6, n_good), rng.normal(bad, 0.6, n_bad)])
    return values, np.full(len(values), 8)


def test_between_two_classes_of_equal_spread_it_is_halfway() -> None:
    found = best_decision(MODEL, sure_of(-2.5, 0.5))
    assert found.margin == pytest.approx(-1.0, abs=0.06)


def test_the_gain_is_the_difference_of_two_accuracies_that_can_be_worked_out() -> None:
    found = best_decision(MODEL, sure_of(-3.0, -1.0))

    def accuracy(margin: float) -> float:
        return float(stdtr(5, (margin + 3) / 0.8) + 1 - stdtr(5, (margin + 1) / 0.8)) / 2

    assert found.gain == pytest.approx(accuracy(-2.0) - accuracy(0.0), abs=0.005)
    assert found.low == pytest.approx(found.gain)
    assert found.risk == 0.0


def test_where_the_old_decision_is_best_it_stays_and_gains_nothing() -> None:
    found = best_decision(MODEL, sure_of(-2.0, 2.0))
    assert found.margin == pytest.approx(0, abs=0.06)
    assert found.gain == pytest.approx(0, abs=1e-3)


def test_a_printer_on_which_faults_look_fainter_gets_a_lower_decision_whatever_the_class_share() -> None:
    for n_good, n_bad in ((12, 0), (9, 3), (6, 6), (3, 9)):
        found = best_decision(MODEL, share_posterior(MODEL, *prints(-2.0, 0.4, n_good, n_bad)))
        assert -1.6 < found.margin < -0.15, (n_good, n_bad)
        assert found.gain > 0


def test_fewer_prints_leave_more_risk() -> None:
    few = best_decision(MODEL, share_posterior(MODEL, *prints(-2.0, 0.2, 2, 2)))
    many = best_decision(MODEL, share_posterior(MODEL, *prints(-2.0, 0.2, 30, 30)))
    assert many.risk < few.risk
    assert many.high - many.low < few.high - few.low


def test_a_decision_moves_the_log_odds_by_its_margin_and_leaves_the_rest() -> None:
    state = {"classifier.bias": torch.tensor([0.3, -0.1]), "classifier.weight": torch.ones(2, 4)}
    found = decided_at(state, 0.8)
    odds = [value["classifier.bias"][1] - value["classifier.bias"][0] for value in (state, found)]
    assert float(odds[0] - odds[1]) == pytest.approx(0.8)
    assert found["classifier.weight"] is state["classifier.weight"]
    assert state["classifier.bias"].tolist() == pytest.approx([0.3, -0.1])
