"""How rehearsal changes what a gain is taken for."""

import numpy as np
import pytest

from adaptprint.adaptation.print_decision import PrintDecision
from adaptprint.diagnostics.rehearsal import (
    BUILT_IN,
    REHEARSAL,
    Episode,
    Rehearsal,
    gain_relation,
    rehearsed_in,
    summed_up,
)
from adaptprint.diagnostics.rehearsed_recipes import Trial

DECISION = PrintDecision(margin=-1.0, gain=0.04, low=-0.01, high=0.08, risk=0.07)


def episode(printer: str, expected: float, gain: float, error: float = 0.0, half: float = 0.05) -> Episode:
    return Episode(
        printer=printer,
        bad_share=0.2,
        n_prints=12,
        expected=expected,
        low=expected - half,
        high=expected + half,
        gain=gain,
        error=error,
    )


def rehearsal(*episodes: Episode) -> Rehearsal:
    return Rehearsal(seed=0, episodes=list(episodes))


def many(slope: float, noise: float = 0.0, error: float = 0.0, printers: int = 30) -> Rehearsal:
    """Printers of ten episodes each, with true gains ``slope`` times the expected ones and a spread by printer."""
    rng = np.random.default_rng(1)
    found = []
    for printer in range(printers):
        off = rng.normal(0, noise) if noise else 0.0
        found += [episode(str(printer), each, slope * each + off, error) for each in np.linspace(0.01, 0.09, 10)]
    return rehearsal(*found)


def test_without_rehearsal_the_posterior_is_believed() -> None:
    assert gain_relation(None) == BUILT_IN
    expected = BUILT_IN.expect(DECISION)
    assert (expected.gain, expected.low, expected.high, expected.risk) == (0.04, -0.01, 0.08, 0.07)
    assert expected.printers == 0


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.5])
def test_the_slope_is_that_of_true_gains_and_scales_what_is_expected(slope: float) -> None:
    relation = gain_relation(many(slope))
    assert relation.slope == pytest.approx(slope, abs=0.1)
    assert relation.expect(DECISION).gain == pytest.approx(relation.slope * DECISION.gain)
    assert relation.printers == 30


def test_few_printers_say_little_and_each_counts_once() -> None:
    one, three = (gain_relation(many(0.0, printers=n)).slope for n in (1, 3))
    assert 1 > one > three > gain_relation(many(0.0)).slope
    # A printer with a hundred sets says no more than one with a single set.
    once, often = [episode("a", 0.05, 0.0)], [episode("a", 0.05, 0.0)] * 100
    assert gain_relation(rehearsal(*often)).slope == pytest.approx(gain_relation(rehearsal(*once)).slope)


def test_true_gains_that_scatter_widen_the_interval_and_raise_the_risk() -> None:
    calm, wild = gain_relation(many(1.0, noise=0.01)), gain_relation(many(1.0, noise=0.15))
    assert wild.widening > 2 * calm.widening
    narrow, wide = calm.expect(DECISION), wild.expect(DECISION)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
    assert wide.risk > narrow.risk + 0.1
    assert wide.gain == pytest.approx(narrow.gain, abs=0.01)


def test_no_rehearsal_narrows_an_interval_below_half_or_widens_it_beyond_four_times() -> None:
    assert [gain_relation(many(1.0, noise=noise)).widening for noise in (0.0, 0.3)] == [0.5, 4.0]


def test_one_printer_does_not_outweigh_what_is_believed_beforehand() -> None:
    assert gain_relation(many(0.0, printers=1)).slope > 0.5


def test_the_chance_of_the_scored_prints_is_not_taken_for_scatter() -> None:
    blamed, excused = (gain_relation(many(1.0, noise=0.08, error=error)).widening for error in (0.0, 0.08))
    assert excused < 0.75 * blamed


def test_no_gain_is_ever_expected_from_losses() -> None:
    assert gain_relation(many(-2.0)).slope == 0.0


def test_a_rehearsal_is_read_back_and_anything_else_is_none() -> None:
    made = many(0.5, printers=2)
    assert rehearsed_in({REHEARSAL: made.model_dump(mode="json")}) == made
    for rubbish in (None, 3, [], {"episodes": []}, {"seed": 0, "episodes": [{"printer": "a"}]}):
        assert rehearsed_in({REHEARSAL: rubbish}) is None
    assert rehearsed_in({}) is None


def test_it_is_summed_up_by_printer() -> None:
    found = summed_up([episode("a", 0.02, 0.06), episode("a", 0.04, 0.02), episode("b", 0.03, -0.02)])
    assert found["printers"] == 2
    assert found["episodes"] == 3
    assert found["expected_gain"] == pytest.approx(0.03)
    assert found["gain"] == pytest.approx(0.01)  # the mean over printers, not over sets
    assert found["worst_printer_gain"] == pytest.approx(-0.02)


def test_an_earlier_rehearsal_stays_beside_a_later_one_but_for_what_was_rehearsed_anew() -> None:
    def tried(recipe: str, printer: str, gain: float) -> Trial:
        return Trial(recipe=recipe, printer=printer, bad_share=0.5, n_prints=12, score=0, gain=gain)

    settings: dict[str, dict[str, object]] = {"bn": {"norms": "all"}, "cdan": {"steps": 60}}
    first = rehearsal(episode("a", 0.01, 0.01), episode("b", 0.02, 0.02)).model_copy(
        update={"recipes": settings, "trials": [tried("bn", "a", 0.1), tried("bn", "b", 0.2), tried("cdan", "b", 0.3)]}
    )
    second = rehearsal(episode("b", 0.03, 0.03), episode("c", 0.04, 0.04)).model_copy(
        update={"recipes": {"bn": settings["bn"]}, "trials": [tried("bn", "b", 0.4)]}
    )
    both = second.after(first)
    assert both.printers == ["a", "b", "c"]
    assert [each.gain for each in both.episodes] == [0.01, 0.03, 0.04]
    assert [(each.recipe, each.printer, each.gain) for each in both.trials] == [
        ("bn", "a", 0.1), ("cdan", "b", 0.3), ("bn", "b", 0.4),
    ]  # fmt: skip
    assert both.recipes == settings
    other = second.model_copy(update={"recipes": {"bn": {"norms": "early"}}})
    with pytest.raises(ValueError, match="bn"):
        other.after(first)
