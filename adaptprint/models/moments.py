"""Class-conditional BatchNorm moments: what every BatchNorm layer sees of each source class.

With them, the statistics that the source would show at any class prior can be computed later without the source:
``mean(prior) = sum_k prior_k mean_k`` and likewise for second moments. A few kilobytes.
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from adaptprint.models.device import Compute
from adaptprint.models.embed import Frames, to_images
from adaptprint.models.network import PrintNet


def class_moments(
    network: PrintNet,
    frames: Frames,
    labels: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float64],
    compute: Compute,
    batch_size: int = 64,
) -> dict[str, Tensor]:
    """First and second moments of every BatchNorm layer's input, per class.

    Args:
        network: In the state that ships; it is run in evaluation mode.
        frames: (n, h, w, 3) uint8.
        labels: (n,) class indices in [0, K).
        weights: (n,) non-negative weight of each frame inside its class, e.g. one over its print's frames.
        compute: Device and number format.
        batch_size: Frames per forward pass.

    Returns:
        For each layer ``<name>.mean`` and ``<name>.second``, (K, C) float32. A class without frames has zeros.
    """
    n_classes = network.classifier.out_features
    totals = np.bincount(labels, weights=weights, minlength=n_classes)
    share = weights / np.maximum(totals[labels], 1e-12)
    sums: dict[str, Tensor] = {}
    state: dict[str, Tensor] = {}

    def record(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            maps = inputs[0].float()
            # Not in bfloat16, whatever the network runs in: a variance is a small difference of these.
            with torch.autocast(maps.device.type, enabled=False):
                for suffix, moment in (("mean", maps.mean((2, 3))), ("second", maps.square().mean((2, 3)))):
                    key = f"{name}.{suffix}"
                    sums[key] = sums.get(key, torch.zeros(())) + (state["share"] @ moment).cpu()

        return hook

    handles = [norm.register_forward_pre_hook(record(name)) for name, norm in network.batch_norms()]
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            for start in range(0, len(frames), batch_size):
                rows = slice(start, start + batch_size)
                one_hot = np.eye(n_classes)[labels[rows]] * share[rows, None]
                state["share"] = torch.tensor(one_hot.T, dtype=torch.float32, device=compute.device)
                with compute.autocast():
                    network.features(to_images(frames[rows], compute))
    finally:
        network.train(was_training)
        for handle in handles:
            handle.remove()
    return {name: value.contiguous() for name, value in sums.items()}


def moments_at_prior(moments: Mapping[str, Tensor], prior: npt.NDArray[np.float64]) -> dict[str, tuple[Tensor, Tensor]]:
    """Mean and variance that each BatchNorm layer would show on the source at the class prior (K,)."""
    weights = torch.tensor(prior, dtype=torch.float32)
    layers = sorted({name.rsplit(".", 1)[0] for name in moments})
    result = {}
    for layer in layers:
        mean = weights @ moments[f"{layer}.mean"].float()
        second = weights @ moments[f"{layer}.second"].float()
        result[layer] = (mean, (second - mean.square()).clamp_min(0))
    return result
