"""What the lens does to the bed: sharp around the nozzle, soft before it and behind it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from adaptprint.synth.camera import SHARED
from adaptprint.synth.scene import Patch, Scene

Plane = NDArray[np.float32]

LEAST = 0.3
"""Blur of fewer pixels than this is left out."""


def focus(scene: Scene, bands: Sequence[Plane]) -> Plane:
    """Blurs the bands of bed as the lens does, and joins them.

    Args:
        scene: The printer.
        bands: Light from each of the scene's patches, (h, w, 3).

    Returns:
        Linear RGB from the horizon down, (rows, width, 3) float32.
    """
    lens = scene.lens
    picture = np.empty((lens.height - lens.horizon, lens.width, 3), np.float32)
    for patch, shaded in zip(scene.patches, bands, strict=True):
        band = blur_rows(shaded, row_blur(scene, patch))
        if patch.step == 2:
            band = double(band)
        first = patch.first - lens.horizon
        band = band[: len(picture) - first, : lens.width]
        shared = min(SHARED, len(band)) if first > 0 else 0
        weight = ((np.arange(shared, dtype=np.float32) + 0.5) / SHARED)[:, None, None]
        picture[first : first + shared] += weight * (band[:shared] - picture[first : first + shared])
        picture[first + shared : first + len(band)] = band[shared:]
    return picture


def row_blur(scene: Scene, patch: Patch) -> NDArray[np.float64]:
    """Radius of blur of each row of a band, in its own pixels, (h,)."""
    rows = patch.first + patch.step * (np.arange(len(patch.crisp), dtype=np.float64) + 0.5) - 0.5
    softness = max(0.0, scene.printer.sensor.soft - 0.5) * scene.lens.width / 640
    return np.hypot(scene.lens.row_defocus(rows), softness) / patch.step


def blur_rows(light: Plane, radius: NDArray[np.float64]) -> Plane:
    """Blurs each row by its own radius: blends between pictures of rising blur."""
    strongest = float(radius.max(initial=0.0))
    result, softest, previous = light, light, 0.0
    for size in (1, 2, 4, 8):
        if max(previous, LEAST) >= strongest or (previous > 0 and size > 2 * strongest):
            break
        blurred = np.flatnonzero(radius > max(previous, LEAST))
        margin = 3 * size
        first, end = max(0, int(blurred[0]) - margin), min(len(light), int(blurred[-1]) + 1 + margin)
        soft = softest[first:end]
        for _ in range(2):
            soft = uniform_filter1d(
                uniform_filter1d(soft, 2 * size + 1, axis=0, mode="nearest"), 2 * size + 1, axis=1, mode="nearest"
            )
        share = np.clip((radius[first:end] - previous) / (1.2 * size - previous), 0, 1).astype(np.float32)[
            :, None, None
        ]
        result = result.copy() if result is light else result
        result[first:end] += share * (soft - result[first:end])
        softest, previous = _placed(light, soft, first, end), 1.2 * size
    return result


def _placed(light: Plane, soft: Plane, first: int, end: int) -> Plane:
    whole = light.copy()
    whole[first:end] = soft
    return whole


def double(small: Plane) -> Plane:
    """Enlarges a picture twofold, smoothly, (2h, 2w, 3)."""
    tall = np.empty((2 * small.shape[0], *small.shape[1:]), np.float32)
    _interleave(small, tall, 0)
    wide = np.empty((tall.shape[0], 2 * tall.shape[1], 3), np.float32)
    _interleave(tall.swapaxes(0, 1), wide.swapaxes(0, 1), 0)
    return wide


def _interleave(small: Plane, large: Plane, axis: int) -> None:
    quarter = np.float32(0.25) * small
    large[0::2] = large[1::2] = np.float32(0.75) * small
    large[2::2] += quarter[:-1]
    large[0] += quarter[0]
    large[1:-1:2] += quarter[1:]
    large[-1] += quarter[-1]
