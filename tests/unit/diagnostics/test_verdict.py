"""The verdict: keep the source unless a gain is expected, rehearsed or borne out by labels, and no veto stands."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from adaptprint.adaptation.print_decision import PrintDecision
from adaptprint.diagnostics.evidence import Evidence, View
from adaptprint.diagnostics.labelled_prints import LabelledPrints, hear_labels
from adaptprint.diagnostics.rehearsal import GainRelation
from adaptprint.diagnostics.rehearsed_recipes import SOURCE_ACCURACY_LOST, Trial
from adaptprint.diagnostics.validators import Validator
from adaptprint.diagnostics.verdict import (
    candidate_score,
    expected_of_recipe,
    least_sure_prints,
    most_telling_prints,
    weigh,
)
from adaptprint.diagnostics.vetoes import Veto
from adaptprint.diagnostics.witnesses import Family, Witness

Sight, BuildEvidence = Callable[..., View], Callable[..., Evidence]
VETO = Veto("some veto", "it must not ship")
TOO_LITTLE = "for less than 2 points of expected gain no model is replaced"
TOO_RISKY = "where it loses more than one point with a probability above 20% no model is replaced"


def witness(mark: str, name: str = "") -> Witness:
    """`+` for the candidate, `s` likewise from the source's side, `-` for the source, `0` undecided, `x` not heard."""
    gain = (0.1, 0.2, 0.3)
    low, value, high = {"+": gain, "s": gain, "x": gain, "-": (-0.3, -0.2, -0.1), "0": (-0.1, 0.1, 0.3)}[mark]
    family: Family = "source" if mark == "s" else "self-consistency"
    says = f"says {name or mark}"
    return Witness(name or f"witness {mark}", value, low, high, mark != "x", "an assumption", says, family)


@pytest.fixture
def differing(make_evidence: BuildEvidence, sight: Sight, clear: np.ndarray, muddled: np.ndarray) -> Evidence:
    return make_evidence(sight(muddled), sight(clear))


@pytest.fixture
def alike(make_evidence: BuildEvidence, sight: Sight, clear: np.ndarray) -> Evidence:
    return make_evidence(sight(clear), sight(np.where(clear > 0.5, clear - 0.01, clear + 0.01)))


@pytest.mark.parametrize(
    ("marks", "vetoed", "decision"),
    [
        ("", False, "keep-source"),
        ("000", False, "keep-source"),
        ("-", False, "keep-source"),
        ("--0", False, "keep-source"),
        ("xx", False, "keep-source"),
        ("+", False, "need-labels"),
        ("+0000", False, "need-labels"),
        ("+x", False, "need-labels"),
        ("+-", False, "need-labels"),
        ("++-", False, "need-labels"),
        ("++++-", False, "need-labels"),
        ("++", False, "need-labels"),
        ("+++", False, "need-labels"),
        ("s", False, "need-labels"),
        ("ss", False, "need-labels"),
        ("+s-", False, "need-labels"),
        ("+s", False, "need-labels"),
        ("+s0", False, "need-labels"),
        ("++sx", False, "need-labels"),
        ("+s", True, "keep-source"),
        ("+++++", True, "keep-source"),
        ("+", True, "keep-source"),
        ("", True, "keep-source"),
    ],
)
def test_the_decision_follows_from_witnesses_and_vetoes(
    differing: Evidence, marks: str, vetoed: bool, decision: str
) -> None:
    found = weigh(differing, [witness(mark) for mark in marks], [VETO] if vetoed else [])
    assert found.decision == decision
    assert found.reasons
    assert bool(found.prints_to_label) is (decision == "need-labels")


def test_reasons_are_those_that_decided(differing: Evidence) -> None:
    good, also, bad = witness("+", "good"), witness("s", "also"), witness("-", "bad")
    assert weigh(differing, [good, also], [VETO]).reasons == ("it must not ship",)
    untried = "the witnesses agree, but where they did on other printers the candidate often harmed all the same"
    assert weigh(differing, [good, also, witness("0", "quiet")], []).reasons == (untried, "says good", "says also")
    assert weigh(differing, [bad, witness("0", "quiet")], []).reasons == ("says bad",)
    assert weigh(differing, [good, bad], []).reasons == ("the witnesses contradict each other", "says good", "says bad")
    alone = "the candidate agrees more with itself, but nothing on the source's side confirms a gain"
    assert weigh(differing, [good], []).reasons == (alone, "says good")


def test_labels_are_not_asked_for_where_they_could_change_nothing(alike: Evidence) -> None:
    found = weigh(alike, [witness("+")], [])
    assert found.decision == "keep-source"
    assert found.prints_to_label == ()


def test_the_prints_to_label_are_those_the_models_differ_on_most(make_evidence: BuildEvidence, sight: Sight) -> None:
    before = np.full(36, 0.5)
    after = 0.5 + np.repeat([0.0, 0.3, -0.45, 0.01, 0.1, -0.2], 6)
    # t2 and t5 are called differently, t1 and t4 only scored so.
    assert most_telling_prints(make_evidence(sight(before), sight(after))) == ("t2", "t5", "t1", "t4")


def test_labelled_prints_are_not_asked_for_again(make_evidence: BuildEvidence, sight: Sight) -> None:
    evidence = make_evidence(sight(np.full(36, 0.5)), sight(0.5 + np.repeat([0.0, 0.3, -0.45, 0.01, 0.1, -0.2], 6)))
    known = replace(evidence, print_labels=np.array([-1, -1, 0, -1, -1, 1]))
    assert most_telling_prints(known) == ("t1", "t4", "t3")


def labelled(evidence: Evidence, *known: int) -> Evidence:
    """The first prints labelled as given, -1 for none; the truth is 0, 1, 0, 1, 0, 1."""
    return replace(evidence, print_labels=np.array([*known, *[-1] * (6 - len(known))]))


@pytest.fixture
def better(make_evidence: BuildEvidence, sight: Sight) -> Evidence:
    """The source model calls every print wrong, the candidate every print right."""
    truth = np.repeat([0.0, 1.0, 0.0, 1.0, 0.0, 1.0], 6)
    return make_evidence(sight(0.9 - 0.8 * truth), sight(0.1 + 0.8 * truth))


def test_three_labels_that_all_favour_the_candidate_ship_it_whatever_the_witnesses_say(better: Evidence) -> None:
    found = weigh(labelled(better, 0, 1, 0), [witness("-"), witness("-")], [])
    assert found.decision == "ship"
    assert found.reasons == (
        "of 3 labelled prints the candidate calls 3 right that the source model calls wrong, and 0 the other way round",
    )
    assert weigh(labelled(better, 0, 1, 0), [], [VETO]).decision == "keep-source"


def test_labels_against_the_candidate_keep_the_source_whatever_the_witnesses_say(better: Evidence) -> None:
    # One against one is no better than what the user has.
    for known in ((1,), (1, 0, 1), (0, 0)):
        found = weigh(labelled(better, *known), [witness("+"), witness("s")], [])
        assert found.decision == "keep-source"
        assert "labelled print" in found.reasons[0]


@pytest.mark.parametrize(
    ("marks", "decision"), [("+", "ship"), ("s", "ship"), ("", "need-labels"), ("+-", "need-labels")]
)
def test_two_labels_and_a_witness_ship_together(better: Evidence, marks: str, decision: str) -> None:
    found = weigh(labelled(better, 0, 1), [witness(mark) for mark in marks], [])
    assert found.decision == decision
    assert any("of 2 labelled prints" in reason for reason in found.reasons)
    # What is asked for next is not what is known already.
    assert bool(found.prints_to_label) == (decision == "need-labels")
    assert not {"t0", "t1"} & set(found.prints_to_label)


def test_labels_of_prints_that_both_models_call_alike_decide_nothing(differing: Evidence, better: Evidence) -> None:
    same = replace(better, adapted=better.frozen)
    word = hear_labels(labelled(same, 0, 1, 0))
    assert word is not None
    assert (word.n, word.gained, word.lost, word.favours, word.decides) == (3, 0, 0, "neither", False)
    assert weigh(labelled(same, 0, 1, 0), [witness("+")], []).decision == "keep-source"
    assert "that is not labelled alike" in weigh(labelled(same, 0, 1, 0), [witness("+")], []).reasons[0]
    assert hear_labels(differing) is None
    assert hear_labels(labelled(better)) is None


def test_the_more_labels_agree_the_surer_they_are() -> None:
    certainties = [LabelledPrints(5, gained, 0).certainty for gained in range(5)]
    assert certainties == pytest.approx([0.5, 0.75, 0.875, 0.9375, 0.96875])
    assert LabelledPrints(5, 3, 1).certainty == pytest.approx(0.8125)
    assert not LabelledPrints(5, 4, 1).decides


def test_a_print_s_frames_are_averaged_before_the_models_are_compared(
    make_evidence: BuildEvidence, sight: Sight
) -> None:
    before = np.full(36, 0.5)
    restless = np.where(np.arange(36) % 2 == 0, 0.1, 0.9)
    restless[30:] = 0.6
    assert most_telling_prints(make_evidence(sight(before), sight(restless)))[0] == "t5"


@pytest.mark.parametrize(("n_differing", "n_asked"), [(0, 0), (1, 3), (2, 3), (3, 3), (4, 4), (5, 5), (6, 5)])
def test_three_to_five_prints_are_to_be_labelled_or_none(
    make_evidence: BuildEvidence, sight: Sight, n_differing: int, n_asked: int
) -> None:
    before = np.full(36, 0.5)
    after = np.where(np.arange(36) < 6 * n_differing, 0.6, 0.51)
    assert len(most_telling_prints(make_evidence(sight(before), sight(after)))) == n_asked


def test_the_score_rises_with_value_and_falls_with_doubt() -> None:
    sure = Witness("a", 0.2, 0.15, 0.25, True, "", "")
    unsure = Witness("a", 0.2, -0.1, 0.5, True, "", "")
    against = Witness("a", -0.2, -0.25, -0.15, True, "", "")
    assert candidate_score([sure]) > candidate_score([unsure]) > 0 > candidate_score([against])
    assert candidate_score([sure, against]) == pytest.approx(0)
    assert candidate_score([unsure]) == pytest.approx(0.2 / 0.3)


def test_the_score_hears_only_those_who_may_speak_and_is_never_without_bounds() -> None:
    silent = Witness("a", -1.0, -1.0, -1.0, False, "", "")
    certain = Witness("a", 1.0, 1.0, 1.0, True, "", "")
    assert candidate_score([certain, silent]) == candidate_score([certain]) == 5
    assert candidate_score([]) == candidate_score([silent]) == 0


@pytest.mark.parametrize(
    ("gain", "risk", "further", "decision", "lacks"),
    [
        (0.03, 0.1, 0.05, "ship", None),
        (0.021, 0.1, 0.0, "ship", None),
        (0.019, 0.1, 0.0, "keep-source", TOO_LITTLE),
        (0.019, 0.1, 0.03, "need-labels", TOO_LITTLE),
        (0.03, 0.3, 0.05, "need-labels", TOO_RISKY),
        (0.03, 0.3, 0.01, "keep-source", TOO_RISKY),
        (0.004, 0.0, 0.03, "need-labels", TOO_LITTLE),
        (0.004, 0.0, 0.01, "keep-source", TOO_LITTLE),
    ],
)
def test_a_moved_decision_is_judged_by_what_it_is_expected_to_gain(
    differing: Evidence, gain: float, risk: float, further: float, decision: str, lacks: str | None
) -> None:
    evidence = replace(differing, decision=PrintDecision(-1.0, gain, gain - 0.03, gain + 0.03, risk, further))
    # Every witness is against it: they cannot tell where a decision lies better.
    verdict = weigh(evidence, [witness("-"), witness("-")], [])
    assert verdict.decision == decision
    assert f"{100 * gain:.1f} points" in verdict.reasons[0]
    assert [reason for reason in verdict.reasons if "no model is replaced" in reason] == ([lacks] if lacks else [])
    assert bool(verdict.prints_to_label) == (decision == "need-labels")


@pytest.mark.parametrize(("further", "decision"), [(0.05, "need-labels"), (0.01, "keep-source")])
def test_a_decision_that_stays_says_so_and_asks_for_labels_where_they_are_worth_it(
    make_evidence: BuildEvidence, sight: Sight, further: float, decision: str
) -> None:
    same = sight(np.full(36, 0.4))
    posteriors = np.array([[0.9, 0.1], [0.45, 0.55], [0.0, 1.0], [0.7, 0.3], [0.98, 0.02], [0.2, 0.8]])
    evidence = replace(
        make_evidence(same, same),
        decision=PrintDecision(0.0, 0.0, 0.0, 0.0, 0.0, further),
        print_posteriors=posteriors,
    )
    verdict = weigh(evidence, [], [])
    assert verdict.decision == decision
    assert verdict.reasons[0].startswith("no move of the decision is worth its risk")
    assert TOO_LITTLE not in verdict.reasons
    # Both models call every print alike, yet a label tells something: of those least sure, and no known one.
    assert verdict.prints_to_label == (("t1", "t3", "t5") if decision == "need-labels" else ())


def test_prints_whose_class_is_known_are_not_asked_for(make_evidence: BuildEvidence, sight: Sight) -> None:
    same = sight(np.full(36, 0.4))
    evidence = replace(make_evidence(same, same), print_posteriors=np.eye(2)[[0, 1, 0, 0, 1, 1]])
    assert least_sure_prints(evidence) == ()


def test_a_moved_decision_keeps_the_source_where_no_print_is_left_to_ask_for(
    make_evidence: BuildEvidence, sight: Sight
) -> None:
    same = sight(np.full(36, 0.4))
    decision = PrintDecision(0.0, 0.0, 0.0, 0.0, 0.0, further=0.05)
    evidence = replace(make_evidence(same, same), decision=decision, print_posteriors=np.eye(2)[[0, 1, 0, 0, 1, 1]])
    assert weigh(evidence, [], []).decision == "keep-source"


def test_rehearsal_is_heard_before_a_moved_decision_is_judged(differing: Evidence) -> None:
    evidence = replace(differing, decision=PrintDecision(-1.0, 0.04, 0.01, 0.07, 0.05, 0.03))
    assert "was not rehearsed" in weigh(evidence, [], []).reasons[0]
    told = {
        slope: weigh(replace(evidence, relation=GainRelation(slope=slope, widening=1.0, printers=6)), [], [])
        for slope in (0.0, 0.1, 1.0)
    }
    assert [each.decision for each in told.values()] == ["need-labels", "need-labels", "ship"]
    assert all("rehearsed on 6 printers" in each.reasons[0] for each in told.values())
    calm, wild = (
        replace(
            evidence,
            decision=PrintDecision(-1.0, 0.04, -0.01, 0.09, 0.05, 0.03),
            relation=GainRelation(slope=1.0, widening=widening, printers=6),
        )
        for widening in (1.0, 4.0)
    )
    # At four times the spread the risk is too large.
    assert [weigh(each, [], []).decision for each in (calm, wild)] == ["ship", "need-labels"]


def test_a_veto_comes_before_a_moved_decision(differing: Evidence) -> None:
    evidence = replace(differing, decision=PrintDecision(-1.0, 0.05, 0.01, 0.09, 0.0))
    assert weigh(evidence, [], [VETO]).decision == "keep-source"


def rehearsed(gain: float, spread: float, *vetoes: str) -> tuple[Trial, ...]:
    """Trials on so many printers that what is believed beforehand hardly counts."""
    return tuple(
        Trial(recipe="r", printer=f"p{n}", bad_share=0, n_prints=12, score=0, gain=gain + side * spread, vetoes=vetoes)
        for n, side in enumerate([-1, 1] * 40)
    )


@pytest.mark.parametrize(
    ("gain", "spread", "decision", "lacks"),
    [
        (0.04, 0.02, "ship", None),
        (0.04, 0.2, "need-labels", TOO_RISKY),
        (-0.04, 0.02, "keep-source", TOO_LITTLE),
        (0.0, 0.005, "keep-source", TOO_LITTLE),
        (0.01, 0.005, "keep-source", TOO_LITTLE),
        (-0.01, 0.2, "need-labels", TOO_LITTLE),
    ],
)
def test_a_rehearsed_recipe_is_judged_by_what_it_came_to_and_not_by_a_count_of_witnesses(
    differing: Evidence, gain: float, spread: float, decision: str, lacks: str | None
) -> None:
    evidence = replace(differing, recipe_trials=rehearsed(gain, spread))
    for marks in ("+s", "--"):
        found = weigh(evidence, [witness(mark) for mark in marks], [])
        assert found.decision == decision
        expected = expected_of_recipe(evidence, [], [])
        assert expected is not None
        assert expected.gain == pytest.approx(gain, abs=0.002)
        assert f"{100 * expected.gain:+.1f} points" in found.reasons[0]
        assert "rehearsed on 80 printers" in found.reasons[0]
        assert [reason for reason in found.reasons if "no model is replaced" in reason] == ([lacks] if lacks else [])
        assert bool(found.prints_to_label) == (decision == "need-labels")
    assert weigh(evidence, [], [VETO]).reasons == ("it must not ship",)


def test_a_rehearsed_candidate_is_weighed_by_how_it_looks_without_labels(differing: Evidence) -> None:
    looks = np.linspace(-0.2, 0.2, 40)
    trials = tuple(
        Trial(recipe="r", printer=f"p{n}", bad_share=0, n_prints=12, score=0, gain=0.4 * look, covariates={"MMD": look})
        for n, look in enumerate(looks.tolist())
    )
    evidence = replace(differing, recipe_trials=trials)
    near, far = (weigh(evidence, [], [], [Validator("MMD", 0.0, each, True, "", "", "")]) for each in (0.2, -0.2))
    assert (near.decision, far.decision) == ("ship", "keep-source")


def test_labels_are_not_asked_for_of_a_rehearsed_candidate_where_they_could_change_nothing(alike: Evidence) -> None:
    found = weigh(replace(alike, recipe_trials=rehearsed(-0.01, 0.2)), [], [])
    assert (found.decision, found.prints_to_label) == ("keep-source", ())


def test_labels_too_few_to_decide_are_told_beside_rehearsal(better: Evidence) -> None:
    found = weigh(labelled(replace(better, recipe_trials=rehearsed(0.04, 0.02)), 0, 1), [], [])
    assert found.decision == "ship"
    assert any("of 2 labelled prints" in reason for reason in found.reasons)


def test_labels_go_before_rehearsal(better: Evidence) -> None:
    doubtful = replace(better, recipe_trials=rehearsed(-0.04, 0.02))
    assert weigh(labelled(doubtful, 0, 1, 0), [], []).decision == "ship"
    hopeful = replace(better, recipe_trials=rehearsed(0.04, 0.02))
    assert weigh(labelled(hopeful, 1, 0), [], []).decision == "keep-source"


@pytest.mark.parametrize(
    ("gain_under_it", "gain_without", "decision"), [(0.06, -0.06, "ship"), (-0.06, 0.06, "keep-source")]
)
def test_an_answered_veto_forbids_nothing_and_its_candidate_is_compared_with_such_alone(
    differing: Evidence, gain_under_it: float, gain_without: float, decision: str
) -> None:
    trials = (*rehearsed(gain_under_it, 0.01, SOURCE_ACCURACY_LOST), *rehearsed(gain_without, 0.01))
    evidence = replace(differing, recipe_trials=trials)
    veto = Veto(SOURCE_ACCURACY_LOST, "it forgot", "it is known what becomes of that")
    assert weigh(evidence, [], [veto]).decision == decision
    assert weigh(evidence, [], [replace(veto, answer=None)]).reasons == ("it forgot",)
    assert weigh(evidence, [], [veto, VETO]).reasons == ("it must not ship",)
