# part of: python recipes/benchmarks/peers.py
"""The loops adaptprint is measured against, as their users would write them: pytorch-adapt's and skada's DANN.

Both start from the source model, train the whole network in float32, see the same frames, and train until their
seconds are spent. A clock runs while they read frames and train, and stands still while they are scored.
"""

import statistics
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision import transforms
from torchvision.datasets import ImageFolder

from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.network import PrintNet

with warnings.catch_warnings():
    # torchmetrics 0.9.3, which pytorch-adapt pins, imports the deprecated pkg_resources.
    warnings.simplefilter("ignore")
    from pytorch_adapt.datasets import (
        CombinedSourceAndTargetDataset,
        DataloaderCreator,
        SourceDataset,
        TargetDataset,
    )
    from pytorch_adapt.hooks import DANNHook
    from pytorch_adapt.models import Discriminator
    from pytorch_adapt.utils.common_functions import batch_to_device

LEARNING_RATE = 1e-4
LOOP_BATCH, SKADA_BATCH = 32, 128  # frames per domain: the defaults of pytorch-adapt's loaders and of skorch
IMAGES_BETWEEN_SCORES = 640  # ten steps of the plain loop
_NO_LABEL, _SOURCE, _TARGET = -1, 1, -2  # skada's marks


@dataclass(frozen=True)
class PeerTask:
    """What every peer is given.

    Attributes:
        checkpoint: The source model.
        source: Labelled source frames in one folder per class; in sorted order the folders are the model's classes.
        target: Unlabelled frames of the new printer, in one folder per print.
        score: Scores a network on labelled frames that nobody trains on, in [0, 1].
        budget: Seconds of training, at most.
        device: Where to train.
    """

    checkpoint: Checkpoint
    source: Path
    target: Path
    score: Callable[[PrintNet], float]
    budget: float
    device: torch.device


def write_source_frames(checkpoint: Checkpoint, folder: Path) -> None:
    """Writes the checkpoint's source memory as JPEG files, a folder for each class, in the model's order."""
    memory = checkpoint.memory
    if memory is None:
        raise SystemExit("The source checkpoint has no source memory: make one with `adaptprint train`.")
    for row, code in enumerate(memory.table.label_codes(checkpoint.config.classes)):
        place = folder / f"{code:04d}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(memory.array[row]).save(place / f"{row:05d}.jpg", quality=92, subsampling=0)


@dataclass(frozen=True)
class Course:
    """How a peer's training went.

    Attributes:
        curve: Seconds trained and the score then; the first is the source model's, at 0.
        images_per_second: Images of one step, both domains, over the median time of a step, loading included.
    """

    curve: tuple[tuple[float, float], ...]
    images_per_second: float

    @property
    def seconds(self) -> float:
        """Seconds trained."""
        return self.curve[-1][0]

    @property
    def score(self) -> float:
        """The score at the end."""
        return self.curve[-1][1]

    @property
    def best(self) -> float:
        """The best score on the way, which only labels can find."""
        return max(score for _, score in self.curve)

    def seconds_to(self, score: float) -> float | None:
        """The first second at which the score was reached; ``None`` if it never was."""
        return next((seconds for seconds, reached in self.curve if reached >= score), None)


class TrainingClock:
    """Counts a peer's seconds and steps, and scores its network from time to time.

    Args:
        network: What is trained; left in training mode.
        task: The task; its score is taken now for the first time.
    """

    def __init__(self, network: PrintNet, task: PeerTask) -> None:
        self._network, self._task = network, task
        self._curve = [(0.0, task.score(network))]
        self._seconds, self._step_seconds = 0.0, list[float]()
        self._images, self._due, self._per_step = 0, IMAGES_BETWEEN_SCORES, 0
        self._since = time.perf_counter()

    def step(self, n_images: int) -> bool:
        """Takes note of a finished step and returns whether there is time for another."""
        elapsed = time.perf_counter() - self._since
        self._seconds += elapsed
        self._step_seconds.append(elapsed)
        self._images += n_images
        self._per_step = n_images
        spent = self._seconds >= self._task.budget
        if spent or self._images >= self._due:
            self._curve.append((self._seconds, self._task.score(self._network)))
            self._due = self._images + IMAGES_BETWEEN_SCORES
        self._since = time.perf_counter()
        return not spent

    def course(self) -> Course:
        """What was noted."""
        return Course(tuple(self._curve), self._per_step / statistics.median(self._step_seconds))


def plain_loop(task: PeerTask) -> Course:
    """The loop of pytorch-adapt's README around its DANNHook, both with their defaults.

    Two workers decode, resize and normalise every frame anew in every epoch. An epoch is as long as the target, and
    the source frames are drawn at random, which is what pytorch-adapt's own combined data set does.
    """
    torch.manual_seed(0)
    config = task.checkpoint.config
    network = task.checkpoint.network().to(task.device).train()
    models: dict[str, nn.Module] = {
        "G": nn.Sequential(network.trunk, network.bottleneck),
        "C": network.classifier,
        "D": Discriminator(in_size=network.n_features).to(task.device),
    }
    hook = DANNHook([torch.optim.Adam(model.parameters(), lr=LEARNING_RATE) for model in models.values()])
    steps = [
        transforms.Resize(config.input_size),
        transforms.ToTensor(),
        transforms.Normalize(config.mean, config.std),
    ]
    clock = TrainingClock(network, task)
    transform = transforms.Compose(steps)
    target = ImageFolder(str(task.target), transform)
    frames = CombinedSourceAndTargetDataset(
        SourceDataset(ImageFolder(str(task.source), transform)), TargetDataset(target)
    )
    # Incomplete batches are dropped, so that a batch must not be larger than the target.
    loaders = DataloaderCreator(batch_size=min(LOOP_BATCH, len(target)), num_workers=2)(train=frames)
    while True:
        for batch in loaders["train"]:
            hook({**models, **batch_to_device(batch, task.device)})
            if not clock.step(len(batch["src_imgs"]) + len(batch["target_imgs"])):
                return clock.course()


class _BudgetSpentError(Exception):
    """Ends a fit of skorch."""


def skada_dann(task: PeerTask, as_shipped: bool = False) -> Course:
    """DANN of skada on tensors that are decoded once; optimiser, rate, batch size and weights are its defaults.

    Like skada's own example it holds no frames out. The domain classifier of skada 0.6.0 ends in a softmax over its
    single output, which is 1 whatever the features are, so that no gradient ever reaches the network. Here it ends
    in the sigmoid that its binary cross-entropy expects.

    Args:
        task: The task.
        as_shipped: Leave the softmax where it is.
    """
    from skada.deep import DANN
    from skada.deep.modules import DomainClassifier
    from skorch.callbacks import Callback

    torch.manual_seed(0)
    network = task.checkpoint.network().train()
    domain_classifier = DomainClassifier(num_features=network.n_features)
    if not as_shipped:
        domain_classifier.classifier[-1] = nn.Sigmoid()
    clock = TrainingClock(network.to(task.device), task)

    class StepCounter(Callback):  # type: ignore[misc]
        def on_batch_end(self, net: Any, batch: Any = None, training: bool | None = None, **kwargs: Any) -> None:
            if training and not clock.step(len(batch[1])):
                raise _BudgetSpentError

    images, labels, domains = _decoded(task)
    smaller = int(min((domains == _SOURCE).sum(), (domains == _TARGET).sum()))
    dann = DANN(
        network,
        layer_name="bottleneck",
        domain_classifier=domain_classifier,
        batch_size=min(SKADA_BATCH, smaller),
        max_epochs=10**9,  # the clock ends it
        train_split=None,
        callbacks=[StepCounter()],
        device=str(task.device),
        verbose=0,
    )
    with suppress(_BudgetSpentError), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Implicit dimension choice for softmax")
        dann.fit(images, labels, domains)
    return clock.course()


def _decoded(task: PeerTask) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images (n, 3, h, w) float32 in [0, 1], which the network normalises itself; labels and domains (n,) int64."""
    size = task.checkpoint.config.input_size
    transform = transforms.Compose([transforms.Resize(size), transforms.ToTensor()])
    source, target = ImageFolder(str(task.source), transform), ImageFolder(str(task.target), transform)
    images = np.empty((len(source) + len(target), 3, *size), np.float32)
    for row in range(len(images)):
        images[row] = (source[row] if row < len(source) else target[row - len(source)])[0].numpy()
    labels = np.array([*source.targets, *[_NO_LABEL] * len(target)], np.int64)
    return images, labels, np.repeat([_SOURCE, _TARGET], [len(source), len(target)])
