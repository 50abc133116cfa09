"""Light on plastic and plate: from what the rays hit to linear colour."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from adaptprint.synth.deposition import HEIGHT_STEPS, SLOPE_RANGE
from adaptprint.synth.gaze import EXPOSURES, look_up
from adaptprint.synth.jobs import Filament
from adaptprint.synth.plate import MARK, NEUTRAL
from adaptprint.synth.scene import Patch

Plane = NDArray[np.float32]

LANES = np.uint32(0x00FF00FF)
BYTE = np.uint32(8)
HALF = np.uint32(16)
LOW = np.uint32(0xFFFF)


def opacity_table(filament: Filament) -> Plane:
    """Opacity of each height byte, (256,) float32, scaled so that the instants of a frame sum to 1."""
    height = np.arange(256) / HEIGHT_STEPS
    return ((1 - np.exp(-height / filament.depth)) / EXPOSURES).astype(np.float32)


def shade(
    patch: Patch, cells: NDArray[np.uint32], filament: Filament, instants: Sequence[np.uint32], opacities: Plane
) -> Plane:
    """Shades a band of the bed.

    Args:
        patch: The band.
        cells: The raster, flat.
        filament: The plastic.
        instants: Where the nozzle is at each instant of the exposure, as raster words.
        opacities: See `opacity_table`.

    Returns:
        Linear RGB, (h, w, 3) float32.
    """
    shape = patch.crisp.shape
    opacity = np.zeros(patch.crisp.size, np.float32)
    low = np.zeros(patch.crisp.size, np.uint32)
    high = np.zeros(patch.crisp.size, np.uint32)
    for instant, at in enumerate(instants):
        hit = look_up(cells, patch.gaze, instant, at, HEIGHT_STEPS)
        opacity += opacities[hit & np.uint32(0xFF)]
        low += hit & LANES
        high += (hit >> BYTE) & LANES
    slope = np.float32(2 * SLOPE_RANGE / (255 * EXPOSURES))
    slope_x = (high & LOW).astype(np.float32) * slope - np.float32(SLOPE_RANGE)
    slope_y = (low >> HALF).astype(np.float32) * slope - np.float32(SLOPE_RANGE)
    plate = (high >> HALF).astype(np.float32).reshape(shape)

    facing = -(slope_x * patch.toward[0].ravel() + slope_y * patch.toward[1].ravel())
    steep = slope_x * slope_x + slope_y * slope_y
    gloss = np.float32(filament.gloss)
    diffuse = np.clip(np.float32(0.60) + np.float32(0.50) * facing, np.float32(0.12), np.float32(1.5)).reshape(
        shape, copy=False
    )
    streak = (np.float32(0.8) * gloss * np.exp(np.float32(-7) * (facing - np.float32(0.85)) ** 2)).reshape(shape)
    level = (np.float32(0.6) * gloss * np.exp(np.float32(-6) * steep)).reshape(shape)
    plastic = diffuse[..., None] * np.asarray(filament.colour, np.float32) + streak[..., None]
    plastic *= patch.light
    plastic += level[..., None] * patch.sheen

    grain = plate * np.float32(1 / (NEUTRAL * EXPOSURES)) - 1
    mark = np.maximum(plate - np.float32(MARK * EXPOSURES), 0) * np.float32(1 / ((255 - MARK) * EXPOSURES))
    grain *= patch.crisp
    grain += 1
    bare = patch.bare * grain[..., None]
    if mark.any():
        bare += mark[..., None] * patch.light
    plastic -= bare
    plastic *= opacity.reshape(shape)[..., None]
    bare += plastic
    bare += patch.veil
    return bare
