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
    """Gamma, then white balance, contrast, saturation and brightness, which together are one matrix per image."""
    n = len(images)
    balance = 1 + 0.25 * strength * (2 * torch.rand(n, 1, 3, generator=generator) - 1)
    gamma = torch.exp(_uniform(n, -0.4, 0.4, generator, images) * strength)
    contrast = torch.exp((0.8 * torch.rand(n, 1, 1, generator=generator) - 0.4) * strength)
    brightness = (0.3 * torch.rand(n, 1, 1, generator=generator) - 0.15) * strength
    saturation = 1 + (torch.rand(n, 1, 1, generator=generator) - 0.6) * strength
    bent = images.clamp(1e-4, 1).pow_(gamma).permute(0, 2, 3, 1)
    middle = (bent.mean((1, 2)).cpu()[:, None] * balance).mean(2, keepdim=True)
    mix = (saturation * torch.eye(3) + (1 - saturation) * torch.tensor(_LUMA)[:, None]) * contrast
    # Rows of pixels times the matrix; balance scales what goes in, so it scales the matrix's rows.
    matrix = (balance.transpose(1, 2) * mix).to(images.device)
    offset = ((1 - contrast) * middle + brightness).to(images.device)
    flat = torch.baddbmm(offset, bent.reshape(n, -1, 3), matrix)
    return flat.view(bent.shape).permute(0, 3, 1, 2)


def _refocus(images: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    """Blends with a blurred copy: positive amounts blur, negative ones sharpen as cameras do."""
    blurred = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return images + _uniform(len(images), -0.7, 1.0, generator, images) * strength * (blurred - images)


def _add_noise(images: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    """Each image cuts its own piece out of one sheet of noise: drawing it all afresh is slow."""
    n, channels, height, width = images.shape
    sigma = 0.03 * strength * torch.rand(n, generator=generator)
    sheet = torch.randn(2 * height, 2 * width, channels, generator=generator).to(images.device)
    tops = torch.randint(0, height + 1, (n,), generator=generator).tolist()
    lefts = torch.randint(0, width + 1, (n,), generator=generator).tolist()
    for image, scale, top, left in zip(images, sigma.tolist(), tops, lefts, strict=True):
        image.permute(1, 2, 0).add_(sheet[top : top + height, left : left + width], alpha=scale)
    return images


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
