"""Shows frames from other places: nearer or farther, turned, tilted, stretched, as another mount and lens would.

What a model has seen from a few places only, it takes for part of what it looks for. A homography moves the whole
frame, which is what a turned or tilted camera does to a plane and about what it does to a bed.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_ZOOM = math.log(1.5)  # in and out
_TURN = 0.35  # radians
_TILT = 0.25  # change of scale from the middle of the frame to its border
_STRETCH = 0.2  # of the logarithm of one side over the other, half each
_SHIFT = 0.3  # of half a side
_LEAST_DEPTH = 0.3


def change_viewpoint(images: Tensor, generator: torch.Generator, share: float = 1.0) -> Tensor:
    """Shows about ``share`` of the images from another place each, and leaves the others as they are.

    What lies beyond a border is mirrored in it.

    Args:
        images: (n, 3, h, w) float32.
        generator: CPU generator; the same state gives the same result.
        share: In [0, 1].

    Returns:
        (n, 3, h, w) float32.
    """
    if share <= 0:
        return images
    chosen = torch.nonzero(torch.rand(len(images), generator=generator) < share).flatten().to(images.device)
    if len(chosen) == 0:
        return images
    moved = images.clone()
    moved[chosen] = _seen_from(
        images[chosen], _homographies(len(chosen), images.shape[-2] / images.shape[-1], generator)
    )
    return moved


def _homographies(n: int, aspect: float, generator: torch.Generator) -> Tensor:
    """(n, 3, 3) from places in the new frame to places in the old one, both in [-1, 1]."""

    def drawn(most: float) -> Tensor:
        return torch.empty(n).uniform_(-most, most, generator=generator)

    zoom, turn, stretch = torch.exp(drawn(_ZOOM)), drawn(_TURN), torch.exp(drawn(_STRETCH))
    found = torch.zeros(n, 3, 3)
    found[:, 0, 0] = zoom * stretch * torch.cos(turn)
    found[:, 0, 1] = -zoom * torch.sin(turn) * aspect
    found[:, 1, 0] = zoom * torch.sin(turn) / aspect
    found[:, 1, 1] = zoom / stretch * torch.cos(turn)
    found[:, 0, 2], found[:, 1, 2] = drawn(_SHIFT), drawn(_SHIFT)
    found[:, 2, 0], found[:, 2, 1], found[:, 2, 2] = drawn(_TILT), drawn(_TILT), 1
    return found


def _seen_from(images: Tensor, homographies: Tensor) -> Tensor:
    n, _, height, width = images.shape
    # The middles of the pixels, as `grid_sample` counts them.
    ys, xs = torch.meshgrid(*((2 * torch.arange(side) + 1) / side - 1 for side in (height, width)), indexing="ij")
    places = torch.stack([xs, ys, torch.ones_like(xs)], dim=-1).view(1, -1, 3) @ homographies.transpose(1, 2)
    grid = (places[..., :2] / places[..., 2:].clamp(min=_LEAST_DEPTH)).view(n, height, width, 2)
    return F.grid_sample(images, grid.to(images), mode="bilinear", padding_mode="reflection", align_corners=False)
