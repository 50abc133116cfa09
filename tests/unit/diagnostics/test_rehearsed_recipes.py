"""What a recipe's rehearsal says of its next candidate."""

import numpy as np
import pytest

from adaptprint.diagnostics.rehearsal import Episode, Rehearsal, trials_of_recipe
from adaptprint.diagnostics.rehearsed_recipes import (
    SOURCE_ACCURACY_LOST,
    RecipeRelation,
    Trial,
    printers_under,
    recipe_relation,
    trials_like,
    tried,
)


def trial(printer: str, gain: float, score: float = 0.0, recipe: str = "bn") -> Trial:
    return Trial(recipe=recipe, printer=printer, bad_share=0.2, n_prints=12, score=score, gain=gain)


def fitted(*trials: Trial) -> RecipeRelation:
    found = recipe_relation(trials)
    assert found is not None
    return found


def printers(n: int, gain: float, slope: float = 0.0, noise: float = 0.0) -> list[Trial]:
    """Two sets of each printer, one that the witnesses speak for and one that they speak against."""
    rng = np.random.default_rng(1)
    off = rng.normal(0, noise, n) if noise else np.zeros(n)
    return [trial(f"p{i}", gain + slope * score / 5 + off[i], score) for i in range(n) for score in (-5.0, 5.0)]


def test_without_a_trial_there_is_no_relation() -> None:
    assert recipe_relation([]) is None


def test_what_is_expected_is_what_came_of_it_the_more_printers_the_more() -> None:
    few, many = (fitted(*printers(n, 0.08)).expect(0.0) for n in (3, 30))
    assert few.gain < many.gain < 0.08
    assert many.gain == pytest.approx(0.08, abs=0.01)
    assert few.risk > many.risk
    assert (few.printers, many.printers) == (3, 30)
    assert few.low < few.gain < few.high


def test_a_recipe_that_harms_is_expected_to_harm() -> None:
    expected = fitted(*printers(6, -0.08)).expect(0.0)
    assert expected.gain < -0.04
    assert expected.risk > 0.6


def test_witnesses_count_as_much_as_they_were_right() -> None:
    told, deaf = (fitted(*printers(20, 0.0, slope=slope)) for slope in (0.1, 0.0))
    assert told.expect(5.0).gain - told.expect(-5.0).gain == pytest.approx(0.2, abs=0.02)
    assert deaf.expect(5.0).gain == pytest.approx(deaf.expect(-5.0).gain, abs=1e-6)


def test_printers_that_differ_widen_the_interval_and_raise_the_risk() -> None:
    calm, wild = (fitted(*printers(12, 0.05, noise=noise)).expect(0.0) for noise in (0.0, 0.15))
    assert wild.high - wild.low > 2 * (calm.high - calm.low)
    assert wild.risk > calm.risk + 0.1
    # The less is known, the more is knowing worth.
    assert wild.worth_knowing > calm.worth_knowing + 0.005


def test_a_printer_counts_once_however_many_sets_it_has() -> None:
    once = fitted(trial("a", 0.1), trial("b", 0.0))
    often = fitted(*[trial("a", 0.1)] * 50, trial("b", 0.0))
    assert often.expect(0.0).gain == pytest.approx(once.expect(0.0).gain)
    assert often.printers == 2


def test_only_a_recipe_with_the_very_settings_was_rehearsed() -> None:
    episode = Episode(
        printer="a", bad_share=0.0, n_prints=12, expected=0.0, low=0.0, high=0.0, gain=0.0, error=0.0
    )  # fmt: skip
    held = Rehearsal(
        seed=0,
        episodes=[episode],
        recipes={"bn": {"norms": "all"}, "mine": {"norms": "early"}},
        trials=[trial("a", 0.1), trial("a", -0.1, recipe="mine")],
    )
    assert trials_of_recipe(held, {"norms": "all"}) == (held.trials[0],)
    assert trials_of_recipe(held, {"norms": "early"}) == (held.trials[1],)
    assert trials_of_recipe(held, {"norms": "prior"}) == ()
    assert trials_of_recipe(None, {"norms": "all"}) == ()


def test_a_candidate_under_a_veto_that_can_be_answered_is_compared_with_such_alone() -> None:
    free, lost = trial("a", 0.1), trial("b", 0.0).model_copy(update={"vetoes": (SOURCE_ACCURACY_LOST,)})
    collapsed = trial("c", -0.4).model_copy(update={"vetoes": (SOURCE_ACCURACY_LOST, "collapse to one class")})
    trials = [free, lost, collapsed]
    # What would never ship says nothing of what may.
    assert trials_like(trials, []) == [free, lost]
    assert trials_like(trials, [SOURCE_ACCURACY_LOST]) == [lost]
    assert trials_like([free], [SOURCE_ACCURACY_LOST]) == []
    assert printers_under(SOURCE_ACCURACY_LOST, [*trials, lost]) == 1


def test_trials_are_summed_up_by_printer_and_so_are_those_that_the_witnesses_spoke_for() -> None:
    found = tried([trial("a", 0.06, 1.0), trial("a", 0.02, -1.0), trial("b", -0.08, 2.0), trial("b", -0.1, 0.0)])
    assert (found["printers"], found["sets"], found["sets_spoken_for"]) == (2, 4, 2)
    assert found["gain"] == pytest.approx(-0.025)
    assert found["worst_printer_gain"] == pytest.approx(-0.09)
    assert found["gain_spoken_for"] == pytest.approx(-0.01)
    assert found["worst_gain_spoken_for"] == pytest.approx(-0.08)
    nothing = tried([])
    assert (nothing["printers"], nothing["gain"], nothing["worst_gain_spoken_for"]) == (0, None, None)
