"""Runs a network over frames: features and logits, batch by batch, in the mode that ships."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from adaptprint.models.device import Compute
from adaptprint.models.network import PrintNet
from adaptprint.reporting.progress import Progress, ProgressCallback, silent

Floats = npt.NDArray[np.float32]
Frames = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Embedding:
    """What a network makes of n frames.

    Attributes:
        features: (n, d) float32, the classifier's input.
        logits: (n, K) float32.
    """

    features: Floats
    logits: Floats

    @property
    def probabilities(self) -> Floats:
        """(n, K) float32, rows sum to one."""
        shifted = np.exp(self.logits - self.logits.max(axis=1, keepdims=True))
        return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float32)

    def decided_at(self, margin: float) -> "Embedding":
        """As a binary classifier sees the frames that decides where ``log p1 - log p0`` is ``margin`` here."""
        return Embedding(self.features, self.logits + np.array([margin / 2, -margin / 2], dtype=np.float32))


def to_images(frames: Frames, compute: Compute) -> Tensor:
    """Frames (n, h, w, 3) uint8 RGB to images (n, 3, h, w) float32 in [0, 1], channels-last in memory."""
    pixels = torch.from_numpy(np.ascontiguousarray(frames))
    if compute.device.type == "cuda":
        # Only out of pinned memory does a copy run beside the computing.
        pixels = pixels.pin_memory().to(compute.device, non_blocking=True)
    return pixels.permute(0, 3, 1, 2).float().div_(255)


def embed(
    network: PrintNet,
    frames: Frames,
    compute: Compute,
    *,
    batch_size: int = 64,
    progress: ProgressCallback = silent,
    stage: str = "embedding frames",
) -> Embedding:
    """Features and logits of every frame, with the network in evaluation mode.

    Args:
        network: On ``compute.device``.
        frames: (n, h, w, 3) uint8 RGB at the network's size.
        compute: Device and number format.
        batch_size: Frames per forward pass; the same value gives the same bits.
        progress: Told after each batch.
        stage: Name of the stage in progress events.
    """
    was_training = network.training
    network.eval()
    features, logits = [], []
    with torch.inference_mode():
        for start in range(0, len(frames), batch_size):
            with compute.autocast():
                batch = network.features(to_images(frames[start : start + batch_size], compute)).float()
            # In float32 whatever the trunk runs in: a bias that moves the decision must not be rounded.
            scores = network.classifier(batch)
            features.append(batch.cpu().numpy())
            logits.append(scores.cpu().numpy())
            progress(Progress(stage, min(start + batch_size, len(frames)), len(frames)))
    network.train(was_training)
    if not features:
        n_classes = network.classifier.out_features
        return Embedding(np.zeros((0, network.n_features), np.float32), np.zeros((0, n_classes), np.float32))
    return Embedding(np.concatenate(features), np.concatenate(logits))
