"""Calibration: the printer's shift is taken out of the decision, the ranking stays."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from adaptprint.adaptation.calibration import belief_about, calibrated, why_not
from adaptprint.adaptation.methods import adapt_network
from adaptprint.adaptation.print_decision import decided_at
from adaptprint.adaptation.prior import PriorEstimate, parse_prior
from adaptprint.adaptation.recipe import Recipe
from adaptprint.adaptation.statistics import with_statistics
from adaptprint.adaptation.task import AdaptationTask, Candidate
from adaptprint.frames.pixels import Pixels
from adaptprint.models.embed import embed
from adaptprint.models.memory import SourceFrames

BuildTask = Callable[..., AdaptationTask]


def margins(task: AdaptationTask, candidate: Candidate, array: np.ndarray) -> np.ndarray:
    network = task.checkpoint.network()
    network.load_state_dict(candidate.state)
    logits = embed(network, array, task.compute).logits
    return logits[:, 1] - logits[:, 0]


@pytest.fixture
def make_moved(make_read_task: BuildTask, make_pixels: Callable[..., Pixels]) -> BuildTask:
    """A brighter printer, on which the model's scores lie too low; three known printers with four prints a class."""
    pixels = make_pixels(
        [(p, f"{name}{i}", name, 4) for p in ("P1", "P2", "P3") for i in range(4) for name in ("good", "bad")], seed=1
    )
    source = SourceFrames(pixels.table, pixels.array, np.zeros(len(pixels.table), dtype=bool))

    def build(kinds: tuple[str, ...] = ("good", "bad"), brightness: int = 130, **changes: object) -> AdaptationTask:
        target = make_pixels([("T", f"{k}{i}", None, 6) for i in range(6) for k in kinds], brightness, seed=7)
        return make_read_task(**{"recipe": Recipe(calibrate=True), "target": target, "source": source, **changes})

    return build


def accuracy(task: AdaptationTask, candidate: Candidate) -> float:
    bad = np.array([name.startswith("bad") for name in task.target.table.data["print"]])
    return float(((margins(task, candidate, task.target.array) > 0) == bad).mean())


def test_a_shift_moves_the_log_odds_by_just_as_much(make_task: BuildTask) -> None:
    task = make_task()
    start = Candidate("source-only", task.checkpoint.state)
    after = replace(start, state=decided_at(start.state, 1.25))
    difference = margins(task, start, task.target.array) - margins(task, after, task.target.array)
    assert difference == pytest.approx(np.full(8, 1.25), abs=1e-4)
    assert {name for name in start.state if not torch.equal(start.state[name], after.state[name])} == {
        "classifier.bias"
    }


def test_a_printer_s_shift_is_taken_out_and_the_ranking_stays(make_moved: BuildTask) -> None:
    task = make_moved()
    start = Candidate("source-only", task.checkpoint.state)
    found = calibrated(task, start)
    assert (found.name, found.trained, found.target_norms) == ("source-only, calibrated", False, "none")
    before, after = (margins(task, each, task.target.array) for each in (start, found))
    assert (np.argsort(before) == np.argsort(after)).all()
    assert task.prior.decision is not None
    assert after - before == pytest.approx(np.full(len(before), -task.prior.decision.margin), abs=1e-4)
    assert task.prior.decision.margin < -0.5
    assert accuracy(task, start) < 0.72
    assert accuracy(task, found) > 0.82


def test_what_a_moved_decision_is_expected_to_gain_stays_with_the_candidate(make_moved: BuildTask) -> None:
    task = make_moved()
    found = calibrated(task, Candidate("source-only", task.checkpoint.state))
    assert found.decision is not None
    assert found.decision == task.prior.decision
    assert found.moves_decision_only


def test_on_a_printer_like_the_source_s_the_decision_hardly_moves(make_moved: BuildTask) -> None:
    assert make_moved(brightness=100).prior.shift == pytest.approx(0, abs=0.5)


def test_one_labelled_print_decides_what_one_class_alone_leaves_open(make_moved: BuildTask) -> None:
    label = np.array([1, -1, -1, -1, -1, -1])
    unsure, told = (make_moved(("bad",), 150, print_labels=labels) for labels in (None, label))
    gains = []
    for task in (unsure, told):
        start = Candidate("source-only", task.checkpoint.state)
        gains.append(accuracy(task, calibrated(task, start)) - accuracy(task, start))
    assert gains[0] < 0.15
    assert gains[1] > 0.3
    # A model that was changed is read anew, with the label.
    other = Candidate("trained@1", decided_at(told.checkpoint.state, 0.5), trained=True)
    posteriors = belief_about(told, other).print_posteriors
    assert posteriors is not None
    assert posteriors[0].tolist() == [0.0, 1.0]


def test_of_a_candidate_its_own_scores_are_read(make_moved: BuildTask) -> None:
    task = make_moved()
    assert belief_about(task, Candidate("source-only", task.checkpoint.state)) is task.prior
    # A model whose scores are too high on source and target alike has no more of a printer's shift than before.
    biased = Candidate("trained@1", decided_at(task.checkpoint.state, -2.0), trained=True)
    found = belief_about(task, biased)
    assert found.shift == pytest.approx(task.prior.shift, abs=0.3)
    assert found.shares == pytest.approx(task.prior.shares, abs=0.1)


def test_the_user_s_word_binds_what_is_read_of_a_changed_candidate_too(make_moved: BuildTask) -> None:
    task = make_moved(word=parse_prior("all-good"))
    other = Candidate("trained@1", decided_at(task.checkpoint.state, 0.5), trained=True)
    assert belief_about(task, other).shares.tolist() == [1.0, 0.0]


def test_what_other_statistics_have_mended_is_not_taken_out_again(make_moved: BuildTask) -> None:
    task = make_moved(brightness=150)
    assert task.prior.shift is not None
    assert task.prior.shift < -0.8
    mended = with_statistics(replace(task, recipe=Recipe(norms="all")))
    assert belief_about(task, mended).shift == pytest.approx(0, abs=0.4)


def test_the_source_is_read_with_its_own_statistics_where_a_candidate_holds_the_target_s(make_moved: BuildTask) -> None:
    task = make_moved(brightness=180)
    mended = with_statistics(replace(task, recipe=Recipe(norms="all")))
    assert belief_about(task, mended).shift == pytest.approx(0, abs=0.4)


def test_without_source_frames_nothing_changes_and_the_warning_says_why(make_read_task: BuildTask) -> None:
    task = make_read_task(recipe=Recipe(calibrate=True), source=None)
    start = Candidate("source-only", task.checkpoint.state)
    assert calibrated(task, start) is start
    found = adapt_network(task)
    assert len(found.candidates) == 1
    assert found.warnings == (why_not(task),)
    assert "not calibrated" in found.warnings[0]
    assert "too few labelled source prints" in found.warnings[0]


def test_three_classes_are_not_calibrated_and_the_warning_says_so(make_task: BuildTask) -> None:
    shares = np.full(3, 1 / 3)
    prior = PriorEstimate(shares, shares, shares, method="MLLS", says="MLLS over 4 prints")
    task = make_task(recipe=Recipe(calibrate=True), prior=prior)
    found = adapt_network(task)
    assert len(found.candidates) == 1
    assert "two classes" in found.warnings[0]
    assert "MLLS" in found.warnings[0]
