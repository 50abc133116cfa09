"""Prior-matched BatchNorm: it follows the camera, and not the class shares."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from adaptprint.adaptation.batchnorm import match_prior_statistics
from adaptprint.adaptation.prior import PriorEstimate
from adaptprint.adaptation.recipe import Recipe
from adaptprint.adaptation.statistics import held_norms, with_statistics
from adaptprint.adaptation.task import AdaptationTask
from adaptprint.errors import BadDataError
from adaptprint.frames.pixels import Pixels
from adaptprint.models.device import Compute
from adaptprint.models.embed import to_images

BuildTask = Callable[..., AdaptationTask]
BuildPixels = Callable[..., Pixels]


def prints(good: int, bad: int) -> list[tuple[str, str, None, int]]:
    return [("T", f"good{i}", None, 3) for i in range(good)] + [("T", f"bad{i}", None, 3) for i in range(bad)]


def prior(bad: float) -> PriorEstimate:
    shares = np.array([1 - bad, bad])
    return PriorEstimate(shares, shares, shares)


def statistics(
    make_task: BuildTask, norms: str, target: Pixels, bad: float = 0.5, frames: int = 64
) -> dict[str, Tensor]:
    task = make_task(recipe=Recipe(norms=norms), target=target, prior=prior(bad), statistics_frames=frames)
    return {name: value for name, value in with_statistics(task).state.items() if "running_" in name}


def distance(task: AdaptationTask, found: dict[str, Tensor]) -> float:
    """How far statistics have moved from the source's: means in standard deviations, and log variances."""
    moved = []
    for name, value in found.items():
        before = task.checkpoint.state[name]
        if name.endswith("running_mean"):
            moved.append((value - before) / task.checkpoint.state[name.replace("mean", "var")].sqrt())
        else:
            moved.append((value / before).log())
    return float(torch.cat(moved).abs().mean())


def test_at_other_class_shares_they_stay_the_source_s_while_plain_ones_move(
    make_task: BuildTask, make_pixels: BuildPixels
) -> None:
    target = make_pixels(prints(14, 1), seed=5)
    matched = distance(make_task(), statistics(make_task, "prior", target, bad=1 / 15))
    plain = distance(make_task(), statistics(make_task, "all", target))
    assert matched < 0.4 * plain
    assert matched < 0.12


def test_with_the_wrong_shares_a_class_is_taken_for_the_camera(make_task: BuildTask, make_pixels: BuildPixels) -> None:
    target = make_pixels(prints(14, 1), seed=5)
    right, wrong = (distance(make_task(), statistics(make_task, "prior", target, bad=bad)) for bad in (1 / 15, 1.0))
    assert wrong > 4 * right


def test_they_follow_a_camera_of_known_gain_whatever_the_shares(make_task: BuildTask) -> None:
    task, gain = make_task(), 0.6
    assert task.source is not None
    labels = task.source.table.label_codes(["good", "bad"])
    # Good prints and one bad one, through a camera of less contrast about the network's zero, so that what the first
    # layer sees is the source's times the gain.
    rows = np.concatenate([np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)[:2]])
    seen = (127.5 + gain * (task.source.array[rows] - 127.5)).round().astype(np.uint8)
    target = Pixels(task.source.table.take(rows).without_labels(), seen, [], [])
    found, before = statistics(make_task, "prior", target, bad=1 / 7), task.checkpoint.state
    plain = statistics(make_task, "all", target)
    name = "trunk.bn1.running_"
    torch.testing.assert_close(found[name + "mean"], gain * before[name + "mean"], rtol=0.05, atol=0.02)
    torch.testing.assert_close(found[name + "var"], gain**2 * before[name + "var"], rtol=0.1, atol=0.0)
    assert ((plain[name + "var"] / before[name + "var"]).log() - 2 * np.log(gain)).abs().max() > 0.2


def test_each_layer_is_corrected_before_its_output_goes_on(make_task: BuildTask, make_pixels: BuildPixels) -> None:
    target = make_pixels(prints(3, 3), brightness=180, seed=5)
    task = make_task(recipe=Recipe(norms="prior"), target=target, statistics_frames=18)
    network, moments = task.checkpoint.network(), task.checkpoint.moments
    assert moments is not None
    state = with_statistics(task).state
    network.load_state_dict(state)
    seen: list[Tensor] = []
    network.trunk.layer1[1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        network.features(to_images(target.array, task.compute))
    source = 0.5 * moments["layer1.1.mean"].sum(0)
    expected = task.checkpoint.state["trunk.layer1.1.running_mean"] + seen[0].mean((0, 2, 3)) - source
    torch.testing.assert_close(state["trunk.layer1.1.running_mean"], expected, rtol=1e-3, atol=1e-4)


def test_no_variance_is_negative_and_no_hook_stays(make_task: BuildTask, make_pixels: BuildPixels) -> None:
    task = make_task()
    network = task.checkpoint.network()
    black = np.zeros((4, 32, 32, 3), np.uint8)
    moments = task.checkpoint.moments
    assert moments is not None
    match_prior_statistics(network, moments, np.array([0.5, 0.5]), black, np.arange(4), task.compute)
    assert all((norm.running_var >= 0).all() for _, norm in network.batch_norms())
    assert not any(norm._forward_pre_hooks for _, norm in network.batch_norms())
    assert not network.training


def test_in_half_precision_they_are_nearly_those_of_full_precision(
    make_task: BuildTask, make_pixels: BuildPixels
) -> None:
    target = make_pixels(prints(3, 3), brightness=180, seed=5)
    task = make_task(recipe=Recipe(norms="prior"), target=target)
    full = with_statistics(task).state
    half = with_statistics(replace(task, compute=Compute(torch.device("cpu"), "bf16"))).state
    for name, value in full.items():
        if "running_" in name:
            assert half[name].dtype == torch.float32
            torch.testing.assert_close(half[name], value, rtol=0.05, atol=0.03)


@pytest.mark.parametrize("moments", [None, {}])
def test_without_the_source_s_moments_they_are_refused_with_the_way_out(
    make_task: BuildTask, moments: dict[str, Tensor] | None
) -> None:
    task = make_task(recipe=Recipe(norms="prior"))
    with pytest.raises(BadDataError, match="moments") as caught:
        with_statistics(replace(task, checkpoint=replace(task.checkpoint, moments=moments)))
    assert "pack" in caught.value.fix
    assert "bn-early" in caught.value.fix


@pytest.mark.parametrize(
    ("settings", "held"),
    [
        ({}, "none"),
        ({"norms": "early"}, "early"),
        ({"norms": "prior"}, "all"),
        ({"norms": "all", "steps": 3, "training_norms": "kept"}, "all"),
        ({"norms": "all", "steps": 3, "training_norms": "joint"}, "none"),
        ({"norms": "all", "steps": 3, "training_norms": "split"}, "early"),
        ({"steps": 3, "training_norms": "joint", "source_free": True}, "all"),
        ({"steps": 3, "training_norms": "kept", "source_free": True}, "none"),
    ],
)
def test_a_recipe_knows_which_layers_end_with_the_target_s_own(settings: dict[str, object], held: str) -> None:
    assert held_norms(Recipe.model_validate(settings)) == held
