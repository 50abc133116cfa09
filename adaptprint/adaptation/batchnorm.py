"""BatchNorm statistics: taken from the target, layer by layer, or kept apart by domain while training."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adaptprint.frames.table import Ints
from adaptprint.models.device import Compute
from adaptprint.models.embed import Frames, to_images
from adaptprint.models.network import PrintNet


@contextmanager
def collecting(norms: Iterable[nn.BatchNorm2d], network: PrintNet) -> Iterator[None]:
    """Inside the block the given layers gather fresh population statistics; all others stay as they are."""
    norms = list(norms)
    was_training = network.training
    momenta = [norm.momentum for norm in norms]
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative average: every batch counts the same
        norm.train()
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        network.train(was_training)


def take_target_statistics(
    network: PrintNet,
    norms: Iterable[nn.BatchNorm2d],
    frames: Frames,
    rows: Ints,
    compute: Compute,
    batch: int = 64,
) -> None:
    """Gives the layers the target's statistics (AdaBN, Li et al. 2016, Revisiting Batch Normalization).

    Args:
        network: Changed in place.
        norms: The layers to re-estimate; the others keep their statistics.
        frames: (n, h, w, 3) uint8 target frames.
        rows: Print-balanced, shuffled rows to use.
        compute: Device and number format.
        batch: Frames per forward pass at most; batches are of equal size, since each counts the same.
    """
    n_batches = max(1, round(len(rows) / batch))
    with collecting(norms, network), torch.no_grad():
        for part in range(n_batches):
            chosen = rows[part::n_batches]
            with compute.autocast():
                network.features(to_images(frames[chosen], compute))


def _split_forward(norm: nn.BatchNorm2d, n_source: int, maps: Tensor) -> Tensor:
    """Normalises the source part and the target part each by itself; the running statistics follow the target."""
    if not norm.training:
        return nn.BatchNorm2d.forward(norm, maps)
    source, target = maps[:n_source], maps[n_source:]
    source = F.batch_norm(source, None, None, norm.weight, norm.bias, training=True, eps=norm.eps)
    return torch.cat([source, nn.BatchNorm2d.forward(norm, target)])


@contextmanager
def split_by_domain(norms: Iterable[nn.BatchNorm2d], n_source: int) -> Iterator[None]:
    """Inside the block, joint batches of ``n_source`` source images and then target images are normalised by domain."""
    norms = list(norms)
    for norm in norms:
        norm.forward = partial(_split_forward, norm, n_source)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for norm in norms:
            del norm.forward
