"""Which frames a step sees: source and target side by side, held-out frames never, seed and step deciding all."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from adaptprint.adaptation.joint_batches import JointBatch, JointBatches, trained_on
from adaptprint.adaptation.task import AdaptationTask
from adaptprint.models.memory import SourceFrames

BuildTask = Callable[..., AdaptationTask]
CLASSES = ["good", "bad"]


@pytest.fixture
def marked(make_task: BuildTask, source: SourceFrames) -> Callable[..., AdaptationTask]:
    """A task whose source frames show their row number, and whose target frames show 100 and theirs."""

    def build(held_out: np.ndarray | None = None, **changes: object) -> AdaptationTask:
        array = np.broadcast_to(np.arange(24, dtype=np.uint8)[:, None, None, None], source.array.shape).copy()
        task = make_task(**changes)
        target = replace(task.target, array=np.zeros_like(task.target.array) + 100)
        target.array[:] += np.arange(8, dtype=np.uint8)[:, None, None, None]
        held = source.held_out if held_out is None else held_out
        return replace(task, source=replace(source, array=array, held_out=held), target=target)

    return build


def rows(batch: JointBatch) -> tuple[list[int], list[int]]:
    """Rows of the source and of the target that a batch of marked frames shows."""
    shown = (batch.images[:, 0, 0, 0] * 255).round().to(torch.int64).tolist()
    return shown[: batch.n_source], [value - 100 for value in shown[batch.n_source :]]


def test_a_batch_is_source_then_target_with_labels_and_rows_that_fit(marked: BuildTask) -> None:
    task = marked()
    batch = JointBatches(task).draw(3, 8, 0.0)
    source, target = rows(batch)
    assert batch.images.shape == (16, 3, 32, 32)
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert batch.n_source == len(source) == 8
    assert batch.labels.tolist() == task.source.table.label_codes(CLASSES)[source].tolist()
    assert batch.target_rows.tolist() == target


def test_classes_are_balanced_on_the_source_and_prints_on_the_target(marked: BuildTask) -> None:
    task = marked()
    drawn = [JointBatches(task).draw(step, 8, 0.0) for step in range(20)]
    assert all(batch.labels.sum() == 4 for batch in drawn)
    prints = np.concatenate([task.target.table.print_codes[batch.target_rows] for batch in drawn])
    assert np.bincount(prints).tolist() == [40, 40, 40, 40]


def test_held_out_source_frames_are_never_drawn(marked: BuildTask) -> None:
    held = np.zeros(24, dtype=bool)
    held[[0, 1, 2, 3, 16]] = True
    batches = JointBatches(marked(held))
    seen = {row for step in range(30) for row in rows(batches.draw(step, 12, 0.0))[0]}
    assert seen == set(np.flatnonzero(~held).tolist())


def test_all_source_frames_are_used_where_a_class_would_be_left_without_any(source: SourceFrames) -> None:
    bad = source.table.label_codes(CLASSES) == 1
    assert trained_on(replace(source, held_out=bad), CLASSES).array is source.array
    some = bad.copy()
    some[np.flatnonzero(bad)[0]] = False
    assert len(trained_on(replace(source, held_out=some), CLASSES)) == 13


def test_draws_depend_on_seed_and_step_and_on_nothing_else(marked: BuildTask) -> None:
    first, again = JointBatches(marked()), JointBatches(marked())
    expected = first.draw(5, 6, 1.0)
    again.draw(4, 6, 1.0)
    torch.rand(9)
    found = again.draw(5, 6, 1.0)
    assert torch.equal(found.images, expected.images)
    assert found.target_rows.tolist() == expected.target_rows.tolist()
    assert not torch.equal(again.draw(6, 6, 1.0).images, expected.images)
    assert not torch.equal(JointBatches(marked(seed=1)).draw(5, 6, 1.0).images, expected.images)


def test_frames_are_varied_as_strongly_as_asked(marked: BuildTask) -> None:
    batches = JointBatches(marked())
    plain, varied = (batches.draw(0, 6, strength).images for strength in (0.0, 1.0))
    assert plain.std((1, 2, 3)).max() == 0
    assert not torch.allclose(plain, varied, atol=0.01)


@pytest.mark.parametrize("without", [{"source_free": True, "align": "none"}, {"source": None}])
def test_without_the_source_a_batch_is_target_frames_alone(make_task: BuildTask, without: dict[str, object]) -> None:
    batches = JointBatches(make_task(**without))
    batch = batches.draw(0, 6, 0.3)
    assert not batches.has_source
    assert batch.n_source == 0
    assert len(batch.images) == len(batch.target_rows) == 6
