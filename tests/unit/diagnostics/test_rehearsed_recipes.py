"""Trials of a rehearsed recipe: which of them a candidate is compared with, and what they come to."""

import pytest

from adaptprint.diagnostics.rehearsal import Episode, Rehearsal, trials_of_recipe
from adaptprint.diagnostics.rehearsed_recipes import SOURCE_ACCURACY_LOST, Trial, printers_under, trials_like, tried


def trial(printer: str, gain: float, score: float = 0.0, recipe: str = "bn") -> Trial:
    return Trial(recipe=recipe, printer=printer, bad_share=0.2, n_prints=12, score=score, gain=gain)


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
