"""Which frames a training step sees: class-balanced source frames beside print-balanced target frames, augmented."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from adaptprint.adaptation.task import AdaptationTask
from adaptprint.frames.augment import augment
from adaptprint.frames.sampling import source_sampler, target_sampler
from adaptprint.frames.table import Ints
from adaptprint.models.embed import to_images
from adaptprint.models.memory import SourceFrames
from adaptprint.models.training import seed_everything


@dataclass(frozen=True)
class JointBatch:
    """Source images, then target images.

    Attributes:
        images: (n + m, 3, h, w) float32 in [0, 1], channels-last.
        labels: (n,) int64 classes of the source images; empty without a source.
        target_rows: (m,) int64 rows of the target's table.
    """

    images: Tensor
    labels: Tensor
    target_rows: Ints

    @property
    def n_source(self) -> int:
        """How many of the images are the source's."""
        return len(self.labels)


class JointBatches:
    """Draws batches; each is a function of seed and step alone.

    Held-out source frames are never drawn: they are what the candidates are judged by.

    Args:
        task: What to adapt.
    """

    def __init__(self, task: AdaptationTask) -> None:
        self._task = task
        self._source: SourceFrames | None = None
        if task.source is not None and not task.recipe.source_free:
            self._source = trained_on(task.source, task.checkpoint.config.classes)
            self._labels = self._source.table.label_codes(task.checkpoint.config.classes)
            self._source_sampler = source_sampler(self._source.table, self._labels, task.seed)
        self._target_sampler = target_sampler(task.target.table, task.seed + 1)

    @property
    def has_source(self) -> bool:
        """Whether batches hold source frames."""
        return self._source is not None

    def draw(self, step: int, size: int, strength: float) -> JointBatch:
        """The batch of a step.

        Args:
            step: Together with the seed it decides everything.
            size: Frames per domain.
            strength: Of the augmentation.
        """
        task = self._task
        generator = seed_everything(task.seed, step)
        rows = self._target_sampler.batch(step, size)
        images = to_images(task.target.array[rows], task.compute)
        labels = torch.zeros(0, dtype=torch.int64)
        if self._source is not None:
            source_rows = self._source_sampler.batch(step, size)
            labels = torch.from_numpy(self._labels[source_rows])
            images = torch.cat([to_images(self._source.array[source_rows], task.compute), images])
        images = images.contiguous(memory_format=torch.channels_last)
        return JointBatch(augment(images, generator, strength), labels.to(task.compute.device), rows)


def trained_on(source: SourceFrames, classes: list[str]) -> SourceFrames:
    """The source frames that are not held out; all of them where a class would be left without any."""
    labels, kept = source.table.label_codes(classes), np.flatnonzero(~source.held_out)
    if len(np.unique(labels[kept])) < len(np.unique(labels)):
        return source
    return SourceFrames(source.table.take(kept), source.array[kept], source.held_out[kept], source.digests)
