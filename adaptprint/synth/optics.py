"""What the lens does to the bed: sharp around the nozzle, soft before it and behind it."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from adaptprint.synth.scene import Patch, Scene

Plane = NDArray[np.float32]

BEHIND = 0.45
"""How strongly what lies behind the nozzle is blurred, relative to a thin lens: endoscopes focus far."""


def focus(scene: Scene, light: Callable[[Patch], Plane]) -> Plane:
    """Renders all bands of bed and joins them as the lens shows them.

    Args:
        scene: The printer.
        light: Shades one band.

    Returns:
        Linear RGB from the horizon down, (rows, width, 3) float32.
    """
    lens = scene.lens
    picture = np.empty((lens.height - lens.horizon, lens.width, 3), np.float32)
    for patch in scene.patches:
        shaded = blur_rows(light(patch), row_blur(scene, patch))
        at = patch.first - lens.horizon
        if patch.step == 1:
            picture[at : at + len(shaded)] = shaded
        else:
            _join(picture, double(shaded), at, scene.patches)
    return picture


def _join(picture: Plane, soft: Plane, at: int, patches: Sequence[Patch]) -> None:
    """Lays the soft foreground down, faded in over the rows that the sharp band also covers."""
    rows, cols = min(len(soft), len(picture) - at), min(soft.shape[1], picture.shape[1])
    shared = max(0, patches[0].end - patches[-1].first) if len(patches) > 1 else 0
    weight = np.clip((np.arange(rows, dtype=np.float32) + 0.5) / max(shared, 1), 0, 1)[:, None, None]
    picture[at : at + shared, :cols] += weight[:shared] * (soft[:shared, :cols] - picture[at : at + shared, :cols])
    picture[at + shared : at + rows, :cols] = soft[shared:rows, :cols]
    picture[at + rows :] = picture[at + rows - 1]
    picture[at:, cols:] = picture[at:, cols - 1 : cols]


def row_blur(scene: Scene, patch: Patch) -> NDArray[np.float64]:
    """Radius of blur of each row of a band, in its own pixels, (h,)."""
    rows = np.arange(patch.first, patch.end, patch.step, dtype=np.float64) + (patch.step - 1) / 2
    depth = scene.lens.ground(rows, np.full(len(rows), scene.lens.width / 2))[2]
    radius = scene.lens.defocus(depth) / patch.step
    far = scene.lens.camera.blur * scene.lens.width / 1000 * BEHIND / patch.step
    radius = np.where(depth > scene.lens.camera.distance, np.minimum(radius * 3 * BEHIND, far), radius)
    lens = max(0.0, scene.printer.sensor.soft - 0.5) * scene.lens.width / 640 / patch.step
    return np.hypot(radius, lens)


def blur_rows(light: Plane, radius: NDArray[np.float64]) -> Plane:
    """Blurs each row by its own radius: blends between pictures of rising blur."""
    strongest = float(radius.max(initial=0.0))
    result, softest, previous = light, light, 0.0
    for size in (1, 2, 4, 8):
        if previous >= strongest or (previous > 0 and size > 2 * strongest):
            break
        blurred = np.flatnonzero(radius > previous)
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
