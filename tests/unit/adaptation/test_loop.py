"""The DANN loop: repeats and resumes to the bit, keeps what was good, says what went wrong."""

import signal
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from adaptprint.adaptation import loop as loop_module
from adaptprint.adaptation.loop import DannLoop
from adaptprint.adaptation.methods import adapt_network
from adaptprint.adaptation.prior import source_class_weights
from adaptprint.adaptation.schedule import grl_weight
from adaptprint.adaptation.task import Adaptation, AdaptationTask
from adaptprint.errors import InterruptedRunError, UsageError
from adaptprint.frames.pixels import Pixels
from adaptprint.models.embed import to_images
from adaptprint.reporting.progress import Progress

BuildTask = Callable[..., AdaptationTask]


def make_loop(task: AdaptationTask) -> DannLoop:
    assert task.source is not None
    return DannLoop(task, task.source, task.checkpoint.state)


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def all_same(first: Adaptation, second: Adaptation) -> bool:
    pairs = zip(first.candidates, second.candidates, strict=True)
    return all(one.name == other.name and same(one.state, other.state) for one, other in pairs)


@pytest.mark.parametrize(("steps", "snapshots", "marks"), [(6, 3, [2, 4, 6]), (5, 1, [5]), (2, 5, [1, 2]), (1, 3, [1])])
def test_snapshots_are_spread_over_the_run_and_the_last_step_is_one(
    make_task: BuildTask, steps: int, snapshots: int, marks: list[int]
) -> None:
    found = make_loop(make_task(steps=steps, snapshots=snapshots)).run()
    assert [snapshot.name for snapshot in found] == [f"dann@{step}" for step in marks]


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(make_task: BuildTask) -> None:
    first, again, other = (adapt_network(make_task(seed=seed)) for seed in (1, 1, 2))
    assert all_same(first, again)
    assert first.trace == again.trace
    assert not same(first.candidates[-1].state, other.candidates[-1].state)


@pytest.mark.parametrize("stop_at", [1, 2, 5])
def test_an_interrupted_and_resumed_run_gives_the_very_bits_of_an_uninterrupted_one(
    make_task: BuildTask, stop_at: int
) -> None:
    expected = adapt_network(make_task())

    def interrupt(event: Progress) -> None:
        if event.stage == "adapting" and event.done == stop_at:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(InterruptedRunError, match=f"step {stop_at} of 6") as caught:
        adapt_network(make_task(report=interrupt))
    assert "--resume" in caught.value.fix
    torch.rand(17)  # whatever happened to the global generator in between
    found = adapt_network(make_task(resume=True))
    assert all_same(found, expected)
    assert found.trace == expected.trace
    assert found.discriminator_accuracy == expected.discriminator_accuracy


def test_a_killed_run_goes_on_from_its_last_snapshot(make_task: BuildTask) -> None:
    def kill(event: Progress) -> None:
        if event.stage == "adapting" and event.done == 3:
            raise SystemExit

    expected = adapt_network(make_task())
    with pytest.raises(SystemExit):
        adapt_network(make_task(report=kill))
    told: list[int] = []
    found = adapt_network(
        make_task(resume=True, report=lambda event: told.append(event.done) if event.stage == "adapting" else None)
    )
    assert told == [3, 4, 5, 6]
    assert all_same(found, expected)


def test_resuming_without_a_state_starts_at_the_beginning(make_task: BuildTask) -> None:
    expected = adapt_network(make_task())
    task = make_task(resume=True)
    task.state_file.unlink()
    assert all_same(adapt_network(task), expected)


def test_a_state_of_other_settings_is_not_resumed(make_task: BuildTask) -> None:
    adapt_network(make_task())
    with pytest.raises(UsageError, match="other data or settings"):
        adapt_network(make_task(resume=True, fingerprint="other"))


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_the_snapshots_before(
    make_task: BuildTask, poison: float
) -> None:
    expected = adapt_network(make_task()).candidates[2]
    loop = make_loop(make_task())
    clean = loop.step_hook

    def poisoned(source: Tensor, target: Tensor, labels: Tensor, weight: float) -> dict[str, float]:
        if loop.progress.step == 3:
            with torch.no_grad():
                loop.network.classifier.bias.fill_(poison)
        return clean(source, target, labels, weight)

    loop.step_hook = poisoned
    (kept,) = loop.run()
    assert kept.name == expected.name == "dann@2"
    assert all(value.isfinite().all() for value in kept.state.values())
    assert [warning for warning in loop.progress.warnings if "step 4" in warning]


def test_a_gradient_that_is_not_finite_never_reaches_a_snapshot(
    make_task: BuildTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = make_loop(make_task(snapshots=6))
    backward = Tensor.backward

    def overflowing(loss: Tensor) -> None:
        backward(loss * float("inf") if loop.progress.step == 5 else loss)

    monkeypatch.setattr(Tensor, "backward", overflowing)
    found = loop.run()
    assert [snapshot.name for snapshot in found] == ["dann@1", "dann@2", "dann@3", "dann@4", "dann@5"]
    assert all(value.isfinite().all() for snapshot in found for value in snapshot.state.values())
    assert [warning for warning in loop.progress.warnings if "step 6" in warning]


def test_the_largest_rates_allowed_never_end_in_a_traceback(make_task: BuildTask) -> None:
    found = adapt_network(make_task(lr_trunk=1.0, lr_head=1.0, lr_discriminator=1.0, grl_max=10.0, warmup=0.0))
    assert found.candidates[0].name == "source-only"
    assert all(value.isfinite().all() for candidate in found.candidates for value in candidate.state.values())


def test_the_trace_has_one_row_for_each_step(make_task: BuildTask) -> None:
    told: list[Progress] = []
    found = adapt_network(make_task(report=told.append))
    assert [row["step"] for row in found.trace] == [1, 2, 3, 4, 5, 6]
    assert [row["grl_weight"] for row in found.trace] == [grl_weight(step, 6, 0.3) for step in range(6)]
    assert all(row["class_loss"] > 0 and row["domain_loss"] > 0 and row["gradient_norm"] > 0 for row in found.trace)
    assert [event.values for event in told if event.stage == "adapting"] == [
        {name: value for name, value in row.items() if name != "step"} for row in found.trace
    ]
    assert found.discriminator_accuracy == found.trace[-1]["discriminator_accuracy"]


def test_without_learning_the_weights_stay_and_only_statistics_move(make_task: BuildTask) -> None:
    task = make_task(lr_trunk=0.0, lr_head=0.0)
    for snapshot in make_loop(task).run():
        moved = {name for name, value in snapshot.state.items() if not torch.equal(value, task.checkpoint.state[name])}
        assert moved
        assert all("running_" in name or "num_batches_tracked" in name for name in moved)


def stem_means(task: AdaptationTask, pixels: np.ndarray) -> Tensor:
    network = task.checkpoint.network()
    with torch.no_grad():
        maps = network.trunk.conv1((to_images(pixels, task.compute) - network.mean) / network.std)
    return maps.mean((0, 2, 3))


@pytest.mark.parametrize("split_early", [True, False])
def test_early_layers_ship_the_target_s_statistics_or_those_of_the_joint_batch(
    make_task: BuildTask, make_pixels: Callable[..., Pixels], split_early: bool
) -> None:
    # A batch holds every target frame once, and every source frame once.
    target = make_pixels([("T", "x", None, 6), ("T", "y", None, 6)], brightness=200)
    task = make_task(target=target, batch_size=12, lr_trunk=0.0, split_early=split_early)
    assert task.source is not None
    found = make_loop(task).run()[-1].state["trunk.bn1.running_mean"]
    on_source, on_target = stem_means(task, task.source.array), stem_means(task, target.array)
    expected = on_target if split_early else (on_source + on_target) / 2
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert (on_source - on_target).abs().max() > 0.1


def test_statistics_are_taken_without_augmentation(make_task: BuildTask) -> None:
    plain = make_loop(make_task(lr_trunk=0.0, lr_head=0.0, augment=0.0)).run()[-1]
    varied = make_loop(make_task(lr_trunk=0.0, lr_head=0.0, augment=2.0)).run()[-1]
    assert same(plain.state, varied.state)


def test_the_prior_reaches_the_domain_loss(make_task: BuildTask, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []

    def spy(*args: object) -> object:
        seen.append(args[3])
        return real(*args)

    real = loop_module.DannStep
    monkeypatch.setattr(loop_module, "DannStep", spy)
    prior = np.array([0.9, 0.1])
    loop = make_loop(make_task(prior=prior))
    assert seen[0].tolist() == pytest.approx(source_class_weights(prior).tolist())
    even = make_loop(make_task())
    assert not same(loop.run()[-1].state, even.run()[-1].state)


def test_gradients_are_clipped(make_task: BuildTask) -> None:
    loop = make_loop(make_task(clip_norm=0.01, steps=1))
    loop.run()
    for module in (loop.network, loop.discriminator):
        norm = torch.stack([weight.grad.norm() for weight in module.parameters() if weight.grad is not None]).norm()
        assert float(norm) == pytest.approx(0.01, rel=1e-3)
    assert loop.gradient_norm > 0.02


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


@pytest.mark.parametrize("frozen", ["none", "stem", "layer2"])
def test_every_weight_that_is_not_frozen_learns_in_one_group(make_task: BuildTask, frozen: str) -> None:
    loop = make_loop(make_task(frozen=frozen))
    inside = [id(weight) for group in loop.optimizer.param_groups for weight in group["params"]]
    stages = {"none": (), "stem": ("conv1.", "bn1."), "layer2": ("conv1.", "bn1.", "layer1.", "layer2.")}[frozen]
    trunk = [weight for name, weight in loop.network.trunk.named_parameters() if not name.startswith(stages or ("?",))]
    heads = [*loop.network.bottleneck.parameters(), *loop.network.classifier.parameters()]
    weights = [*trunk, *heads, *loop.discriminator.parameters()]
    assert sorted(inside) == sorted(map(id, weights))


@pytest.mark.parametrize("frozen", ["none", "stem", "layer2"])
def test_frozen_stages_keep_their_weights_and_the_next_ones_do_not(make_task: BuildTask, frozen: str) -> None:
    task = make_task(frozen=frozen, lr_trunk=1e-2)
    after = make_loop(task).run()[-1].state
    moved = {
        name.split(".")[1]
        for name, value in after.items()
        if name.startswith("trunk.") and name.endswith("weight") and not torch.equal(value, task.checkpoint.state[name])
    }
    expected = {
        "none": {"conv1", "bn1", "layer1", "layer2", "layer3", "layer4"},
        "stem": {"layer1", "layer2", "layer3", "layer4"},
        "layer2": {"layer3", "layer4"},
    }
    assert moved == expected[frozen]


@pytest.mark.parametrize(("accuracy", "words"), [(0.99, "told the domains apart to the end"), (0.9, None)])
def test_a_discriminator_that_never_gave_way_is_reported(
    make_task: BuildTask, monkeypatch: pytest.MonkeyPatch, accuracy: float, words: str | None
) -> None:
    monkeypatch.setattr(DannLoop, "_discriminator_accuracy", lambda *_: accuracy)
    loop = make_loop(make_task())
    loop.progress.discriminator_accuracy = accuracy
    loop.run()
    assert [words in warning for warning in loop.progress.warnings] == ([True] if words else [])


def test_a_discriminator_that_never_learned_is_reported(make_task: BuildTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DannLoop, "_discriminator_accuracy", lambda *_: 0.5)
    loop = make_loop(make_task())
    loop.run()
    assert ["never rose above chance" in warning for warning in loop.progress.warnings] == [True]


def test_the_discriminator_s_accuracy_is_balanced_over_the_domains(make_task: BuildTask) -> None:
    loop = make_loop(make_task())
    loop.discriminator.forward = lambda features: features[:, 0]  # type: ignore[method-assign]
    features = torch.zeros(10, 8)
    features[:, 0] = torch.tensor([-1, -1, -1, -1, -1, -1, 1, 1, 1, -1.0])
    assert loop._discriminator_accuracy(features, 8) == pytest.approx((6 / 8 + 1 / 2) / 2)


def test_domains_far_apart_are_told_apart_unless_the_adversary_hides_them(make_task: BuildTask) -> None:
    changes = {"steps": 60, "lr_discriminator": 0.01, "lr_trunk": 0.01, "augment": 0.0, "split_early": False}

    def domain_loss(**adversary: float) -> float:
        trace = adapt_network(make_task(**changes, **adversary)).trace
        return float(np.mean([row["domain_loss"] for row in trace[-20:]]))

    # Guessing costs log 2 = 0.69.
    assert domain_loss(grl_max=0.0) < 0.6 < domain_loss(grl_max=1.0, grl_gamma=50.0)


def test_the_class_loss_falls_on_the_source(make_task: BuildTask) -> None:
    task = make_task(steps=60, lr_trunk=0.01, lr_head=0.01, augment=0.0)
    assert task.source is not None
    task.source.array[task.source.table.label_codes(["good", "bad"]) == 1, :, :, 0] //= 4
    trace = adapt_network(task).trace
    assert np.mean([row["class_loss"] for row in trace[-5:]]) < 0.5 * trace[0]["class_loss"]
