"""What the early BatchNorms of a network see of each print: the camera, the light and the lens, hardly the content."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from adaptprint.frames.table import Ints
from adaptprint.models.device import Compute
from adaptprint.models.embed import Floats, Frames, to_images
from adaptprint.models.network import PrintNet


def print_statistics(network: PrintNet, frames: Frames, prints: Ints, compute: Compute, batch_size: int = 64) -> Floats:
    """Mean and spread of every channel before the BatchNorms from the stem to layer2, in units of what these expect.

    Args:
        network: As it ships, on ``compute.device``; it is run in evaluation mode.
        frames: (n, h, w, 3) uint8.
        prints: (n,) print of each frame, 0 to p-1, each of which occurs.
        compute: Device and number format.
        batch_size: Frames per forward pass.

    Returns:
        (p, c) float32: for every channel of every layer the mean less the running mean, over the running standard
        deviation; then the logarithm of the standard deviation over the running one. A print's frames weigh the same.
    """
    norms = network.early_batch_norms()
    first: dict[str, list[Tensor]] = {name: [] for name in norms}
    second: dict[str, list[Tensor]] = {name: [] for name in norms}

    def record(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            maps = inputs[0].float()
            with torch.autocast(maps.device.type, enabled=False):
                first[name].append(maps.mean((2, 3)).cpu())
                second[name].append(maps.square().mean((2, 3)).cpu())

        return hook

    handles = [norm.register_forward_pre_hook(record(name)) for name, norm in norms.items()]
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode(), compute.autocast():
            for start in range(0, len(frames), batch_size):
                network.early(to_images(frames[start : start + batch_size], compute))
    finally:
        network.train(was_training)
        for handle in handles:
            handle.remove()
    one_hot = np.eye(int(prints.max()) + 1)[prints]
    average = torch.from_numpy((one_hot / one_hot.sum(axis=0)).T)
    columns = [_expected_units(norm, average, first[name], second[name]) for name, norm in norms.items()]
    return np.asarray(torch.cat(columns, dim=1).numpy(), dtype=np.float32)


def _expected_units(norm: nn.BatchNorm2d, average: Tensor, first: list[Tensor], second: list[Tensor]) -> Tensor:
    """(p, 2 C) float64 of one layer of C channels; ``average`` (p, n) takes frames to prints."""
    assert norm.running_mean is not None and norm.running_var is not None  # noqa: S101, PT018 - for the type checker
    mean = average @ torch.cat(first).double()
    variance = average @ torch.cat(second).double() - mean.square()
    usual = norm.running_var.double().cpu() + norm.eps
    moved = (mean - norm.running_mean.double().cpu()) / usual.sqrt()
    return torch.cat([moved, ((variance.clamp_min(0) + norm.eps) / usual).log() / 2], dim=1)
