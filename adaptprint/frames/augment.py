"""Augmentation that imitates other cameras: framing, colour, contrast, sharpness, noise, JPEG.

Works on whole batches; each frame gets its own draw. Randomness comes from the given generator alone.
"""

import io

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)


def augment(images: Tensor, generator: torch.Generator, strength: float = 1.0, flip: bool = True) -> Tensor:
    """Varies each image as another camera, light and mount would.

    Args:
        images: (n, 3, h, w) float32 in [0, 1].
        generator: CPU generator; the same state gives the same result.
        strength: 0 leaves the images as they are, 1 is meant for source training.
        flip: Whether left and right may be swapped.

    Returns:
        (n, 3, h, w) float32 in [0, 1], channels-last in memory.
    """
    if strength <= 0:
        return images
    images = _reframe(images, generator, strength, flip)
    images = _recolour(images, generator, strength)
    images = _refocus(images, generator, strength)
    images = _add_noise(images, generator, strength)
    return _compress(images.clamp_(0, 1), generator, strength)


def _uniform(n: int, low: float, high: float, generator: torch.Generator, like: Tensor) -> Tensor:
    return torch.empty(n, 1, 1, 1).uniform_(low, high, generator=generator).to(like.device)


def _reframe(images: Tensor, generator: torch.Generator, strength: float, flip: bool) -> Tensor:
    n, _, height, width = images.shape
    scale = 1 - 0.25 * strength * torch.rand(n, generator=generator)
    angle = 0.10 * strength * (2 * torch.rand(n, generator=generator) - 1)
    # The window stays inside the frame, so no border is invented except at the corners of a rotation.
    shift = (1 - scale)[:, None] * (2 * torch.rand(n, 2, generator=generator) - 1)
    mirror = torch.ones(n)
    if flip:
        mirror = 1 - 2 * (torch.rand(n, generator=generator) < 0.5).float()
    aspect = height / width
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = scale * torch.cos(angle) * mirror
    theta[:, 0, 1] = -scale * torch.sin(angle) * aspect
    theta[:, 1, 0] = scale * torch.sin(angle) / aspect * mirror
    theta[:, 1, 1] = scale * torch.cos(angle)
    theta[:, :, 2] = shift
    grid = F.affine_grid(theta.to(images.device), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _recolour(images: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    n = len(images)
    balance = 1 + 0.25 * strength * (2 * torch.rand(n, 3, 1, 1, generator=generator) - 1)
    gamma = torch.exp(_uniform(n, -0.4, 0.4, generator, images) * strength)
    contrast = torch.exp(_uniform(n, -0.4, 0.4, generator, images) * strength)
    brightness = _uniform(n, -0.15, 0.15, generator, images) * strength
    saturation = 1 + _uniform(n, -0.6, 0.4, generator, images) * strength
    images = (images.clamp(1e-4, 1) ** gamma) * balance.to(images.device)
    mean = images.mean((1, 2, 3), keepdim=True)
    images = (images - mean) * contrast + mean + brightness
    luma = (images * torch.tensor(_LUMA, device=images.device).view(1, 3, 1, 1)).sum(1, keepdim=True)
    return (images - luma) * saturation + luma


def _refocus(images: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    """Blends with a blurred copy: positive amounts blur, negative ones sharpen as cameras do."""
    blurred = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return images + _uniform(len(images), -0.7, 1.0, generator, images) * strength * (blurred - images)


def _add_noise(images: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    sigma = _uniform(len(images), 0.0, 0.03, generator, images) * strength
    noise = torch.randn(images.shape, generator=generator).to(images.device)
    return images + sigma * noise


def _compress(images: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    """Sends a quarter of the frames through a real JPEG codec at a quality between 30 and 90."""
    chosen = torch.nonzero(torch.rand(len(images), generator=generator) < 0.25 * min(strength, 1.0)).flatten()
    if len(chosen) == 0:
        return images
    qualities = torch.randint(30, 91, (len(chosen),), generator=generator)
    pixels = (images[chosen] * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    pairs = zip(pixels, qualities.tolist(), strict=True)
    decoded = np.stack([_through_jpeg(frame, quality) for frame, quality in pairs])
    images[chosen] = torch.from_numpy(decoded).to(images.device).permute(0, 3, 1, 2).float().div_(255)
    return images


def _through_jpeg(frame: npt.NDArray[np.uint8], quality: int) -> npt.NDArray[np.uint8]:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer, formats=["JPEG"]) as image:
        return np.asarray(image)
