"""The methods: their candidates, what each changes, and that no label of the target is ever looked at."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from adaptprint.adaptation.methods import METHODS, adapt_network
from adaptprint.adaptation.task import Adaptation, AdaptationTask
from adaptprint.errors import BadDataError
from adaptprint.frames.pixels import Pixels
from adaptprint.models.embed import to_images
from adaptprint.reporting.progress import Progress

BuildTask = Callable[..., AdaptationTask]
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def names(adaptation: Adaptation) -> list[tuple[str, str]]:
    return [(candidate.name, candidate.target_norms) for candidate in adaptation.candidates]


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name, value in after.items() if not torch.equal(value, before[name])}


def test_the_source_model_is_always_the_first_candidate_and_unchanged(make_task: BuildTask) -> None:
    for method in METHODS:
        task = make_task(method=method)
        first = adapt_network(task).candidates[0]
        assert (first.name, first.target_norms) == ("source-only", "none")
        assert not changed(task.checkpoint.state, first.state)


def test_each_method_gives_its_candidates(make_task: BuildTask) -> None:
    source, early = ("source-only", "none"), ("bn-early", "early")
    assert names(adapt_network(make_task(method="source-only"))) == [source]
    assert names(adapt_network(make_task(method="bn"))) == [source, ("bn", "all")]
    assert names(adapt_network(make_task(method="bn-early"))) == [source, early]
    snapshots = [("dann@2", "early"), ("dann@4", "early"), ("dann@6", "early")]
    assert names(adapt_network(make_task(method="dann"))) == [source, early, *snapshots]
    joint = [("dann@2", "none"), ("dann@4", "none"), ("dann@6", "none")]
    assert names(adapt_network(make_task(method="dann", split_early=False))) == [source, early, *joint]


def test_only_snapshots_of_training_are_marked_as_trained(make_task: BuildTask) -> None:
    marks = {candidate.name: candidate.trained for candidate in adapt_network(make_task(method="dann")).candidates}
    assert marks == {"source-only": False, "bn-early": False, "dann@2": True, "dann@4": True, "dann@6": True}


@pytest.mark.parametrize(
    ("method", "layers"),
    [("bn", ["bn1", "layer1.1", "layer2.1", "layer3.1", "layer4.1"]), ("bn-early", ["bn1", "layer1.1", "layer2.1"])],
)
def test_the_batch_norm_recipes_change_statistics_and_nothing_else(
    make_task: BuildTask, method: str, layers: list[str]
) -> None:
    task = make_task(method=method)
    candidate = adapt_network(task).candidates[-1]
    expected = {f"trunk.{layer}.{statistic}" for layer in layers for statistic in STATISTICS}
    assert changed(task.checkpoint.state, candidate.state) == expected


def test_the_statistics_are_those_of_print_balanced_target_frames(
    make_task: BuildTask, make_pixels: Callable[..., Pixels]
) -> None:
    target = make_pixels([("T", "long", None, 8), ("T", "short", None, 4)], brightness=150)
    target.array[8:] -= 90
    task = make_task(method="bn-early", target=target, statistics_frames=8)
    candidate = adapt_network(task).candidates[-1]
    network = task.checkpoint.network()
    with torch.no_grad():
        maps = network.trunk.conv1((to_images(target.array, task.compute) - network.mean) / network.std)
    means = maps.mean((2, 3))
    balanced = (means[:8].mean(0) + means[8:].mean(0)) / 2
    found = candidate.state["trunk.bn1.running_mean"]
    torch.testing.assert_close(found, balanced, rtol=0.02, atol=0.01)
    assert (found - means.mean(0)).abs().max() > 0.05


def test_dann_without_source_frames_is_refused_with_the_way_out(make_task: BuildTask) -> None:
    with pytest.raises(BadDataError, match="needs source frames") as caught:
        adapt_network(make_task(method="dann", source=None))
    assert "--source-data" in caught.value.fix
    assert "bn-early" in caught.value.fix


@pytest.mark.parametrize("method", ["source-only", "bn", "bn-early"])
def test_source_free_methods_need_no_source(make_task: BuildTask, method: str) -> None:
    assert adapt_network(make_task(method=method, source=None)).discriminator_accuracy is None


@pytest.mark.parametrize("method", list(METHODS))
def test_labels_of_the_target_never_matter(make_task: BuildTask, method: str) -> None:
    plain = make_task(method=method)
    labels = np.random.default_rng(0).choice(["good", "bad"], len(plain.target.table))
    told = plain.target.table.data.with_columns(label=np.array(labels, dtype=object).astype(str))
    labelled = Pixels(type(plain.target.table)(told, plain.target.table.root, "prints"), plain.target.array, [], [])
    assert labelled.table.labelled
    for first, second in zip(
        adapt_network(plain).candidates,
        adapt_network(make_task(method=method, target=labelled)).candidates,
        strict=True,
    ):
        assert not changed(first.state, second.state)


@pytest.mark.parametrize("method", ["bn", "bn-early"])
def test_progress_is_told_to_the_end(make_task: BuildTask, method: str) -> None:
    told: list[Progress] = []
    adapt_network(make_task(method=method, report=told.append))
    assert told[-1].done == told[-1].total == 1
