"""Source training: repeats to the bit, resumes to the bit, keeps the best weights, never hides a divergence."""

import math
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from adaptprint.errors import BadDataError, InterruptedRunError, UsageError
from adaptprint.frames.pixels import Pixels
from adaptprint.frames.sampling import split_by_print
from adaptprint.frames.viewpoint import change_viewpoint
from adaptprint.models import training as training_module
from adaptprint.models.device import Compute
from adaptprint.models.embed import embed
from adaptprint.models.metrics import print_labels
from adaptprint.models.network import PrintNet, copy_state
from adaptprint.models.train_settings import TrainSettings
from adaptprint.models.training import (
    SourceTraining,
    Split,
    learning_rate_factor,
    make_optimizer,
    score_predictions,
    seed_everything,
)
from adaptprint.reporting.progress import Progress, silent

SETTINGS = TrainSettings(steps=10, batch_size=8, width=32, bottleneck=8, validate_every=4, augment=0.5)
BuildTraining = Callable[..., SourceTraining]


@pytest.fixture
def make_training(
    make_network: Callable[..., PrintNet], make_pixels: Callable[..., Pixels], compute: Compute
) -> BuildTraining:
    def build(seed: int = 0, validation: float = 0.5, **changes: object) -> SourceTraining:
        pixels = make_pixels()
        labels = pixels.table.label_codes(["good", "bad"])
        train, held = split_by_print(pixels.table, validation, seed=0)
        split = Split(pixels, labels, train, held, ("good", "bad"))
        chosen = SETTINGS.model_copy(update=changes)
        return SourceTraining(make_network(seed=7), split, chosen, compute, seed, from_scratch=True)

    return build


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@settings(deadline=None, derandomize=True, database=None)
@given(st.integers(1, 500), st.floats(0, 0.99))
def test_the_learning_rate_rises_to_its_peak_once_then_falls_and_is_never_zero(steps: int, warmup: float) -> None:
    factors = [learning_rate_factor(step, steps, warmup) for step in range(steps)]
    top = factors.index(max(factors))
    assert all(0 < factor <= 1 for factor in factors)
    assert max(factors) == pytest.approx(1)
    assert factors[: top + 1] == sorted(factors[: top + 1])
    assert factors[top:] == sorted(factors[top:], reverse=True)


def test_the_learning_rate_follows_warm_up_and_cosine() -> None:
    factors = [learning_rate_factor(step, 100, 0.1) for step in (0, 4, 9, 10, 55, 99)]
    expected = [0.1, 0.5, 1.0, 1.0, 0.5, 0.5 * (1 + math.cos(math.pi * 89 / 90))]
    assert factors == pytest.approx(expected)


def test_randomness_is_a_function_of_seed_and_step_alone() -> None:
    def draw(seed: int, step: int) -> list[float]:
        generator = seed_everything(seed, step)
        return [float(torch.rand(())), float(torch.rand((), generator=generator))]

    first = draw(3, 5)
    torch.rand(100)
    assert draw(3, 5) == first
    assert len({tuple(draw(seed, step)) for seed in range(3) for step in range(3)}) == 9


@pytest.mark.parametrize(("name", "kind"), [("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)])
def test_the_optimizer_is_the_one_asked_for_and_each_group_knows_its_peak(name: str, kind: type) -> None:
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": rate} for rate in (0.1, 0.2)]
    optimizer = make_optimizer(groups, SETTINGS.model_copy(update={"optimizer": name, "weight_decay": 0.3}))
    assert type(optimizer) is kind
    assert [group["peak"] for group in optimizer.param_groups] == [0.1, 0.2]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.3, 0.3]


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(
    make_training: BuildTraining, tmp_path: Path
) -> None:
    first, again, other = (
        make_training(seed=seed).run(tmp_path / f"{i}.pt", "f", False, silent) for i, seed in enumerate([1, 1, 2])
    )
    assert same(first, again)
    assert not same(first, other)


@pytest.mark.parametrize("stop_at", [1, 4, 6, 9])
def test_an_interrupted_and_resumed_run_gives_the_very_bits_of_an_uninterrupted_one(
    make_training: BuildTraining, tmp_path: Path, stop_at: int
) -> None:
    whole = make_training()
    expected = whole.run(tmp_path / "whole.pt", "f", False, silent)

    def interrupt(event: Progress) -> None:
        if event.done == stop_at:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(InterruptedRunError, match=f"step {stop_at}") as caught:
        make_training().run(tmp_path / "part.pt", "f", False, interrupt)
    assert "--resume" in caught.value.fix
    torch.rand(17)  # whatever happened to the global generator in between
    steps: list[int] = []
    resumed = make_training()
    found = resumed.run(tmp_path / "part.pt", "f", True, lambda event: steps.append(event.done))
    assert steps == list(range(stop_at + 1, 11))
    assert same(found, expected)
    assert resumed.progress == whole.progress


def test_a_killed_run_goes_on_from_its_last_validation(make_training: BuildTraining, tmp_path: Path) -> None:
    def kill(event: Progress) -> None:
        if event.done == 7:
            raise SystemExit

    expected = make_training().run(tmp_path / "whole.pt", "f", False, silent)
    with pytest.raises(SystemExit):
        make_training().run(tmp_path / "part.pt", "f", False, kill)
    steps: list[int] = []
    found = make_training().run(tmp_path / "part.pt", "f", True, lambda event: steps.append(event.done))
    assert steps == [5, 6, 7, 8, 9, 10]
    assert same(found, expected)


def test_a_state_of_other_settings_is_not_resumed(make_training: BuildTraining, tmp_path: Path) -> None:
    make_training(steps=2).run(tmp_path / "s.pt", "these", False, silent)
    with pytest.raises(UsageError, match="other data or settings"):
        make_training().run(tmp_path / "s.pt", "those", True, silent)


def test_a_loss_that_is_not_finite_ends_the_run_with_its_cure(make_training: BuildTraining, tmp_path: Path) -> None:
    training = make_training()
    with torch.no_grad():
        training.network.classifier.weight.fill_(float("inf"))
    with pytest.raises(BadDataError, match="diverged at step 1") as caught:
        training.run(tmp_path / "s.pt", "f", False, silent)
    assert "lr_trunk" in caught.value.fix
    assert not (tmp_path / "s.pt").exists()


@pytest.mark.parametrize(
    ("scores", "kept", "stopped"),
    [
        # Within .06 of the best is as good, and the later one counts; two in a row below that end the training.
        ((0.5, 0.8, 0.75, 0.7, 0.73, 0.9), 3, 5),
        ((0.9, 0.5, 0.5, 0.9), 1, 3),
        ((0.5, 0.6, 0.5, 0.6, 0.55, 0.58), 6, 6),
    ],
)
def test_the_latest_weights_that_validate_like_the_best_come_back_and_worse_ones_end_training(
    scores: tuple[float, ...],
    kept: int,
    stopped: int,
    make_training: BuildTraining,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = iter(scores)
    seen: list[dict[str, Tensor]] = []

    def score(_: SourceTraining, network: PrintNet) -> float:
        seen.append(copy_state(network))
        return next(given)

    monkeypatch.setattr(SourceTraining, "_score", score)
    monkeypatch.setattr(SourceTraining, "_chance", lambda *_: 0.06)
    training = make_training(steps=12, validate_every=2, patience=2)
    best = training.run(tmp_path / "s.pt", "f", False, silent)
    assert (training.progress.step, training.progress.best_step) == (2 * stopped, 2 * kept)
    assert training.progress.best_score == max(scores[:stopped])
    assert [same(best, each) for each in seen] == [number == kept for number in range(1, stopped + 1)]
    assert [row["validation"] for row in training.progress.history] == list(scores[:stopped])


def test_chance_is_the_standard_error_of_the_held_out_prints(make_training: BuildTraining) -> None:
    training = make_training()
    rows = training.split.validation
    n_good, n_bad = np.bincount(print_labels(training.split.pixels.table.take(rows), ("good", "bad")), minlength=2)
    right = (0.8 * (n_good + n_bad) + 1) / (n_good + n_bad + 2)
    expected = math.sqrt(right * (1 - right) * (1 / n_good + 1 / n_bad)) / 2
    assert training._chance(0.8) == pytest.approx(expected)
    assert training._chance(1.0) > 0.01


def test_frames_are_shown_from_other_viewpoints_as_often_as_was_set(
    make_training: BuildTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares: list[float] = []

    def noted(images: Tensor, generator: torch.Generator, share: float) -> Tensor:
        shares.append(share)
        return change_viewpoint(images, generator, share)

    monkeypatch.setattr(training_module, "change_viewpoint", noted)
    found = [
        make_training(steps=2, viewpoint=share).run(tmp_path / f"{share}.pt", "f", False, silent)
        for share in (0.0, 1.0)
    ]
    assert shares == [0.0, 0.0, 1.0, 1.0]
    assert not same(*found)


def test_the_last_step_is_validated_even_off_the_beat(make_training: BuildTraining, tmp_path: Path) -> None:
    training = make_training(steps=5, validate_every=100)
    assert training.run(tmp_path / "s.pt", "f", False, silent)
    assert [row["step"] for row in training.progress.history] == [5]


def test_the_weights_that_come_back_are_averages_over_the_last_steps(
    make_training: BuildTraining, tmp_path: Path
) -> None:
    plain = make_training(ema_decay=0.0, validate_every=10, weight_decay=0.0)
    assert same(plain.run(tmp_path / "p.pt", "f", False, silent), copy_state(plain.network))
    averaged = make_training(ema_decay=0.9, validate_every=10, weight_decay=0.0)
    best = averaged.run(tmp_path / "a.pt", "f", False, silent)
    assert same(copy_state(averaged.network), copy_state(plain.network))
    for name in ("classifier.weight", "trunk.bn1.running_mean"):
        assert not torch.equal(best[name], averaged.network.state_dict()[name])


def test_training_learns_what_can_be_seen_and_is_scored_on_prints_it_never_saw(
    make_training: BuildTraining, tmp_path: Path
) -> None:
    training = make_training(steps=60, validate_every=20, ema_decay=0.8, augment=0.0, lr_trunk=0.01, lr_head=0.01)
    events: list[Progress] = []
    training.run(tmp_path / "s.pt", "f", False, events.append)
    assert training.progress.best_score > 0.97
    assert events[-1].values["loss"] < events[0].values["loss"]
    assert events[-1].done == events[-1].total == 60


def test_rates_follow_the_schedule_and_gradients_are_clipped(make_training: BuildTraining, tmp_path: Path) -> None:
    training = make_training(steps=8, clip_norm=0.001, lr_trunk=0.4, lr_head=0.2, warmup=0.5)
    seen: list[list[float]] = []

    def look(event: Progress) -> None:
        norms = [weight.grad.norm() for weight in training.network.parameters() if weight.grad is not None]
        assert float(torch.stack(norms).norm()) == pytest.approx(0.001, rel=1e-2)
        seen.append([group["lr"] for group in training.optimizer.param_groups])

    training.run(tmp_path / "s.pt", "f", False, look)
    factors = [learning_rate_factor(step, 8, 0.5) for step in range(8)]
    assert seen == [pytest.approx([0.4 * factor, 0.2 * factor]) for factor in factors]


def test_smoothed_labels_keep_the_model_from_being_too_sure(make_training: BuildTraining, tmp_path: Path) -> None:
    def surest(smoothing: float) -> float:
        changes = {"label_smoothing": smoothing, "augment": 0.0, "lr_trunk": 0.01, "lr_head": 0.01}
        training = make_training(steps=40, ema_decay=0.5, validate_every=40, **changes)
        training.run(tmp_path / f"{smoothing}.pt", "f", False, silent)
        seen = embed(training.network, training.split.pixels.array, training.compute)
        return float(seen.probabilities.max())

    # With a share s of each label spread over two classes, the best confidence is 1 - s / 2.
    assert surest(0.6) < 0.8 < surest(0.0)


def test_only_training_rows_are_trained_on(make_training: BuildTraining, tmp_path: Path) -> None:
    plain, spoiled = make_training(), make_training()
    spoiled.split.pixels.array[spoiled.split.validation] = 0
    spoiled.split.labels[spoiled.split.validation] = 0
    plain.run(tmp_path / "a.pt", "f", False, silent)
    spoiled.run(tmp_path / "b.pt", "f", False, silent)
    assert same(copy_state(plain.network), copy_state(spoiled.network))


def test_the_trunk_s_rate_is_small_on_given_weights_and_large_from_scratch(
    make_training: BuildTraining, make_network: Callable[..., PrintNet], compute: Compute
) -> None:
    split = make_training().split
    rates = {
        scratch: SourceTraining(make_network(), split, SETTINGS, compute, 0, scratch).optimizer.param_groups[0]["peak"]
        for scratch in (True, False)
    }
    assert rates[False] < rates[True]
    chosen = make_training(lr_trunk=0.5, lr_head=0.25).optimizer.param_groups
    assert [group["peak"] for group in chosen] == [0.5, 0.25]


def test_every_weight_is_trained_once(make_training: BuildTraining) -> None:
    training = make_training()
    inside = [id(weight) for group in training.optimizer.param_groups for weight in group["params"]]
    assert sorted(inside) == sorted(id(weight) for weight in training.network.parameters())


def test_predictions_are_scored_by_print_and_the_surer_of_two_equals_wins(make_pixels: Callable[..., Pixels]) -> None:
    table = make_pixels([("P", "long", "good", 6), ("P", "b", "bad", 1)]).table
    labels = table.label_codes(["good", "bad"])
    bad = np.array([0.1] * 4 + [0.9] * 2 + [0.8])
    right = np.stack([1 - bad, bad], axis=1)
    assert score_predictions(table, right, labels, ("good", "bad")) == pytest.approx(1.0, abs=0.01)
    surer = np.stack([1 - bad**2, bad**2], axis=1)
    surer[-1] = (0.0, 1.0)
    assert score_predictions(table, surer, labels, ("good", "bad")) > score_predictions(
        table, right, labels, ("good", "bad")
    )


def test_predictions_are_scored_by_frame_where_labels_differ_inside_prints(make_pixels: Callable[..., Pixels]) -> None:
    table = make_pixels([("P", "a", "good", 3), ("P", "a", "bad", 1)]).table
    labels = table.label_codes(["good", "bad"])
    bad = np.array([0.1, 0.1, 0.9, 0.9])
    found = score_predictions(table, np.stack([1 - bad, bad], axis=1), labels, ("good", "bad"))
    assert found == pytest.approx((2 / 3 + 1) / 2, abs=0.02)
