"""A candidate sees the source with the source's own statistics wherever it holds the target's."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from adaptprint.adaptation.domain_views import candidate_network, view_of_source
from adaptprint.adaptation.print_decision import PrintDecision, decided_at
from adaptprint.adaptation.statistics import with_statistics
from adaptprint.adaptation.task import AdaptationTask, Candidate
from adaptprint.models.embed import embed

BuildTask = Callable[..., AdaptationTask]


def view(task: AdaptationTask, candidate: Candidate) -> np.ndarray:
    assert task.source is not None
    labels = task.source.table.label_codes(["good", "bad"])
    return view_of_source(task.checkpoint, candidate, task.source, labels, task.compute, 0).logits


@pytest.mark.parametrize("norms", ["early", "all", "prior"])
def test_layers_with_the_target_s_statistics_get_the_source_s(make_task: BuildTask, norms: str) -> None:
    task = make_task(norms=norms)
    assert task.source is not None
    candidate = with_statistics(task)
    expected = embed(task.checkpoint.network(), task.source.array, task.compute).logits
    assert view(task, candidate) == pytest.approx(expected, abs=0.25)
    as_it_ships = view(task, replace(candidate, target_norms="none"))
    assert np.abs(as_it_ships - expected).max() > 0.75


def test_layers_without_are_left_as_they_are(make_task: BuildTask) -> None:
    task = make_task()
    assert task.source is not None
    start = Candidate("source-only", task.checkpoint.state)
    assert np.array_equal(view(task, start), embed(task.checkpoint.network(), task.source.array, task.compute).logits)


def test_a_decision_moved_for_the_target_is_taken_back_on_the_source(make_task: BuildTask) -> None:
    task = make_task()
    start = Candidate("trained@1", task.checkpoint.state, trained=True)
    state = decided_at(start.state, 1.5)
    moved = replace(start, state=state, decision=PrintDecision(1.5, 0.03, 0.0, 0.06, 0.0))
    assert view(task, moved) == pytest.approx(view(task, start), abs=1e-5)


def test_late_layers_keep_their_statistics_where_the_early_ones_alone_hold_the_target_s(make_task: BuildTask) -> None:
    task = make_task(norms="early")
    candidate = with_statistics(task)
    name = "trunk.layer4.1.running_mean"
    moved = replace(candidate, state={**candidate.state, name: candidate.state[name] + 3})
    assert np.abs(view(task, moved) - view(task, candidate)).max() > 0.5


def test_looking_leaves_the_candidate_as_it_is(make_task: BuildTask) -> None:
    task = make_task(norms="all")
    candidate = with_statistics(task)
    before = {name: value.clone() for name, value in candidate.state.items()}
    view(task, candidate)
    network = candidate_network(task.checkpoint, candidate, task.compute)
    assert not network.training
    for name, value in network.state_dict().items():
        assert value.equal(before[name])
        assert candidate.state[name].equal(before[name])
