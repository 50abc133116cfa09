"""What a rehearsed recipe's next candidate is expected to gain."""

import numpy as np
import pytest

from adaptprint.diagnostics.recipe_gain import RecipeRelation, covariates, recipe_relation
from adaptprint.diagnostics.rehearsed_recipes import Trial


def trial(printer: str, gain: float, **looks: float) -> Trial:
    return Trial(recipe="bn", printer=printer, bad_share=0.2, n_prints=12, score=0, gain=gain, covariates=looks)


def fitted(*trials: Trial) -> RecipeRelation:
    found = recipe_relation(trials)
    assert found is not None
    return found


def printers(n: int, gain: float, slope: float = 0.0, noise: float = 0.0) -> list[Trial]:
    """Two sets of each printer, one whose candidate has a high covariate and one with a low one."""
    rng = np.random.default_rng(1)
    off = rng.normal(0, noise, n) if noise else np.zeros(n)
    return [trial(f"p{i}", gain + slope * x / 5 + off[i], MMD=x) for i in range(n) for x in (-5.0, 5.0)]


def test_without_a_trial_there_is_no_relation() -> None:
    assert recipe_relation([]) is None


def test_what_is_expected_is_what_came_of_it_the_more_printers_the_more() -> None:
    few, many = (fitted(*printers(n, 0.08)).expect({}) for n in (3, 30))
    assert few.gain < many.gain < 0.08
    assert many.gain == pytest.approx(0.08, abs=0.01)
    assert few.risk > many.risk
    assert (few.printers, many.printers) == (3, 30)
    assert few.low < few.gain < few.high


def test_a_recipe_that_harms_is_expected_to_harm() -> None:
    expected = fitted(*printers(6, -0.08)).expect({})
    assert expected.gain < -0.04
    assert expected.risk > 0.6


def test_a_covariate_counts_as_much_as_it_was_right() -> None:
    told, deaf = (fitted(*printers(20, 0.0, slope=slope)) for slope in (0.1, 0.0))
    assert told.expect({"MMD": 5.0}).gain - told.expect({"MMD": -5.0}).gain == pytest.approx(0.2, abs=0.02)
    assert deaf.expect({"MMD": 5.0}).gain == pytest.approx(deaf.expect({"MMD": -5.0}).gain, abs=1e-6)


def test_printers_that_differ_widen_the_interval_and_raise_the_risk() -> None:
    calm, wild = (fitted(*printers(12, 0.05, noise=noise)).expect({}) for noise in (0.0, 0.15))
    assert wild.high - wild.low > 2 * (calm.high - calm.low)
    assert wild.risk > calm.risk + 0.1
    # The less is known, the more is knowing worth.
    assert wild.worth_knowing > calm.worth_knowing + 0.005


def test_of_a_candidate_that_looks_unlike_most_less_is_known() -> None:
    found = fitted(*printers(4, 0.02, slope=0.1, noise=0.05))
    far, near = (found.expect({"MMD": each}) for each in (5.0, 0.0))
    assert far.high - far.low > 1.05 * (near.high - near.low)


def test_a_printer_counts_once_however_many_sets_it_has() -> None:
    once = fitted(trial("a", 0.1), trial("b", 0.0))
    often = fitted(*[trial("a", 0.1)] * 50, trial("b", 0.0))
    assert often.expect({}).gain == pytest.approx(once.expect({}).gain)
    assert often.printers == 2


def test_what_is_read_of_a_candidate_is_its_distance_to_the_source() -> None:
    assert covariates({"MMD": 0.2, "information maximisation": -0.1}) == {"MMD": 0.2}
    # Without source frames there is no distance to them.
    assert covariates({"MMD": None}) == {}


@pytest.mark.parametrize("way", [1, -1])
def test_which_way_a_covariate_points_is_learned(way: int) -> None:
    seen = np.linspace(-0.1, 0.3, 20)
    found = fitted(*[trial(f"p{n}", way * 0.4 * x, MMD=x, other=0.0) for n, x in enumerate(seen)])
    far, near = (found.expect({"MMD": x, "other": 0.0}) for x in (0.25, 0.0))
    assert far.gain - near.gain == pytest.approx(way * 0.1, abs=0.02)
    assert abs(near.gain) < 0.01
    # In other units it is the same.
    again = fitted(*[trial(f"p{n}", way * 0.4 * x, MMD=1000 * x, other=0.0) for n, x in enumerate(seen)])
    assert again.expect({"MMD": 250.0}).gain == pytest.approx(far.gain)


def test_a_candidate_beyond_what_was_rehearsed_is_taken_for_the_last_that_was() -> None:
    found = fitted(*[trial(f"p{n}", 0.4 * x, MMD=x) for n, x in enumerate(np.linspace(0.1, 0.3, 9))])
    assert found.expect({"MMD": 9.0}).gain == pytest.approx(found.expect({"MMD": 0.3}).gain)
    # One that changes nothing is never beyond.
    assert found.expect({"MMD": -9.0}).gain == pytest.approx(found.expect({}).gain)


def test_a_covariate_that_not_all_trials_know_is_not_read() -> None:
    found = fitted(trial("a", 0.1, MMD=0.1, entropy=0.2), trial("b", 0.2, MMD=0.2))
    assert found.covariates == ("MMD",)


def test_three_printers_are_believed_half_and_leave_a_doubt_though_they_agree() -> None:
    found, usual = (fitted(*[trial(f"p{n}", gain) for n in range(3)]).expect({}) for gain in (0.08, -0.01))
    assert found.gain == pytest.approx((3 * 0.08 - 3 * 0.01) / 6)
    assert usual.high - usual.low > 0.1


def test_a_covariate_seen_on_two_printers_alone_is_not_believed_in_full() -> None:
    found = fitted(trial("a", 0.1, MMD=1.0), trial("b", -0.1, MMD=-1.0))
    assert found.expect({"MMD": 1.0}).gain - found.expect({"MMD": -1.0}).gain == pytest.approx(0.2 * 2 / 3)


def test_a_candidate_that_changes_nothing_is_not_taken_for_one_that_changes_as_little_as_any_rehearsed() -> None:
    found = fitted(*[trial(f"p{n}", 0.4 * x, MMD=x) for n, x in enumerate(np.linspace(0.1, 0.3, 9))])
    assert found.expect({}).gain < found.expect({"MMD": 0.1}).gain - 0.01


def test_where_a_gain_is_sure_to_know_it_is_worth_nothing() -> None:
    assert fitted(*printers(80, 0.08)).expect({}).worth_knowing == pytest.approx(0, abs=0.002)
