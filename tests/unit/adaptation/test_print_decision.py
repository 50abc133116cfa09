"""The decision by print margins: where a gain is worth its risk, and what moving there gains."""

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


def torn_between(one: tuple[float, float], other: tuple[float, float], chance: float) -> SharePosterior:
    """A posterior of two printers; ``chance`` is that of the first."""
    n = 100
    means = np.array([one] * round(chance * n) + [other] * (n - round(chance * n)))
    return SharePosterior(np.full(n, 0.5), np.zeros(0), 0.0, 1.0, means, np.full((n, 2), 0.6))


def test_a_point_lost_weighs_more_than_one_gained() -> None:
    # Moving down would help on the first printer as much as it would harm on the second.
    posterior = torn_between((-3.0, -1.0), (-1.0, 1.0), 0.6)
    bold = best_decision(MODEL, posterior, loss_weight=1.0)
    assert bold.margin < -0.5
    assert bold.gain > 0.02
    careful = best_decision(MODEL, posterior)
    assert -0.3 < careful.margin <= 0
    assert careful.risk < bold.risk


def test_the_heavier_a_loss_the_less_the_decision_moves_and_the_smaller_the_worst() -> None:
    posterior = share_posterior(MODEL, *prints(-2.6, 0.2, 9, 3))
    found = [best_decision(MODEL, posterior, weight) for weight in (1.0, 4.0, 100.0)]
    assert found[0].margin <= found[1].margin <= found[2].margin <= 0
    assert found[0].gain >= found[1].gain >= found[2].gain >= 0
    assert found[0].low < found[2].low
    assert found[2].risk <= 0.05


def test_what_may_still_be_gained_is_what_knowing_the_printer_would_add() -> None:
    assert best_decision(MODEL, sure_of(-3.0, -1.0)).further == pytest.approx(0, abs=1e-3)
    posterior = torn_between((-3.0, -1.0), (-1.0, 1.0), 0.5)
    found = best_decision(MODEL, posterior)
    known = [best_decision(MODEL, torn_between((-3.0, -1.0), (-1.0, 1.0), chance)).gain for chance in (1.0, 0.0)]
    assert found.gain + found.further == pytest.approx(np.mean(known), abs=0.01)
    assert found.further > 0.02


def test_fewer_prints_leave_more_risk_so_the_decision_moves_less_and_labels_are_worth_more() -> None:
    few = share_posterior(MODEL, *prints(-2.0, 0.2, 2, 2))
    many = share_posterior(MODEL, *prints(-2.0, 0.2, 30, 30))
    bold = [best_decision(MODEL, posterior, loss_weight=1.0) for posterior in (few, many)]
    assert bold[1].risk < bold[0].risk
    assert bold[1].high - bold[1].low < bold[0].high - bold[0].low
    careful = [best_decision(MODEL, posterior) for posterior in (few, many)]
    assert careful[1].margin < careful[0].margin <= 0
    assert careful[1].gain > careful[0].gain
    assert careful[1].further < careful[0].further


def test_a_decision_moves_the_log_odds_by_its_margin_and_leaves_the_rest() -> None:
    state = {"classifier.bias": torch.tensor([0.3, -0.1]), "classifier.weight": torch.ones(2, 4)}
    found = decided_at(state, 0.8)
    odds = [value["classifier.bias"][1] - value["classifier.bias"][0] for value in (state, found)]
    assert float(odds[0] - odds[1]) == pytest.approx(0.8)
    assert found["classifier.weight"] is state["classifier.weight"]
    assert state["classifier.bias"].tolist() == pytest.approx([0.3, -0.1])
