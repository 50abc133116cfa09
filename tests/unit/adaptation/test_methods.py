"""A recipe carried out: which candidates it gives under which names, and what each part changes."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from adaptprint.adaptation import methods
from adaptprint.adaptation.calibration import belief_about
from adaptprint.adaptation.methods import adapt_network
from adaptprint.adaptation.prior import PriorEstimate
from adaptprint.adaptation.recipe import Recipe
from adaptprint.adaptation.task import Adaptation, AdaptationTask, Candidate
from adaptprint.errors import BadDataError
from adaptprint.frames.pixels import Pixels
from adaptprint.models.embed import to_images
from adaptprint.reporting.progress import Progress

BuildTask = Callable[..., AdaptationTask]
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
SOURCE = ("source-only", "none")
NOTHING = Recipe()
TRAINING = {"recipe": NOTHING, "steps": 2, "batch_size": 4, "snapshots": 1, "statistics_frames": 8}


def names(adaptation: Adaptation) -> list[tuple[str, str]]:
    return [(candidate.name, candidate.target_norms) for candidate in adaptation.candidates]


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name, value in after.items() if not torch.equal(value, before[name])}


def test_a_recipe_of_no_parts_gives_the_source_model_alone(make_task: BuildTask) -> None:
    task = make_task(recipe=NOTHING)
    (only,) = adapt_network(task).candidates
    assert only.state is task.checkpoint.state


@pytest.mark.parametrize(
    ("norms", "name", "held"), [("early", "bn-early", "early"), ("all", "bn", "all"), ("prior", "bn-prior", "all")]
)
def test_statistics_alone_give_one_candidate(make_task: BuildTask, norms: str, name: str, held: str) -> None:
    found = adapt_network(make_task(recipe=NOTHING, norms=norms))
    assert names(found) == [SOURCE, (name, held)]
    assert found.discriminator_accuracy is None


@pytest.mark.parametrize(("training_norms", "held"), [("split", "early"), ("joint", "none"), ("kept", "early")])
def test_training_gives_its_start_and_its_snapshots(make_task: BuildTask, training_norms: str, held: str) -> None:
    found = adapt_network(make_task(training_norms=training_norms))
    assert names(found) == [SOURCE, ("bn-early", "early"), *((f"trained@{step}", held) for step in (2, 4, 6))]
    assert [candidate.trained for candidate in found.candidates] == [False, False, True, True, True]


@pytest.mark.parametrize(("training_norms", "held"), [("split", "all"), ("joint", "all"), ("kept", "none")])
def test_trained_without_the_source_all_statistics_are_the_target_s(
    make_task: BuildTask, training_norms: str, held: str
) -> None:
    task = make_task(**TRAINING, source_free=True, mcc=1.0, training_norms=training_norms)
    assert names(adapt_network(task)) == [SOURCE, ("trained@2", held)]


def test_training_from_the_source_s_statistics_gives_no_second_start(make_task: BuildTask) -> None:
    assert names(adapt_network(make_task(**TRAINING))) == [SOURCE, ("trained@2", "early")]


def test_head_and_calibration_come_last_and_their_names_say_so(make_read_task: BuildTask) -> None:
    found = adapt_network(make_read_task(recipe=NOTHING, norms="early", head="prototypes", calibrate=True))
    assert names(found) == [SOURCE, ("bn-early, prototypes, calibrated", "early")]
    found = adapt_network(make_read_task(recipe=NOTHING, calibrate=True))
    assert names(found) == [SOURCE, ("source-only, calibrated", "none")]
    found = adapt_network(make_read_task(**TRAINING, calibrate=True))
    assert names(found) == [SOURCE, ("source-only, calibrated", "none"), ("trained@2, calibrated", "early")]


@pytest.mark.parametrize(
    ("norms", "layers"),
    [
        ("all", ["bn1", "layer1.1", "layer2.1", "layer3.1", "layer4.1"]),
        ("early", ["bn1", "layer1.1", "layer2.1"]),
    ],
)
def test_statistics_change_and_nothing_else(make_task: BuildTask, norms: str, layers: list[str]) -> None:
    task = make_task(recipe=NOTHING, norms=norms)
    candidate = adapt_network(task).candidates[-1]
    found = changed(task.checkpoint.state, candidate.state)
    assert {name for name in found if "num_batches" not in name} == {
        f"trunk.{layer}.{statistic}" for layer in layers for statistic in STATISTICS[:2]
    }


def test_the_statistics_are_those_of_print_balanced_target_frames(
    make_task: BuildTask, make_pixels: Callable[..., Pixels]
) -> None:
    target = make_pixels([("T", "long", None, 8), ("T", "short", None, 4)], brightness=150)
    target.array[8:] -= 90
    task = make_task(recipe=NOTHING, norms="early", target=target, statistics_frames=8)
    candidate = adapt_network(task).candidates[-1]
    network = task.checkpoint.network()
    with torch.no_grad():
        maps = network.trunk.conv1((to_images(target.array, task.compute) - network.mean) / network.std)
    means = maps.mean((2, 3))
    balanced = (means[:8].mean(0) + means[8:].mean(0)) / 2
    found = candidate.state["trunk.bn1.running_mean"]
    torch.testing.assert_close(found, balanced, rtol=0.02, atol=0.01)
    assert (found - means.mean(0)).abs().max() > 0.05


def test_halfway_weights_lie_halfway(make_task: BuildTask) -> None:
    settings = {**TRAINING, "lr_trunk": 0.01, "lr_head": 0.01, "frozen": "none"}
    task = make_task(**settings)
    source, whole = adapt_network(task).candidates
    half = adapt_network(make_task(**settings, blend=0.5)).candidates[-1].state
    for name, value in whole.state.items():
        if value.is_floating_point():
            torch.testing.assert_close(half[name], (value + source.state[name]) / 2)
            assert not torch.equal(half[name], value), name
        else:
            assert torch.equal(half[name], value)


def test_only_trained_weights_are_blended(make_task: BuildTask) -> None:
    plain, blended = (adapt_network(make_task(recipe=NOTHING, norms="all", blend=b)).candidates[1] for b in (1.0, 0.1))
    assert not changed(plain.state, blended.state)


@pytest.mark.parametrize("part", [{"steps": 2}, {"head": "prototypes"}, {"steps": 2, "align": "dann"}])
def test_what_needs_source_frames_is_refused_without_them_with_the_way_out(
    make_task: BuildTask, part: dict[str, object]
) -> None:
    with pytest.raises(BadDataError, match="needs source frames") as caught:
        adapt_network(make_task(recipe=NOTHING, source=None, **part))
    assert "--source-data" in caught.value.fix
    assert "bn-early" in caught.value.fix


def test_prints_that_teach_nothing_are_reported_and_the_class_loss_trains_on(make_read_task: BuildTask) -> None:
    silent = make_read_task(**TRAINING, consensus=1.0, print_labels=np.array([0, 0, 0, 0]))
    found = adapt_network(silent)
    assert [words for words in found.warnings if "taught nothing" in words]
    assert found.candidates[-1].name == "trained@2"
    assert "lesson_loss" not in found.trace[0]
    taught = adapt_network(make_read_task(**TRAINING, consensus=1.0, print_labels=np.array([0, 1, 0, 1])))
    assert not taught.warnings
    assert taught.trace[0]["lesson_loss"] > 0


def test_lessons_and_prototypes_follow_what_the_very_candidate_makes_of_the_prints(
    make_read_task: BuildTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def watched(task: AdaptationTask, candidate: Candidate) -> PriorEstimate:
        asked.append(candidate.name)
        return belief_about(task, candidate)

    monkeypatch.setattr(methods, "belief_about", watched)
    settings = {**TRAINING, "norms": "early", "head": "prototypes", "consensus": 1.0}
    adapt_network(make_read_task(**settings, print_labels=np.array([0, 1, 0, 1])))
    assert asked == ["bn-early", "bn-early", "trained@2"]


def test_without_source_frames_and_lessons_nothing_is_trained(make_read_task: BuildTask) -> None:
    task = make_read_task(**TRAINING, source_free=True, consensus=1.0, print_labels=np.array([0, 0, 0, 0]))
    found = adapt_network(task)
    assert names(found) == [SOURCE]
    assert "not trained" in found.warnings[-1]


def test_without_any_source_the_prints_vote_by_their_mean_probability(make_read_task: BuildTask) -> None:
    labels = np.array([0, 1, -1, -1])
    task = make_read_task(**TRAINING, source=None, source_free=True, consensus=1.0, print_labels=labels)
    assert task.prior.print_posteriors is None
    found = adapt_network(task)
    assert not found.warnings
    assert found.trace[0]["lesson_loss"] > 0
    assert names(found)[-1][0] == "trained@2"


def test_prints_teach_nothing_where_labels_differ_inside_them(make_read_task: BuildTask) -> None:
    task = make_read_task(**TRAINING, consensus=1.0, print_labels=np.array([0, 1, 0, 1]))
    task.checkpoint.config.provenance.labels_vary_inside_prints = True
    assert [words for words in adapt_network(task).warnings if "taught nothing" in words]


@pytest.mark.parametrize("norms", ["all", "early", "prior"])
def test_progress_is_told_to_the_end(make_task: BuildTask, norms: str) -> None:
    told: list[Progress] = []
    adapt_network(make_task(recipe=NOTHING, norms=norms, report=told.append))
    assert told[-1].done == told[-1].total == 1
