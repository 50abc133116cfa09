"""Calibration: the printer's shift is taken out of the decision, the ranking stays."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from adaptprint.adaptation.calibration import belief_about, calibrated, shifted, why_not
from adaptprint.adaptation.methods import adapt_network
from adaptprint.adaptation.prior import PriorEstimate
from adaptprint.adaptation.recipe import Recipe
from adaptprint.adaptation.statistics import with_statistics
from adaptprint.adaptation.task import AdaptationTask, Candidate
from adaptprint.frames.pixels import Pixels
from adaptprint.models.embed import embed
from adaptprint.models.memory import SourceFrames

BuildTask = Callable[..., AdaptationTask]
SHIFT = 4.0


def margins(task: AdaptationTask, candidate: Candidate, array: np.ndarray) -> np.ndarray:
    network = task.checkpoint.network()
    network.load_state_dict(candidate.state)
    logits = embed(network, array, task.compute).logits
    return logits[:, 1] - logits[:, 0]


@pytest.fixture
def target(make_pixels: Callable[..., Pixels]) -> Pixels:
    """The source's camera, half of the prints striped."""
    return make_pixels([("T", f"{name}{i}", None, 6) for i in range(6) for name in ("good", "bad")], seed=7)


@pytest.fixture
def moved(make_read_task: BuildTask, target: Pixels, make_pixels: Callable[..., Pixels]) -> AdaptationTask:
    """A source model whose candidate calls nearly everything on the target bad: its log odds are 4 too high."""
    pixels = make_pixels(
        [(p, f"{name}{i}", name, 4) for p in ("P1", "P2", "P3") for i in range(4) for name in ("good", "bad")], seed=1
    )
    source = SourceFrames(pixels.table, pixels.array, np.zeros(len(pixels.table), dtype=bool))
    return make_read_task(recipe=Recipe(calibrate=True), target=target, source=source)


def test_a_shift_moves_the_log_odds_by_just_as_much(make_task: BuildTask) -> None:
    task = make_task()
    start = Candidate("source-only", task.checkpoint.state)
    after = replace(start, state=shifted(start.state, 1.25))
    difference = margins(task, start, task.target.array) - margins(task, after, task.target.array)
    assert difference == pytest.approx(np.full(8, 1.25), abs=1e-4)
    assert {name for name in start.state if not torch.equal(start.state[name], after.state[name])} == {
        "classifier.bias"
    }


def too_high(task: AdaptationTask, target: Pixels) -> AdaptationTask:
    """The same with the printer's shift put into the belief, as if the scores had been read 4 too high."""
    from adaptprint.adaptation.prior import SourceScores, estimate_prior
    from adaptprint.adaptation.prior_word import UNKNOWN

    assert task.source is not None
    network = task.checkpoint.network()
    labels = task.source.table.label_codes(["good", "bad"])
    source = embed(network, task.source.array, task.compute).probabilities
    scores = SourceScores(source, task.source.table, labels, task.source.held_out)
    logits = embed(network, target.array, task.compute).logits
    logits[:, 1] += SHIFT
    odds = np.exp(logits - logits.max(1, keepdims=True))
    prior = estimate_prior(odds / odds.sum(1, keepdims=True), target.table, UNKNOWN, source=scores)
    return replace(task, prior=prior)


def test_a_printer_s_shift_is_taken_out_and_the_ranking_stays(moved: AdaptationTask, target: Pixels) -> None:
    task = too_high(moved, target)
    assert task.prior.shift == pytest.approx(SHIFT, abs=1.5)
    start = Candidate("source-only", task.checkpoint.state)
    high = margins(task, start, target.array) + SHIFT
    found = calibrated(task, start)
    after = margins(task, found, target.array) + SHIFT
    bad = np.array([name.startswith("bad") for name in target.table.data["print"]])
    accuracy = [((each > 0) == bad).mean() for each in (high, after)]
    assert accuracy[0] < 0.65
    assert accuracy[1] > 0.8
    assert (np.argsort(high) == np.argsort(after)).all()
    assert found.name == "source-only, calibrated"
    assert not found.trained


def test_known_labels_sharpen_it(moved: AdaptationTask, target: Pixels) -> None:
    """Where a shift and a share explain the scores alike, one labelled print decides."""
    good = np.flatnonzero([name.startswith("good") for name in target.table.data["print"]])
    only_good = replace(target, table=target.table.take(good), array=target.array[good])
    task = replace(moved, target=only_good)
    trained = Candidate("trained@1", shifted(task.checkpoint.state, -3.0), trained=True)
    unsure = belief_about(task, trained)
    told = belief_about(replace(task, print_labels=np.array([0, -1, -1, -1, -1, -1])), trained)
    assert unsure.shift is not None
    assert told.shift is not None
    assert told.high[1] < unsure.high[1]
    assert told.print_posteriors is not None
    assert told.print_posteriors[0].tolist() == [1.0, 0.0]


def test_of_a_candidate_its_own_scores_are_read(moved: AdaptationTask) -> None:
    start = Candidate("source-only", moved.checkpoint.state)
    assert belief_about(moved, start) is moved.prior
    # A model that is 4 too high everywhere, on source and target, has no printer's shift to be taken out.
    biased = Candidate("trained@1", shifted(moved.checkpoint.state, -SHIFT), trained=True)
    found = belief_about(moved, biased)
    assert found.shift == pytest.approx(moved.prior.shift, abs=0.3)
    assert found.shares == pytest.approx(moved.prior.shares, abs=0.1)


def test_the_source_is_seen_with_its_own_statistics(moved: AdaptationTask) -> None:
    task = replace(moved, recipe=Recipe(norms="all", calibrate=True))
    candidate = with_statistics(task)
    assert belief_about(task, candidate).shift == pytest.approx(0, abs=0.8)


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
