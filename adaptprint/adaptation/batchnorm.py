"""BatchNorm statistics: taken from the target, layer by layer, or kept apart by domain while training."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from adaptprint.frames.table import Ints
from adaptprint.models.device import Compute
from adaptprint.models.embed import Frames, to_images
from adaptprint.models.moments import moments_at_prior
from adaptprint.models.network import PrintNet

_ONE_PASS = 128
"""Most frames of the single pass in which prior-matched statistics are taken: the stem's maps take 3.6 MiB a frame."""


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
        batch: About as many frames per forward pass; batches are of equal size, since each counts the same.
    """
    n_batches = max(1, round(len(rows) / batch))
    with collecting(norms, network), torch.no_grad():
        for part in range(n_batches):
            chosen = rows[part::n_batches]
            with compute.autocast():
                network.features(to_images(frames[chosen], compute))


def match_prior_statistics(
    network: PrintNet,
    moments: Mapping[str, Tensor],
    prior: npt.NDArray[np.float64],
    frames: Frames,
    rows: Ints,
    compute: Compute,
) -> None:
    """Moves every layer's statistics by what the printer changes, and not by what the class shares change.

    A layer's mean and variance become the source's, plus the target's minus what the source would show at the target's
    class shares. One forward pass: a layer is corrected before its output goes on to the next.

    Args:
        network: Changed in place.
        moments: The source's class-conditional moments, see :mod:`adaptprint.models.moments`.
        prior: (K,) class shares of the target.
        frames: (n, h, w, 3) uint8 target frames.
        rows: Print-balanced, shuffled rows; the first 128 are used.
        compute: Device and number format.
    """
    expected = moments_at_prior(moments, prior)

    def correct(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def hook(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            assert isinstance(norm, nn.BatchNorm2d)  # noqa: S101 - tells the type checker what it was registered on
            assert norm.running_mean is not None and norm.running_var is not None  # noqa: S101, PT018
            maps = inputs[0].float()
            mean, variance = maps.mean((0, 2, 3)), maps.var((0, 2, 3), correction=0)
            source_mean, source_variance = (value.to(maps.device) for value in expected[name])
            norm.running_mean += mean - source_mean
            # A ratio keeps a variance positive where a difference would not.
            norm.running_var *= (variance + norm.eps) / (source_variance + norm.eps)

        return hook

    handles = [norm.register_forward_pre_hook(correct(name)) for name, norm in network.batch_norms()]
    network.eval()
    try:
        with torch.no_grad(), compute.autocast():
            network.features(to_images(frames[rows[:_ONE_PASS]], compute))
    finally:
        for handle in handles:
            handle.remove()


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
