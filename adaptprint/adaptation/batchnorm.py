"""BatchNorm statistics: taken from the target, layer by layer, or kept apart by domain while training."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

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


@contextmanager
def not_tracking(norms: Iterable[nn.BatchNorm2d]) -> Iterator[None]:
    """Inside the block the layers in training mode still normalise by the batch, but learn nothing from it."""
    norms = [norm for norm in norms if norm.track_running_stats]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True


def features_by_domain(network: PrintNet, images: Tensor, n_source: int) -> Tensor:
    """Features of a joint batch: the early stages see each domain alone, the late ones both together.

    In training mode the early BatchNorms normalise each domain by its own moments, and their running statistics follow
    the target. Going through the early stages twice costs no more than once; a BatchNorm that splits its input would
    have to join the largest maps of the network again after every layer.

    Args:
        network: The network.
        images: (n, 3, h, w) float32 in [0, 1]: ``n_source`` source images, then target images.
        n_source: How many are the source's.
    """
    with not_tracking(network.early_batch_norms().values()):
        source = network.early(images[:n_source])
    return network.late(torch.cat([source, network.early(images[n_source:])]))
