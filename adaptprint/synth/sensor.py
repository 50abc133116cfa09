"""From light to bytes: exposure, tone, noise and the camera's own sharpening."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from adaptprint.synth.printers import Sensor

Plane = NDArray[np.float32]

STEPS = 4096
BRIGHTEST = 2.0
"""Linear light above this is as white as this."""

SPARE = 24
"""Rows and columns by which the noise is larger than the picture, so that every frame cuts its own piece."""


@dataclass(frozen=True)
class Noise:
    """Noise of a print, from which every frame cuts another piece.

    Attributes:
        grains: (height + SPARE, width + SPARE, 3) float32, grey levels in the dark.
    """

    grains: Plane


def make_noise(sensor: Sensor, height: int, width: int, rng: np.random.Generator) -> Noise:
    """Draws the noise of a print: fine in brightness, blotchy in colour."""
    shape = (height + SPARE, width + SPARE)
    unsharpened = 0.55 / (1 + 0.64 * sensor.sharpen)
    luma = rng.standard_normal(shape, np.float32)[..., None] * np.float32(unsharpened * sensor.noise)
    chroma = rng.standard_normal((*shape, 3), np.float32) * np.float32(3 * unsharpened * sensor.chroma)
    return Noise(luma + uniform_filter(chroma, (3, 3, 1), mode="wrap"))


def tone_table(sensor: Sensor, exposure: float) -> Plane:
    """Grey level of each step of the square root of light, (STEPS,) float32."""
    light = (np.arange(STEPS) / (STEPS - 1)) ** 2 * BRIGHTEST
    grey = np.clip(light * exposure + sensor.haze, 0, 1) ** (1 / 2.2)
    pivot = 0.45
    bent = np.where(
        grey < pivot,
        pivot * (grey / pivot) ** sensor.contrast,
        1 - (1 - pivot) * ((1 - grey) / (1 - pivot)) ** sensor.contrast,
    )
    return (bent * 255).astype(np.float32)


def expose(light: Plane, sensor: Sensor, noise: Noise, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turns linear light into a picture.

    Args:
        light: (height, width, 3) float32; overwritten.
        sensor: The image chain.
        noise: Noise of the print.
        rng: Draws this frame's exposure and piece of noise.

    Returns:
        (height, width, 3) uint8.
    """
    height, width = light.shape[:2]
    table = tone_table(sensor, 1 + sensor.flicker * float(np.clip(rng.standard_normal(), -2.5, 2.5)))
    light *= np.float32((STEPS - 1) ** 2 / BRIGHTEST)
    np.clip(light, 0, np.float32((STEPS - 1) ** 2), out=light)
    np.sqrt(light, out=light)
    grey = table[light.astype(np.uint16)]
    top, left = (int(v) for v in rng.integers(0, SPARE, 2))
    strength = np.float32(1.0) - grey[..., 1:2] * np.float32(0.75 / 255)
    grey += noise.grains[top : top + height, left : left + width] * strength
    sharpen_edges(grey, np.float32(0.16 * sensor.sharpen))
    np.clip(grey, 0, 255, out=grey)
    return grey.astype(np.uint8)


def sharpen_edges(grey: Plane, strength: np.float32) -> None:
    """Adds to each pixel its difference to its four neighbours, in place; what cameras do before they compress."""
    if strength > 0:
        around = grey[:-2, 1:-1] + grey[2:, 1:-1]
        around += grey[1:-1, :-2]
        around += grey[1:-1, 2:]
        around *= strength
        grey[1:-1, 1:-1] *= 1 + 4 * strength
        grey[1:-1, 1:-1] -= around
