"""The share of faulty prints from margins, when the new printer moves and stretches them."""

from dataclasses import replace

import numpy as np
import pytest

from adaptprint.adaptation import print_margins as margins_module
from adaptprint.adaptation.print_margins import (
    MarginModel,
    SharePosterior,
    Spread,
    fit_margins,
    log_odds,
    print_margins,
    share_posterior,
)

FRAMES = 4


def margins_of(labels: np.ndarray, shift: float, seed: int, scale: float = 1.0) -> np.ndarray:
    """(4 p,) margins of the frames of prints: good ones at -2, faulty ones 4 times the scale above, with a spread."""
    rng = np.random.default_rng(seed)
    of_print = shift - 2 + 4 * scale * labels + rng.normal(0, 1, len(labels))
    return np.repeat(of_print, FRAMES) + rng.normal(0, 0.8, FRAMES * len(labels))


def source_model(shifts: list[float], spread: Spread | None = None, prints: int = 10) -> MarginModel:
    """Fitted to printers with these shifts, half of whose prints are faulty."""
    labels = np.tile([0, 1], prints // 2)
    margins = np.concatenate([margins_of(labels, shift, 10 + i) for i, shift in enumerate(shifts)])
    n = len(shifts) * prints
    return fit_margins(
        margins,
        np.repeat(np.tile(labels, len(shifts)), FRAMES),
        np.repeat(np.arange(n), FRAMES),
        np.repeat(np.arange(len(shifts)), FRAMES * prints),
        spread or Spread(),
    )


def posterior(
    model: MarginModel,
    n_bad: int,
    n: int,
    shift: float = 0.0,
    seed: int = 0,
    scale: float = 1.0,
    known: list[int] | None = None,
) -> SharePosterior:
    """Of a target whose first ``n_bad`` prints are faulty; ``known`` are the classes of its first prints."""
    labels = np.repeat([1, 0], [n_bad, n - n_bad])
    values, counts = print_margins(margins_of(labels, shift, 100 + seed, scale), np.repeat(np.arange(n), FRAMES))
    told = None if known is None else np.array([*known, *[-1] * (n - len(known))])
    return share_posterior(model, values, counts, known=told)


def ends(found: SharePosterior) -> tuple[float, float]:
    low, high = np.quantile(found.shares, [0.05, 0.95])
    return float(low), float(high)


ALIKE = [0.0] * 6
APART = [-1.5, -1.0, -0.3, 0.3, 1.0, 1.5]


@pytest.mark.parametrize("n_bad", [0, 6, 15, 30])
def test_the_share_is_found_where_the_printer_is_like_the_source(n_bad: int) -> None:
    found = posterior(source_model(ALIKE), n_bad, 30)
    assert np.median(found.shares) == pytest.approx(n_bad / 30, abs=0.1)
    assert ends(found)[0] <= n_bad / 30 <= ends(found)[1]


@pytest.mark.parametrize(("shift", "n_bad"), [(2.0, 10), (-2.0, 10)])
def test_a_shift_is_told_from_a_share_by_the_two_heaps_of_margins(shift: float, n_bad: int) -> None:
    model = source_model(APART)
    found = posterior(model, n_bad, 20, shift)
    unmoved = posterior(replace(model, shift_sd=1e-6), n_bad, 20, shift)
    error, without = (abs(np.median(each.shares) - n_bad / 20) for each in (found, unmoved))
    assert error < 0.1
    assert without > error + 0.1
    assert found.shift == pytest.approx(shift, abs=0.7)


def test_all_good_under_a_shift_is_doubtful_and_the_interval_says_so() -> None:
    model = source_model(APART)
    found, sure = posterior(model, 0, 12, 2.0), posterior(replace(model, shift_sd=1e-6), 0, 12, 2.0)
    assert ends(found)[0] < 0.05
    assert ends(found)[1] - ends(found)[0] > ends(sure)[1] - ends(sure)[0] + 0.1
    assert ends(sure)[0] > 0.05  # without the shift it would be sure, and wrong


def test_the_interval_covers_new_printers_drawn_like_the_source_s() -> None:
    model = source_model(APART)
    rng = np.random.default_rng(5)
    covered = []
    for seed in range(60):
        n_bad = int(rng.integers(0, 13))
        low, high = ends(posterior(model, n_bad, 12, rng.normal(0, 1.1), seed))
        covered.append(low <= n_bad / 12 <= high)
    assert np.mean(covered) >= 0.85


@pytest.mark.parametrize("n_bad", [6, 15, 24])
def test_faults_that_look_fainter_while_good_prints_look_the_same_are_still_counted(n_bad: int) -> None:
    model = source_model(ALIKE)
    found = [posterior(model, n_bad, 30, seed=seed, scale=0.65) for seed in range(6)]
    assert np.mean([np.median(each.shares) for each in found]) == pytest.approx(n_bad / 30, abs=0.08)
    # The faulty class has come 1.4 closer: the point halfway has moved by half of that, the good class not at all.
    assert np.mean([each.scale for each in found]) == pytest.approx(0.65, abs=0.12)
    assert np.mean([each.shift for each in found]) == pytest.approx(-0.7, abs=0.25)


def test_the_shift_is_how_far_the_point_halfway_has_moved() -> None:
    model = source_model(APART)
    for shift, scale in ((1.0, 1.0), (-1.0, 1.0), (0.0, 0.6), (1.0, 0.6)):
        found = posterior(model, 10, 20, shift, scale=scale)
        assert found.shift == pytest.approx(shift + 2 * (scale - 1), abs=0.45), (shift, scale)


def test_the_good_class_is_the_anchor() -> None:
    """Of the same prints, the good ones that a printer left alone say more than faulty ones that it hid."""
    model = replace(source_model(ALIKE), shift_sd=1e-6)
    labels = np.repeat([1, 0], 10)
    codes, counts = np.repeat(np.arange(20), FRAMES), np.full(20, FRAMES)
    fainter = print_margins(margins_of(labels, 0.0, 1, 0.5), codes)[0]
    # The mirror image: faulty prints as on the source, good ones as if half of them hid.
    mirrored = -print_margins(margins_of(1 - labels, 0.0, 1, 0.5), codes)[0]
    anchored, other = (share_posterior(model, values, counts) for values in (fainter, mirrored))
    truth = labels.astype(float)
    errors = [np.abs(found.print_posteriors - truth).mean() for found in (anchored, other)]
    assert errors[0] < 0.6 * errors[1]


def test_one_print_far_off_does_not_move_the_printer() -> None:
    model, counts = source_model(APART), np.full(12, FRAMES)
    usual = np.array([-2.0] * 6 + [2.0] * 6)
    strange = np.where(np.arange(12) == 0, -13.0, usual)
    shifts = [share_posterior(model, values, counts).shift for values in (usual, strange)]
    assert shifts[1] == pytest.approx(shifts[0], abs=0.3)


def test_of_prints_that_say_nothing_shares_near_all_or_none_are_expected_more_often_than_by_chance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(margins_module, "RATIO_SD", 0.0)
    model = MarginModel(np.zeros(2), np.ones(2), np.ones(2), shift_sd=1e-6, scale_mean=0.0, scale_sd=1e-6)
    shares = share_posterior(model, np.zeros(400), np.full(400, FRAMES)).shares
    assert ((shares < 0.1) | (shares > 0.9)).mean() > 0.3
    assert shares.mean() == pytest.approx(0.5, abs=0.05)


def test_known_labels_are_believed_and_tell_a_shift_from_a_share() -> None:
    model = source_model(APART)
    # All prints good, two above the source's: without a label they might as well be a mixture, or faulty.
    free, told = (posterior(model, 0, 10, 2.5, known=known) for known in (None, [0, 0]))
    assert told.print_posteriors[:2].tolist() == [0.0, 0.0]
    assert np.mean(told.shares) < np.mean(free.shares) - 0.1
    assert ends(told)[1] - ends(told)[0] <= ends(free)[1] - ends(free)[0]
    assert told.shift == pytest.approx(2.5, abs=1.0)
    assert abs(told.shift - 2.5) < abs(free.shift - 2.5)
    wrong = posterior(model, 0, 10, known=[1])
    assert wrong.print_posteriors[0] == 1.0
    assert wrong.shares.min() >= 0.1


def test_labels_that_say_nothing_change_nothing() -> None:
    model = source_model(ALIKE)
    assert np.array_equal(posterior(model, 3, 7).shares, posterior(model, 3, 7, known=[]).shares)


def test_printers_that_lie_apart_let_expect_a_larger_shift() -> None:
    alike, apart = source_model(ALIKE), source_model(APART)
    assert apart.shift_sd > 1.5 * alike.shift_sd
    assert alike.means == pytest.approx([-2, 2], abs=0.3)


def test_the_chance_of_few_prints_is_not_taken_for_printers_that_differ() -> None:
    assert source_model(ALIKE, Spread(inflation=1.0, shift=0.01, weight=0.1), prints=10).shift_sd < 0.15


def test_where_printers_have_one_print_of_a_class_the_spread_of_all_stands_for_that_inside_them() -> None:
    model = source_model(APART, prints=2)
    assert np.isfinite(model.between).all()
    assert model.between.min() > 0.3


def test_one_printer_leaves_what_is_usually_expected() -> None:
    spread = Spread(inflation=2.0, shift=0.25)
    model = source_model([0.0], spread)
    assert model.shift_sd == pytest.approx(2 * 0.25 * (model.means[1] - model.means[0]))


def test_the_spread_of_prints_is_told_from_that_of_frames() -> None:
    model = source_model(ALIKE, prints=40)
    assert model.between == pytest.approx([1, 1], rel=0.35)
    assert model.within == pytest.approx([0.64, 0.64], rel=0.2)


def test_a_print_of_more_frames_says_more() -> None:
    model = replace(source_model(ALIKE), between=np.array([0.05, 0.05]), within=np.array([9.0, 9.0]))
    one, many = (share_posterior(model, np.array([1.0, -2.0]), np.array([n, 50])) for n in (1, 50))
    assert abs(many.print_posteriors[0] - 0.5) > abs(one.print_posteriors[0] - 0.5)


def test_prints_get_posteriors_in_order_of_their_margins() -> None:
    values = np.array([-3.0, -1.5, 0.1, 1.5, 3.0])
    found = share_posterior(source_model(ALIKE), values, np.full(5, FRAMES)).print_posteriors
    assert (np.diff(found) > 0).all()
    assert found[0] < 0.25
    assert found[-1] > 0.75


def test_a_range_binds_the_posteriors_of_prints_too() -> None:
    model, values, counts = source_model(ALIKE), np.array([2.0, 2.0, -2.0]), np.full(3, FRAMES)
    assert share_posterior(model, values, counts, 0.0, 0.0).print_posteriors.max() == 0
    assert share_posterior(model, values, counts, 1.0, 1.0).print_posteriors.min() == 1
    free, low = share_posterior(model, values, counts), share_posterior(model, values, counts, 0.0, 0.1)
    assert (low.print_posteriors < free.print_posteriors).all()


def test_the_same_seed_draws_the_same() -> None:
    first, again = (posterior(source_model(ALIKE), 3, 7) for _ in range(2))
    assert np.array_equal(first.shares, again.shares)


def test_certain_probabilities_have_finite_margins() -> None:
    assert log_odds(np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]], np.float32)).tolist() == [14.0, -14.0, 0.0]
