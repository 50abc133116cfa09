"""Vetoes: each fires on its case and not on the neighbouring one."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from adaptprint.adaptation.prior import parse_prior
from adaptprint.diagnostics.bootstrap import Interval
from adaptprint.diagnostics.evidence import Evidence, View
from adaptprint.diagnostics.neighbourhood import Neighbourhood
from adaptprint.diagnostics.rehearsed_recipes import Trial
from adaptprint.diagnostics.vetoes import Veto, find_vetoes
from adaptprint.frames.table import FrameTable
from adaptprint.models.memory import SourceFrames

Sight, BuildEvidence = Callable[..., View], Callable[..., Evidence]
BuildTable = Callable[..., FrameTable]
LABELS = np.repeat([0, 1, 0, 1], 8)


def vetoes(evidence: Evidence, word: str = "unknown", support: tuple[float, float] | None = None) -> dict[str, Veto]:
    around: Sequence[Neighbourhood | None] = (None, None)
    if support is not None:
        none = Interval(0, 0, 0)
        around = [Neighbourhood(none, none, Interval(value, value, value), {}) for value in support]
    return {veto.name: veto for veto in find_vetoes(evidence, *around, parse_prior(word))}


def called_bad(share: float) -> np.ndarray:
    """36 frames, the first share of which are called bad."""
    return np.where(np.arange(36) < round(share * 36), 0.9, 0.1)


@pytest.fixture
def fine(sight: Sight, clear: np.ndarray) -> View:
    return sight(clear)


def test_a_good_candidate_meets_no_veto(make_evidence: BuildEvidence, fine: View) -> None:
    assert vetoes(make_evidence(fine, fine), "0.4-0.6", support=(0.9, 0.9)) == {}


@pytest.mark.parametrize(("n_prints", "vetoed"), [(1, True), (2, True), (3, False)])
def test_fewer_than_three_prints_are_too_few(
    make_evidence: BuildEvidence, fine: View, n_prints: int, vetoed: bool
) -> None:
    found = vetoes(make_evidence(fine, fine, target=[("T", f"t{i}", None, 36 // n_prints) for i in range(n_prints)]))
    assert ("too few prints" in found) is vetoed
    if vetoed:
        assert f"has {n_prints} print" in found["too few prints"].says


@pytest.mark.parametrize(("lost", "vetoed"), [(0, False), (1, True)])
def test_source_accuracy_may_not_be_lost_in_any_class(
    make_evidence: BuildEvidence, sight: Sight, clear: np.ndarray, fine: View, lost: int, vetoed: bool
) -> None:
    source_bad = np.where(LABELS == 1, 0.9, 0.1)
    source_bad[8 : 8 + lost] = 0.1
    found = vetoes(make_evidence(fine, sight(clear, source_bad=source_bad)))
    assert ("source accuracy lost" in found) is vetoed
    if vetoed:
        assert "`bad` right 94%" in found["source accuracy lost"].says
        assert "100%" in found["source accuracy lost"].says


@pytest.fixture
def forgetful(make_evidence: BuildEvidence, sight: Sight, clear: np.ndarray) -> Evidence:
    """The candidate calls one of sixteen bad source frames wrong, and print 0 of the target other than the source."""
    source_bad, target_bad = np.where(LABELS == 1, 0.9, 0.1), clear.copy()
    source_bad[8] = 0.1
    target_bad[:18] = 1 - target_bad[:18]
    return make_evidence(sight(clear), sight(target_bad, source_bad=source_bad))


def lost_before(n_printers: int, *further: str) -> tuple[Trial, ...]:
    vetoes = ("source accuracy lost", *further)
    return tuple(
        Trial(recipe="r", printer=f"p{n}", bad_share=0.5, n_prints=12, score=0, gain=0.1, vetoes=vetoes)
        for n in range(n_printers)
    )


@pytest.mark.parametrize(
    ("trials", "stands"),
    [((), True), (lost_before(2), True), (lost_before(3), False), (lost_before(3, "collapse to one class"), True)],
)
def test_rehearsal_answers_lost_source_accuracy_where_it_was_lost_on_three_printers(
    forgetful: Evidence, trials: tuple[Trial, ...], stands: bool
) -> None:
    veto = vetoes(replace(forgetful, recipe_trials=trials))["source accuracy lost"]
    assert veto.stands is stands
    if not stands:
        assert "rehearsal on 3 printers" in str(veto.to_dict()["answer"])


def test_labels_that_decide_answer_lost_source_accuracy_and_nothing_else(forgetful: Evidence) -> None:
    calls = forgetful.print_calls(forgetful.adapted)
    assert (calls != forgetful.print_calls(forgetful.frozen)).sum() >= 3
    right = vetoes(replace(forgetful, print_labels=calls), "all-good")
    assert "the candidate calls 3 right" in str(right["source accuracy lost"].answer)
    assert right["outside the stated prior"].stands
    wrong = vetoes(replace(forgetful, print_labels=1 - calls))
    assert wrong["source accuracy lost"].stands


def test_labels_too_few_to_decide_answer_nothing(forgetful: Evidence) -> None:
    two = np.where(np.arange(6) < 2, forgetful.print_calls(forgetful.adapted), -1)
    assert vetoes(replace(forgetful, print_labels=two))["source accuracy lost"].stands


def test_a_loss_of_five_points_is_borne(make_evidence: BuildEvidence, sight: Sight, clear: np.ndarray) -> None:
    def with_wrong(rows: list[int]) -> View:
        bad = np.where(LABELS == 1, 0.9, 0.1)
        bad[rows] = 1 - bad[rows]
        return sight(clear, source_bad=bad)

    wrong = [8, 9]
    assert "source accuracy lost" not in vetoes(make_evidence(with_wrong(wrong), with_wrong(wrong)))
    assert "source accuracy lost" in vetoes(make_evidence(with_wrong(wrong), with_wrong([8, 9, 10])))
    # What is won in one class does not make up for what is lost in the other.
    assert "source accuracy lost" in vetoes(make_evidence(with_wrong(wrong), with_wrong([0])))


@pytest.mark.parametrize(("lost", "vetoed"), [(1, False), (3, True)])
def test_one_frame_in_forty_may_be_forgotten_and_three_may_not(
    make_evidence: BuildEvidence, make_table: BuildTable, sight: Sight, clear: np.ndarray, lost: int, vetoed: bool
) -> None:
    labels = np.repeat([0, 1], 40)
    known = np.where(labels == 1, 0.9, 0.1)
    forgot = np.where(np.arange(80) < 80 - lost, known, 0.1)
    before, after = (sight(clear, source_bad=each, source_features=np.zeros((80, 4))) for each in (known, forgot))
    table = make_table([("P1", "a", "good", 40), ("P1", "b", "bad", 40)])
    source = SourceFrames(table, np.zeros((80, 1, 1, 3), np.uint8), np.zeros(80, dtype=bool))
    evidence = replace(make_evidence(before, after), source=source, source_labels=labels)
    assert ("source accuracy lost" in vetoes(evidence)) is vetoed


def test_held_out_source_frames_judge_where_every_class_has_some(
    make_evidence: BuildEvidence, sight: Sight, clear: np.ndarray, fine: View
) -> None:
    source_bad = np.where(LABELS == 1, 0.9, 0.1)
    source_bad[8] = 0.1
    spoiled = sight(clear, source_bad=source_bad)
    assert "source accuracy lost" not in vetoes(make_evidence(fine, spoiled, held_out=range(16, 32)))
    assert "source accuracy lost" in vetoes(make_evidence(fine, spoiled, held_out=range(0, 16)))
    # Held-out frames of one class alone cannot judge the other one.
    assert "source accuracy lost" in vetoes(make_evidence(fine, spoiled, held_out=range(16, 24)))


def test_the_model_s_threshold_decides_what_a_call_is(
    make_evidence: BuildEvidence, sight: Sight, clear: np.ndarray, fine: View
) -> None:
    faint = sight(np.where(clear > 0.5, 0.6, 0.05), source_bad=np.where(LABELS == 1, 0.6, 0.1))
    at_half, above = (vetoes(make_evidence(fine, faint, threshold=threshold)) for threshold in (0.5, 0.7))
    assert at_half == {}
    assert set(above) == {"source accuracy lost", "collapse to one class"}


def test_without_source_frames_nothing_is_said_of_them(make_evidence: BuildEvidence, fine: View) -> None:
    assert vetoes(make_evidence(fine, View(None, fine.target, fine.varied), with_source=False)) == {}


@pytest.mark.parametrize(
    ("share", "word", "before", "vetoed"),
    [
        (0.0, "unknown", 0.5, True),
        (1.0, "unknown", 0.5, True),
        (1 / 36, "unknown", 0.5, True),  # 97 % of the frames are as good as all
        (2 / 36, "unknown", 0.5, False),  # 94 % are not
        (35 / 36, "unknown", 0.5, True),
        (34 / 36, "unknown", 0.5, False),
        (0.0, "all-good", 0.5, False),
        (0.0, "0-0.3", 0.5, False),
        (1.0, "0.6-1", 0.5, False),
        (0.0, "0.1-0.5", 0.5, True),
        (0.0, "unknown", 0.0, False),  # the source model said so too
        (0.0, "unknown", 1 / 36, False),
        (0.0, "unknown", 2 / 36, True),
        (1.0, "unknown", 0.0, True),
    ],
)
def test_a_collapse_to_one_class_is_vetoed_unless_it_was_declared_or_seen_before(
    make_evidence: BuildEvidence, sight: Sight, share: float, word: str, before: float, vetoed: bool
) -> None:
    found = vetoes(make_evidence(sight(called_bad(before)), sight(called_bad(share))), word)
    assert ("collapse to one class" in found) is vetoed


def test_a_collapse_is_counted_by_frame_not_by_print(make_evidence: BuildEvidence, sight: Sight, fine: View) -> None:
    """Two frames of each print are called bad: every print's vote is good, but a third of the frames is not."""
    narrow, all_good = sight(np.where(np.arange(36) % 3 == 0, 0.9, 0.1)), sight(called_bad(0.0))
    assert "collapse to one class" not in vetoes(make_evidence(fine, narrow))
    assert "collapse to one class" in vetoes(make_evidence(narrow, all_good))


@pytest.mark.parametrize(
    ("n_bad_prints", "word", "vetoed"),
    [
        (3, "unknown", False),
        (3, "0.3-0.6", False),
        (3, "all-good", True),
        (3, "0-0.36", False),  # half is within .15 of .36
        (3, "0-0.34", True),
        (3, "0.64-1", False),
        (3, "0.66-1", True),
    ],
)
def test_calls_far_outside_the_stated_prior_are_vetoed(
    make_evidence: BuildEvidence, sight: Sight, fine: View, n_bad_prints: int, word: str, vetoed: bool
) -> None:
    found = vetoes(make_evidence(fine, sight(called_bad(n_bad_prints / 6))), word)
    assert ("outside the stated prior" in found) is vetoed
    if vetoed:
        assert f"you said {word}" in found["outside the stated prior"].says


def test_prints_are_counted_for_the_prior_and_frames_where_labels_differ_inside_prints(
    make_evidence: BuildEvidence, sight: Sight, fine: View
) -> None:
    # Two frames of each print are called bad: no print, but a third of the frames.
    scattered = sight(np.where(np.arange(36) % 3 == 0, 0.9, 0.1))
    assert "outside the stated prior" not in vetoes(make_evidence(fine, scattered), "all-good")
    by_frame = make_evidence(fine, scattered, print_consensus=False)
    assert "outside the stated prior" in vetoes(by_frame, "all-good")
    assert "outside the stated prior" not in vetoes(by_frame, "0.3")


@pytest.mark.parametrize(("before", "after", "vetoed"), [(0.9, 0.71, False), (0.9, 0.69, True), (0.1, 0.9, False)])
def test_lost_support_is_vetoed(
    make_evidence: BuildEvidence, fine: View, before: float, after: float, vetoed: bool
) -> None:
    found = vetoes(make_evidence(fine, fine), support=(before, after))
    assert ("support lost" in found) is vetoed


def test_a_veto_can_be_written_as_json() -> None:
    assert Veto("name", "why").to_dict() == {"name": "name", "says": "why", "answer": None}
