"""Validators: each rises on what it measures, declares what it assumes, and is no evidence where that fails."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from adaptprint.adaptation.print_decision import PrintDecision
from adaptprint.adaptation.prior import PriorEstimate, parse_prior
from adaptprint.diagnostics import validator_scores as scores
from adaptprint.diagnostics.assumptions import overlapping, situation
from adaptprint.diagnostics.density_ratio import density_ratio, weighted_accuracy
from adaptprint.diagnostics.evidence import Evidence, View
from adaptprint.diagnostics.validators import Validator, run_validators

Sight, BuildEvidence = Callable[..., View], Callable[..., Evidence]
OF_SOURCE = {"source accuracy", "MMD", "DEV", "ATC", "DoC", "neighbour agreement"}
OF_CONFIDENCE = {"entropy", "information maximisation", "BNM", "ATC", "DoC"}
ALL = OF_SOURCE | OF_CONFIDENCE | {"SND", "class cluster AMI", "print consistency"}


def bad_share(low: float, high: float, method: str = "print margins") -> PriorEstimate:
    middle = (low + high) / 2
    ends = np.array([1 - middle, middle]), np.array([1 - high, low]), np.array([1 - low, high])
    return PriorEstimate(*ends, method=method)


HALF = bad_share(0.4, 0.6)


def run(
    evidence: Evidence,
    prior: PriorEstimate = HALF,
    word: str = "unknown",
    support: tuple[float, float] | None = (0.9, 0.9),
) -> dict[str, Validator]:
    return {one.name: one for one in run_validators(situation(evidence, prior, parse_prior(word), support))}


def no_evidence(found: dict[str, Validator]) -> set[str]:
    """Names of those that do not apply; four source prints are too few for DEV, whatever else holds."""
    assert not found["DEV"].applies
    return {name for name, one in found.items() if not one.applies} - {"DEV"}


@pytest.fixture
def better(sight: Sight, clear: np.ndarray) -> View:
    return sight(clear)


@pytest.fixture
def worse(sight: Sight, muddled: np.ndarray) -> View:
    rng = np.random.default_rng(0)
    own, of_source = rng.normal(size=(36, 4)), rng.normal(size=(32, 4)) + 1
    source_bad = np.where(np.arange(32) % 8 < 6, 0.35 + 0.3 * np.repeat([1, 1, 0, 1], 8), 0.5)
    return sight(muddled, source_bad=source_bad, features=own, source_features=of_source)


UNSEEN = range(32)


def test_all_are_there_and_those_of_the_source_only_with_source_frames(
    make_evidence: BuildEvidence, better: View
) -> None:
    assert set(run(make_evidence(better, better))) == ALL
    assert set(run(make_evidence(better, better, with_source=False), support=None)) == ALL - OF_SOURCE


@pytest.mark.parametrize("name", sorted(ALL - {"SND", "neighbour agreement", "DEV", "DoC"}))
def test_a_model_that_is_better_in_every_way_scores_higher(
    make_evidence: BuildEvidence, better: View, worse: View, name: str
) -> None:
    up, down = (run(make_evidence(*pair, held_out=UNSEEN))[name] for pair in ((worse, better), (better, worse)))
    assert up.delta is not None
    assert up.delta > 0
    assert down.delta == pytest.approx(-up.delta)
    assert (up.before, up.after) == (down.after, down.before)


def test_of_two_equal_models_nothing_differs(make_evidence: BuildEvidence, better: View) -> None:
    assert {one.delta for one in run(make_evidence(better, better, held_out=UNSEEN)).values()} == {0}


@pytest.mark.parametrize(
    ("prior", "word", "silent"),
    [
        (HALF, "unknown", set()),
        (bad_share(0.1, 0.4), "unknown", {"information maximisation", "BNM", "MMD"}),
        (bad_share(0.0, 0.2), "unknown", {"information maximisation", "BNM", "MMD", "SND", "class cluster AMI"}),
        (bad_share(0.7, 1.0), "unknown", {"information maximisation", "BNM", "MMD", "SND", "class cluster AMI"}),
        # An interval that leaves out what the printer changes confirms nothing, but the user's word does.
        (
            bad_share(0.4, 0.6, "mean probability"),
            "unknown",
            {"information maximisation", "BNM", "MMD", "SND", "class cluster AMI"},
        ),
        (bad_share(0.4, 0.6, "mean probability"), "0.4-0.6", set()),
    ],
)
def test_class_shares_silence_those_that_need_both_or_balanced_classes(
    make_evidence: BuildEvidence, better: View, prior: PriorEstimate, word: str, silent: set[str]
) -> None:
    found = run(make_evidence(better, better, held_out=UNSEEN), prior, word)
    assert no_evidence(found) == silent
    for name in silent:
        assert "no evidence here: it takes" in found[name].says
    if prior.method == "print margins" and silent:
        assert f"{prior.low.min():.0%} to" in found["BNM"].says


def test_training_silences_what_rests_on_confidence_or_distance(make_evidence: BuildEvidence, better: View) -> None:
    found = run(make_evidence(better, better, held_out=UNSEEN, trained=True))
    assert no_evidence(found) == OF_CONFIDENCE | {"MMD"}


def test_one_class_for_nearly_all_pleases_and_is_no_evidence_unless_it_is_known_to_be_so(
    make_evidence: BuildEvidence, sight: Sight, better: View
) -> None:
    pleased = {"entropy", "SND", "class cluster AMI", "ATC", "DoC", "print consistency"}
    evidence = make_evidence(better, sight(np.full(36, 0.05)), held_out=UNSEEN)
    assert no_evidence(run(evidence)) == pleased
    assert "calls 100% of the frames `good`" in run(evidence)["print consistency"].says
    known = no_evidence(run(evidence, bad_share(0, 0.02)))
    assert "print consistency" not in known
    assert "entropy" not in known


def test_a_moved_decision_silences_all(make_evidence: BuildEvidence, better: View) -> None:
    evidence = make_evidence(better, better, held_out=UNSEEN)
    found = run(replace(evidence, decision=PrintDecision(-1.0, 0.03, 0.0, 0.06, 0.1)))
    assert no_evidence(found) == ALL - {"DEV"}


def test_source_frames_that_training_saw_flatter(make_evidence: BuildEvidence, better: View) -> None:
    for rows in ([], range(8)):  # none, and those of one class alone
        found = run(make_evidence(better, better, held_out=rows))
        assert no_evidence(found) == {"source accuracy", "ATC", "DoC"}
        assert found["source accuracy"].before == 1


def test_source_accuracy_is_by_print_on_unseen_frames(make_evidence: BuildEvidence, sight: Sight) -> None:
    clear = np.where(np.repeat([0, 1, 0, 1], 8) == 1, 0.9, 0.1)
    slips, wrong = clear.copy(), clear.copy()
    slips[:3] = 0.6  # three of a print's eight frames: the print is right
    wrong[:8] = 0.9
    calm = np.full(36, 0.2)
    for bad, by_print, by_frame in ((slips, 1.0, (13 / 16 + 1) / 2), (wrong, 0.75, 0.75)):
        evidence = make_evidence(sight(calm, source_bad=clear), sight(calm, source_bad=bad), held_out=UNSEEN)
        assert run(evidence)["source accuracy"].after == by_print
        assert run(replace(evidence, print_consensus=False))["source accuracy"].after == by_frame
        unseen = make_evidence(sight(calm, source_bad=clear), sight(calm, source_bad=bad), held_out=range(8, 32))
        assert run(unseen)["source accuracy"].after == 1


def test_print_consistency_needs_prints_that_agree(make_evidence: BuildEvidence, sight: Sight, better: View) -> None:
    third = np.where(np.arange(36) % 3 == 0, 0.8, 0.1)
    found = run(make_evidence(better, sight(third)))["print consistency"]
    assert found.applies
    assert found.after == pytest.approx(2 / 3)
    varied = make_evidence(better, better, print_consensus=False)
    assert "differ inside" in run(varied)["print consistency"].says
    single = make_evidence(better, better, target=[("T", f"t{i}", None, 1) for i in range(36)])
    assert not run(single)["print consistency"].applies


def test_neighbours_are_no_evidence_beyond_the_source_s_reach(make_evidence: BuildEvidence, better: View) -> None:
    evidence = make_evidence(better, better, held_out=UNSEEN)
    assert no_evidence(run(evidence, support=(0.5, 0.5))) == set()
    found = run(evidence, support=(0.9, 0.3))
    assert no_evidence(found) == {"neighbour agreement"}
    assert "only 30%" in found["neighbour agreement"].says


def test_neighbours_judge_in_the_other_model_s_space(make_evidence: BuildEvidence, sight: Sight, better: View) -> None:
    """A candidate that sorts by something else agrees with all in its own space; the source model's tells it apart."""
    other = np.arange(36) // 3 % 2
    selfish = sight(np.where(other == 1, 0.95, 0.05), features=np.eye(4)[other])
    found = run(make_evidence(better, selfish))["neighbour agreement"]
    assert found.after is not None
    assert found.after < 0.8


def test_dev_is_no_evidence_where_the_domains_are_told_apart(
    make_evidence: BuildEvidence, sight: Sight, clear: np.ndarray, better: View
) -> None:
    far = sight(clear, features=np.eye(4)[np.full(36, 3)] + np.random.default_rng(0).normal(0, 0.05, (36, 4)))
    found = run(make_evidence(far, better, held_out=UNSEEN))["DEV"]
    assert not found.applies
    assert "told apart 100%" in found.says


def test_weights_that_leave_few_prints_are_no_evidence() -> None:
    codes = np.repeat(np.arange(10), 4)
    assert overlapping(0.6, np.ones(40), codes) is None
    few = np.where(codes < 2, 20.0, 0.1)
    assert "2.1 source prints" in (overlapping(0.6, few, codes) or "")


def test_importance_weights_find_the_accuracy_of_a_shifted_target() -> None:
    """Frames right of zero are called wrong half of the time; the target has more of them."""
    rng = np.random.default_rng(0)
    source, target = rng.normal(0, 1, (4000, 3)), rng.normal([0.8, 0, 0], 1, (4000, 3))
    right = np.where(source[:, 0] > 0, rng.random(4000) < 0.5, True).astype(float)
    weights, told_apart = density_ratio(
        source.astype(np.float32), target.astype(np.float32), np.arange(4000), np.arange(4000)
    )
    truth = 1 - 0.5 * (target[:, 0] > 0).mean()
    assert weighted_accuracy(weights, right) == pytest.approx(truth, abs=0.02)
    assert right.mean() > truth + 0.1
    assert weights.mean() == pytest.approx(1)
    assert 0.55 < told_apart < 0.75


def test_atc_and_doc_estimate_accuracy_as_their_papers_say() -> None:
    confidence, right = np.array([0.5, 0.6, 0.7, 0.8, 0.9]), np.array([0.0, 1, 0, 1, 1])
    target, weights = np.array([0.6, 0.7, 0.95, 0.55]), np.array([0.4, 0.1, 0.2, 0.3])
    # Two of five source frames are wrong, so .7 is the level; target frames of .7 and .95 reach it.
    assert scores.thresholded_confidence(confidence, right, target, weights) == pytest.approx(0.3)
    assert scores.difference_of_confidences(confidence, right, target, weights) == pytest.approx(
        0.6 - (0.7 - weights @ target)
    )
    assert scores.thresholded_confidence(confidence, np.ones(5), confidence, np.full(5, 0.2)) == pytest.approx(1)


def test_prints_weigh_alike_however_many_frames_they_have() -> None:
    weights = scores.print_weights(np.array([3, 3, 3, 5, 9, 9]))
    assert weights.tolist() == pytest.approx([1 / 9] * 3 + [1 / 3] + [1 / 6] * 2)
    sure, unsure = [0.99, 0.01], [0.5, 0.5]
    rows, codes = np.array([sure] * 9 + [unsure]), np.array([0] * 9 + [1])
    for score in (scores.negative_entropy, scores.information_maximisation):
        by_print = score(rows, scores.print_weights(codes))
        assert by_print == pytest.approx(score(rows[8:], np.array([0.5, 0.5])))


def test_frames_of_one_print_are_no_neighbours_and_no_pairs() -> None:
    """Ten copies of every frame change nothing; one print alone can say nothing."""
    rng = np.random.default_rng(0)
    rows, seen = rng.dirichlet([1, 1], 20), rng.normal(size=(20, 3)).astype(np.float32)
    codes = np.arange(20)
    often = np.repeat(codes, 10)
    # Each other print's frame stands there ten times: the density is that of 190, not 199, others.
    once = scores.neighbourhood_density(rows, codes, scores.print_weights(codes))
    copied = scores.neighbourhood_density(rows[often], often, scores.print_weights(often))
    assert once is not None
    assert copied == pytest.approx(once + np.log(10))
    distance = scores.negative_mmd(seen, seen + 1, codes, codes)
    assert scores.negative_mmd(seen, (seen + 1)[often], codes, often) == pytest.approx(distance, abs=1e-6)
    alone = np.zeros(20, dtype=np.int64)
    assert scores.neighbourhood_density(rows, alone, scores.print_weights(codes)) is None
    assert scores.negative_mmd(seen, seen, codes, alone) is None


def test_a_single_print_leaves_those_between_prints_without_a_value(make_evidence: BuildEvidence, better: View) -> None:
    found = run(make_evidence(better, better, target=[("T", "t", None, 36)], held_out=UNSEEN))
    for name in ("SND", "MMD"):
        assert found[name].before is found[name].delta is None
        assert not found[name].applies


def test_mmd_falls_with_the_distance_of_the_domains() -> None:
    rng = np.random.default_rng(0)
    source, codes = rng.normal(size=(60, 3)).astype(np.float32), np.arange(60)
    found = [scores.negative_mmd(source, rng.normal(d, 1, (60, 3)), codes, codes) for d in (0, 1, 3)]
    assert found == sorted(found, reverse=True)
    assert found[0] == pytest.approx(0, abs=0.03)


def test_all_good_and_balanced_are_valued_as_was_measured_before() -> None:
    """The traps that assumptions are there for: a right all-good model scores no better than a collapsed one."""
    sure = np.array([[1.0, 0.0]] * 20)
    halves = np.array([[1.0, 0.0]] * 10 + [[0.0, 1.0]] * 10)
    even = np.full(20, 0.05)
    assert scores.information_maximisation(sure, even) == pytest.approx(0)
    assert scores.information_maximisation(halves, even) == pytest.approx(np.log(2))
    assert scores.nuclear_norm(halves, even) > scores.nuclear_norm(sure, even)
    every = [scores.neighbourhood_density(rows, np.arange(20), even) for rows in (sure, halves)]
    assert every[0] == pytest.approx(np.log(19), abs=1e-6)
    assert every[1] == pytest.approx(np.log(9), abs=1e-3)


def test_a_validator_is_plain_data_with_its_assumption_and_its_source(
    make_evidence: BuildEvidence, better: View, worse: View
) -> None:
    for with_source, pair in product((True, False), ((worse, better), (better, better))):
        for one in run_validators(situation(make_evidence(*pair, with_source=with_source), HALF)):
            said = one.to_dict()
            assert said["assumption"]
            assert said["cites"]
            assert said["delta"] == one.delta
            assert ("no evidence here" in said["says"]) is not said["applies"]
