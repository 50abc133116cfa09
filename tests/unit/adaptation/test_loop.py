"""The loop of a run: repeats and resumes to the bit, keeps what was good, ends where losses are not finite."""

import signal
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from adaptprint.adaptation.joint_batches import JointBatch
from adaptprint.adaptation.loop import AdaptationLoop
from adaptprint.adaptation.methods import adapt_network
from adaptprint.adaptation.task import Adaptation, AdaptationTask, Candidate
from adaptprint.errors import InterruptedRunError, UsageError
from adaptprint.reporting.progress import Progress

BuildTask = Callable[..., AdaptationTask]


def make_loop(task: AdaptationTask) -> AdaptationLoop:
    return AdaptationLoop(task, Candidate("source-only", task.checkpoint.state))


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
    assert [snapshot.name for snapshot in found] == [f"trained@{step}" for step in marks]


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
    draw = loop.batches.draw

    def poisoned(step: int, size: int, strength: float) -> JointBatch:
        if step == 3:
            with torch.no_grad():
                loop.network.classifier.bias.fill_(poison)
        return draw(step, size, strength)

    loop.batches.draw = poisoned  # type: ignore[method-assign]
    (kept,) = loop.run()
    assert kept.name == expected.name == "trained@2"
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
    assert [snapshot.name for snapshot in found] == ["trained@1", "trained@2", "trained@3", "trained@4", "trained@5"]
    assert all(value.isfinite().all() for snapshot in found for value in snapshot.state.values())
    assert [warning for warning in loop.progress.warnings if "step 6" in warning]


def test_the_largest_rates_allowed_never_end_in_a_traceback(make_task: BuildTask) -> None:
    found = adapt_network(make_task(lr_trunk=1.0, lr_head=1.0, lr_discriminator=1.0, grl_max=10.0, warmup=0.0))
    assert found.candidates[0].name == "source-only"
    assert all(value.isfinite().all() for candidate in found.candidates for value in candidate.state.values())
