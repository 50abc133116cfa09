"""Witnesses: each supports the obviously better model, and holds its tongue where its assumption fails."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from adaptprint.adaptation.print_decision import PrintDecision
from adaptprint.diagnostics.evidence import Evidence, View
from adaptprint.diagnostics.witnesses import Witness, hear_witnesses

Sight, BuildEvidence = Callable[..., View], Callable[..., Evidence]
ALL = ["print coherence", "steadiness", "target neighbours", "source neighbours", "calibrated confidence"]


def hear(evidence: Evidence) -> dict[str, Witness]:
    return {witness.name: witness for witness in hear_witnesses(evidence)}


@pytest.fixture
def better(sight: Sight, clear: np.ndarray) -> View:
    return sight(clear)


@pytest.fixture
def worse(sight: Sight, muddled: np.ndarray) -> View:
    rng = np.random.default_rng(0)
    return sight(muddled, varied=[rng.permutation(muddled), rng.permutation(muddled)])


@pytest.mark.parametrize("name", ALL)
def test_each_witness_favours_a_candidate_that_is_obviously_better(
    make_evidence: BuildEvidence, better: View, worse: View, name: str
) -> None:
    witness = hear(make_evidence(worse, better))[name]
    assert witness.applies
    assert witness.favours == "candidate"
    assert 0 < witness.low <= witness.value <= witness.high


@pytest.mark.parametrize("name", ALL)
def test_each_witness_favours_the_source_over_a_candidate_that_is_obviously_worse(
    make_evidence: BuildEvidence, better: View, worse: View, name: str
) -> None:
    witness = hear(make_evidence(better, worse))[name]
    assert witness.favours == "source"
    assert witness.low <= witness.value <= witness.high < 0


@pytest.mark.parametrize("name", ALL)
def test_no_witness_favours_one_of_two_equals(make_evidence: BuildEvidence, better: View, name: str) -> None:
    witness = hear(make_evidence(better, better))[name]
    assert (witness.value, witness.favours) == (0, "neither")


def test_a_gain_on_one_print_alone_could_be_chance(
    make_evidence: BuildEvidence, sight: Sight, clear: np.ndarray, muddled: np.ndarray
) -> None:
    one_print = np.where(np.arange(36) < 6, clear, muddled)
    # One print's calls change the votes of all prints that look like it, so target neighbours see more than one.
    for witness in hear_witnesses(make_evidence(sight(muddled), sight(one_print))):
        if witness.name != "target neighbours":
            assert witness.favours == "neither", witness.name


def test_more_frames_of_the_same_prints_convince_nobody(
    make_evidence: BuildEvidence, sight: Sight, clear: np.ndarray, muddled: np.ndarray
) -> None:
    def coherence(times: int) -> Witness:
        prints = [("T", f"t{i}", None, 6 * times) for i in range(6)]
        spread = np.random.default_rng(0).normal(size=(36 * times, 4))
        before, after = (
            sight(np.repeat(each, times), features=spread) for each in (muddled, np.where(muddled > 0.5, 0.7, clear))
        )
        return hear(make_evidence(before, after, target=prints, with_source=False))["print coherence"]

    one, ten = coherence(1), coherence(10)
    assert (one.value, one.low, one.high) == pytest.approx((ten.value, ten.low, ten.high), abs=1e-6)


def test_frames_that_contradict_their_print_are_not_coherent_however_sure_they_are(
    make_evidence: BuildEvidence, sight: Sight, clear: np.ndarray
) -> None:
    torn = np.where(np.arange(36) % 6 == 0, 1 - clear, clear)
    assert hear(make_evidence(sight(torn), sight(clear)))["print coherence"].favours == "candidate"


def test_coherence_is_not_heard_where_labels_differ_inside_prints(
    make_evidence: BuildEvidence, better: View, worse: View
) -> None:
    witness = hear(make_evidence(worse, better, print_consensus=False))["print coherence"]
    assert witness.low > 0
    assert not witness.applies
    assert witness.favours == "neither"
    assert "not heard" in witness.says


def test_confidence_is_not_heard_where_it_was_trained_up(
    make_evidence: BuildEvidence, better: View, worse: View
) -> None:
    witnesses = hear(make_evidence(worse, better, trained=True))
    assert witnesses["calibrated confidence"].low > 0
    assert witnesses["calibrated confidence"].favours == "neither"
    assert all(witnesses[name].favours == "candidate" for name in ALL[:4])


def test_witnesses_of_the_source_are_a_family_of_their_own(
    make_evidence: BuildEvidence, better: View, worse: View
) -> None:
    families = {name: witness.family for name, witness in hear(make_evidence(worse, better)).items()}
    assert families == dict(zip(ALL, ["self-consistency"] * 3 + ["source"] * 2, strict=True))


def test_coherence_is_not_heard_where_prints_have_one_frame(
    make_evidence: BuildEvidence, better: View, worse: View
) -> None:
    single = [("T", f"t{i}", None, 1) for i in range(36)]
    assert not hear(make_evidence(worse, better, target=single))["print coherence"].applies


@pytest.mark.parametrize(("n_prints", "heard"), [(2, False), (3, True)])
def test_target_neighbours_are_heard_from_three_prints_on(
    make_evidence: BuildEvidence, better: View, worse: View, n_prints: int, heard: bool
) -> None:
    prints = [("T", f"t{i}", None, 36 // n_prints) for i in range(n_prints)]
    assert hear(make_evidence(worse, better, target=prints))["target neighbours"].applies is heard


def test_without_source_frames_their_witnesses_are_absent(
    make_evidence: BuildEvidence, better: View, worse: View
) -> None:
    assert list(hear(make_evidence(worse, better, with_source=False))) == ALL[:3]
    assert list(hear(make_evidence(worse, better))) == ALL


@pytest.mark.parametrize("witness", ["target neighbours", "source neighbours"])
def test_a_model_is_not_judged_by_neighbours_in_its_own_space(
    witness: str, make_evidence: BuildEvidence, sight: Sight, clear: np.ndarray
) -> None:
    """A candidate that sorts frames by something else, and calls them accordingly, agrees with itself alone."""
    rng = np.random.default_rng(0)
    other = np.arange(36) // 3 % 2
    own_space = np.eye(4)[other] + rng.normal(0, 0.05, (36, 4))
    selfish = sight(np.where(other == 1, 0.95, 0.05), features=own_space)
    honest = sight(clear, features=rng.normal(size=(36, 4)))
    # In its own space its calls agree fully, which would be half a point more than the honest model's.
    assert hear(make_evidence(honest, selfish))[witness].value < 0.2


def test_target_neighbours_come_from_other_prints(make_evidence: BuildEvidence, sight: Sight) -> None:
    """Calls that contradict the next print each time: frames of the own print, all called alike, do not hide it."""
    angle = np.repeat([0.0, 0.1, 0.2], 12) + np.random.default_rng(0).normal(0, 0.001, 36)
    space = np.stack([np.cos(angle), np.sin(angle), 0 * angle, 0 * angle], axis=1)
    prints = [("T", f"t{i}", None, 12) for i in range(3)]
    alike, in_turn = (sight(bad, features=space) for bad in (np.full(36, 0.1), np.repeat([0.9, 0.1, 0.9], 12)))
    witness = hear(make_evidence(alike, in_turn, target=prints))
    assert witness["target neighbours"].value == -1


def test_confidence_is_compared_with_what_it_was_worth_on_the_source(
    make_evidence: BuildEvidence, sight: Sight, clear: np.ndarray
) -> None:
    """The candidate is surer everywhere, also where it is wrong on the source: that is worth nothing."""
    labels = np.repeat([0, 1, 0, 1], 8)
    right = np.arange(32) % 4 != 0
    calls = np.where(right, labels, 1 - labels)
    honest = sight(np.where(clear > 0.5, 0.8, 0.2), source_bad=np.where(calls == 1, 0.8, 0.2))
    loud = sight(np.where(clear > 0.5, 0.99, 0.01), source_bad=np.where(calls == 1, 0.999, 0.001))
    witness = hear(make_evidence(honest, loud))["calibrated confidence"]
    assert witness.favours != "candidate"


def test_held_out_source_frames_set_the_level_of_confidence(
    make_evidence: BuildEvidence, sight: Sight, clear: np.ndarray
) -> None:
    # On frames it was trained on, even .999 may be wrong; on the held-out ones .7 is always right.
    source_bad = np.where(np.repeat([1, 1, 0, 1], 8) == 1, 0.999, 0.001)
    source_bad[24:] = 0.7
    view = sight(np.where(clear > 0.5, 0.8, 0.2), source_bad=source_bad)
    unsure = sight(np.where(clear > 0.5, 0.6, 0.4), source_bad=source_bad)
    seen = hear(make_evidence(unsure, view))["calibrated confidence"]
    held = hear(make_evidence(unsure, view, held_out=range(24, 32)))["calibrated confidence"]
    assert seen.value == 0
    assert held.value == 1


def test_the_threshold_decides_what_a_call_is(make_evidence: BuildEvidence, sight: Sight) -> None:
    low, high = np.full(36, 0.3), np.full(36, 0.45)
    before, after = sight(low, varied=[low, high]), sight(low, varied=[low, low])
    assert hear(make_evidence(before, after, threshold=0.5))["steadiness"].value == 0
    assert hear(make_evidence(before, after, threshold=0.4))["steadiness"].value == pytest.approx(0.5)


def test_the_threshold_decides_which_calls_are_compared_with_neighbours(
    make_evidence: BuildEvidence, sight: Sight, truth: np.ndarray
) -> None:
    def values(bad: np.ndarray, name: str) -> list[float]:
        before = sight(np.full(36, 0.05))
        return [hear(make_evidence(before, sight(bad), threshold=each))[name].value for each in (0.5, 0.4)]

    assert values(np.where(truth == 1, 0.45, 0.05), "source neighbours") == pytest.approx([0, 0.5])
    scattered = values(np.where(np.arange(36) % 2 == 0, 0.45, 0.05), "target neighbours")
    assert scattered[0] == 0
    assert scattered[1] < -0.25


@pytest.mark.parametrize(
    ("low", "high", "favours"),
    [(0.1, 0.3, "candidate"), (-0.1, 0.3, "neither"), (-0.3, 0.1, "neither"), (-0.3, -0.1, "source")],
)
def test_a_witness_in_doubt_favours_neither(low: float, high: float, favours: str) -> None:
    assert Witness("a", (low + high) / 2, low, high, True, "", "").favours == favours


def test_a_statement_tells_before_after_and_the_doubt(make_evidence: BuildEvidence, better: View, worse: View) -> None:
    for witness in hear_witnesses(make_evidence(worse, better)):
        assert f"{witness.value:+.2f}, {witness.low:+.2f} to {witness.high:+.2f}" in witness.says
        assert witness.assumption
        assert witness.to_dict()["interval"] == [witness.low, witness.high]
        assert witness.to_dict()["favours"] == "candidate"


def test_of_a_moved_decision_every_witness_is_shown_and_none_is_heard(
    make_evidence: Callable[..., Evidence], sight: Callable[..., View], clear: np.ndarray, muddled: np.ndarray
) -> None:
    evidence = make_evidence(sight(muddled), sight(clear))
    moved = hear_witnesses(replace(evidence, decision=PrintDecision(-1.0, 0.03, 0.0, 0.06, 0.1)))
    assert [witness.name for witness in moved] == [witness.name for witness in hear_witnesses(evidence)]
    assert any(witness.applies for witness in hear_witnesses(evidence))
    assert not any(witness.applies for witness in moved)
    assert all("not heard" in witness.says for witness in moved)
