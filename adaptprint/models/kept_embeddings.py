"""Embeds frames with a checkpoint's own network once on a machine, and keeps what it makes of them."""

import hashlib

import numpy as np
import torch

from adaptprint.frames.kept_files import KeptFiles, default_limit
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.device import Compute
from adaptprint.models.embed import Embedding, Frames, embed
from adaptprint.reporting.progress import Progress, ProgressCallback, silent

_FORWARD = "1"  # to be raised with every change of what the network computes
_PART_OF_LIMIT = 16  # of the pixel cache's: features take a fortieth of a frame's room


def embed_once(
    checkpoint: Checkpoint,
    frames: Frames,
    compute: Compute,
    *,
    progress: ProgressCallback = silent,
    stage: str = "embedding frames",
) -> Embedding:
    """What a checkpoint's own network makes of frames, from the cache folder where it was worked out before.

    Kept by all that decides a bit of it: weights, frames, device, number format, threads, torch. So a second run on the
    same frames writes the same bytes as the first.

    Args:
        checkpoint: The model, as it is stored.
        frames: (n, h, w, 3) uint8 RGB at the network's size.
        compute: Device and number format.
        progress: Told after each batch.
        stage: Name of the stage in progress events.
    """
    kept = KeptFiles("embeddings", "Features of frames", limit_bytes=default_limit() // _PART_OF_LIMIT)
    words = _words(checkpoint, frames, compute)
    width, n_classes = _widths(checkpoint)
    body, size = kept.get(words), 4 * len(frames) * (width + n_classes)
    if body is not None and len(body) == size:
        progress(Progress(stage, len(frames), len(frames)))
        values = np.frombuffer(bytearray(body), dtype=np.float32)
        features, logits = np.split(values, [len(frames) * width])
        return Embedding(features.reshape(-1, width), logits.reshape(-1, n_classes))
    seen = embed(checkpoint.network().on(compute.device), frames, compute, progress=progress, stage=stage)
    kept.put(words, seen.features.tobytes() + seen.logits.tobytes())
    return seen


def _widths(checkpoint: Checkpoint) -> tuple[int, int]:
    n_classes, width = checkpoint.state["classifier.weight"].shape
    return width, n_classes


def _words(checkpoint: Checkpoint, frames: Frames, compute: Compute) -> str:
    config = checkpoint.config
    pixels = hashlib.blake2b(np.ascontiguousarray(frames).data, digest_size=16).hexdigest()
    network = (config.arch, config.bottleneck, config.mean, config.std, checkpoint.digest)
    device = compute.device.type if compute.device.type == "cpu" else torch.cuda.get_device_name(compute.device)
    machine = (device, compute.precision, torch.get_num_threads(), torch.backends.cpu.get_cpu_capability())
    return repr((_FORWARD, torch.__version__, network, frames.shape, pixels, machine))
