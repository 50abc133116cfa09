"""The loop's adversary: who learns how fast, what the prior changes, and what is said when nobody wins."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from adaptprint.adaptation import loop as loop_module
from adaptprint.adaptation.loop import AdaptationLoop
from adaptprint.adaptation.methods import adapt_network
from adaptprint.adaptation.schedule import grl_weight
from adaptprint.adaptation.step_losses import source_class_weights
from adaptprint.adaptation.task import AdaptationTask, Candidate

BuildTask = Callable[..., AdaptationTask]


def make_loop(task: AdaptationTask) -> AdaptationLoop:
    return AdaptationLoop(task, Candidate("source-only", task.checkpoint.state))


def at_shares(task: AdaptationTask, shares: list[float]) -> AdaptationTask:
    return replace(task, prior=replace(task.prior, shares=np.array(shares)))


@pytest.mark.parametrize(("weighted", "expected"), [(True, [0.9, 0.1]), (False, [0.5, 0.5])])
def test_the_prior_reaches_the_domain_loss_where_the_recipe_wants_it(
    make_task: BuildTask, monkeypatch: pytest.MonkeyPatch, weighted: bool, expected: list[float]
) -> None:
    seen: list[Tensor] = []

    def spy(*args: object, **named: object) -> object:
        assert isinstance(args[6], Tensor)
        seen.append(args[6])
        return real(*args, **named)  # type: ignore[arg-type]

    real = loop_module.AdaptationStep
    monkeypatch.setattr(loop_module, "AdaptationStep", spy)
    make_loop(at_shares(make_task(prior_weighted=weighted), [0.9, 0.1]))
    assert seen[0].tolist() == pytest.approx(source_class_weights(np.array(expected)).tolist())


@pytest.mark.parametrize("align", ["dann", "cdan", "coral", "mmd", "jmmd"])
def test_the_prior_changes_what_is_learned_and_switched_off_it_does_not(make_task: BuildTask, align: str) -> None:
    def weights(weighted: bool, shares: list[float]) -> Tensor:
        task = make_task(align=align, prior_weighted=weighted, steps=3, snapshots=1, grl_gamma=50.0)
        return make_loop(at_shares(task, shares)).run()[-1].state["bottleneck.0.weight"]

    assert not torch.equal(weights(True, [0.9, 0.1]), weights(True, [0.5, 0.5]))
    assert torch.equal(weights(False, [0.9, 0.1]), weights(False, [0.5, 0.5]))


def test_the_trace_tells_of_the_adversary(make_task: BuildTask) -> None:
    found = adapt_network(make_task())
    assert [row["grl_weight"] for row in found.trace] == [grl_weight(step, 6, 0.3) for step in range(6)]
    assert all(row["domain_loss"] > 0 for row in found.trace)
    assert found.discriminator_accuracy == found.trace[-1]["discriminator_accuracy"]


@pytest.mark.parametrize("align", ["none", "coral"])
def test_without_a_discriminator_nothing_is_said_of_one(make_task: BuildTask, align: str) -> None:
    loop = make_loop(make_task(align=align))
    loop.progress.discriminator_accuracy = 0.99
    loop.run()
    assert loop.progress.warnings == []
    assert not {"grl_weight", "domain_loss", "discriminator_accuracy"} & set(loop.progress.trace[0])
    assert adapt_network(make_task(align=align)).discriminator_accuracy is None


@pytest.mark.parametrize(("accuracy", "factor"), [(0.5, 1.0), (1.0, 0.05)])
def test_a_discriminator_that_wins_learns_slower_and_nobody_else_does(
    make_task: BuildTask, accuracy: float, factor: float
) -> None:
    loop = make_loop(make_task(steps=1, warmup=0.0))
    loop.progress.discriminator_accuracy = accuracy
    loop.run()
    recipe = loop.task.recipe
    rates = [group["lr"] for group in loop.optimizer.param_groups]
    assert rates == pytest.approx([recipe.lr_trunk, recipe.lr_head, recipe.lr_discriminator * factor])


@pytest.mark.parametrize(("accuracy", "words"), [(0.99, "told the domains apart to the end"), (0.9, None)])
def test_a_discriminator_that_never_gave_way_is_reported(
    make_task: BuildTask, monkeypatch: pytest.MonkeyPatch, accuracy: float, words: str | None
) -> None:
    monkeypatch.setattr(AdaptationLoop, "_discriminator_accuracy", lambda *_: torch.tensor(accuracy))
    loop = make_loop(make_task())
    loop.progress.discriminator_accuracy = accuracy
    loop.run()
    assert [words in warning for warning in loop.progress.warnings] == ([True] if words else [])


def test_a_discriminator_that_never_learned_is_reported(make_task: BuildTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AdaptationLoop, "_discriminator_accuracy", lambda *_: torch.tensor(0.5))
    loop = make_loop(make_task())
    loop.run()
    assert ["never rose above chance" in warning for warning in loop.progress.warnings] == [True]


def test_the_discriminator_s_accuracy_is_balanced_over_the_domains(make_task: BuildTask) -> None:
    loop = make_loop(make_task())
    assert loop.discriminator is not None
    loop.discriminator.forward = lambda features: features[:, 0]  # type: ignore[method-assign]
    features = torch.zeros(10, 8)
    features[:, 0] = torch.tensor([-1, -1, -1, -1, -1, -1, 1, 1, 1, -1.0])
    assert float(loop._discriminator_accuracy(features, 8)) == pytest.approx((6 / 8 + 1 / 2) / 2)


def test_domains_far_apart_are_told_apart_unless_the_adversary_hides_them(make_task: BuildTask) -> None:
    changes = {"steps": 60, "lr_discriminator": 0.01, "lr_trunk": 0.01, "augment": 0.0, "training_norms": "joint"}

    def domain_loss(**adversary: float) -> float:
        trace = adapt_network(make_task(**changes, snapshots=1, **adversary)).trace
        return float(np.mean([row["domain_loss"] for row in trace[-20:]]))

    # Guessing costs log 2 = 0.69.
    assert domain_loss(grl_max=0.0) < 0.6 < domain_loss(grl_max=1.0, grl_gamma=50.0)
