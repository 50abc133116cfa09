"""Looking plastic up: for a patch of the picture, which raster cells its rays pass through.

A position on the raster is one 32-bit word: row and column with eleven whole and five fractional bits each. Adding
two words adds the positions and wraps them around, so moving the bed under the camera is one addition per pixel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptprint.synth.camera import Lens

Words = NDArray[np.uint32]

SIDE = 2048
"""Cells along a side of the raster."""

EXPOSURES = 3
"""Instants averaged in a frame, each at its own place inside the pixel."""

SUBPIXELS = ((0.0, -0.33), (0.3, 0.0), (-0.3, 0.33))
"""Where inside a pixel the instants look: (right, down). Down grows as the levels do, so no two rays meet a place."""


@dataclass(frozen=True)
class Gaze:
    """The rays of a patch.

    Attributes:
        places: Where the rays of each instant meet the bed, (EXPOSURES, n).
        climb: Step from one level of a ray to the next higher one, (n,).
        levels: How many levels a ray is followed through.
        rise: Height between levels, mm.
    """

    places: Words
    climb: Words
    levels: int
    rise: float


def word(x: NDArray[np.float64], y: NDArray[np.float64], per_mm: float) -> Words:
    """Packs positions in mm into raster words."""
    col = np.rint(x * (per_mm * 32)).astype(np.int64)
    row = np.rint(y * (per_mm * 32)).astype(np.int64)
    return ((row & 0xFFFF) << 16 | (col & 0xFFFF)).astype(np.uint32)


def aim(
    lens: Lens, rows: NDArray[np.float64], cols: NDArray[np.float64], per_mm: float, top: float, line: float
) -> Gaze:
    """Works out the rays through pixels.

    Args:
        lens: The camera.
        rows: Row of each pixel, (h, w).
        cols: Column of each pixel, (h, w).
        per_mm: Cells per mm.
        top: Greatest height of plastic, mm.
        line: Width of a line, mm; levels lie so close that no ray steps over one.
    """
    camera = lens.camera
    step = float(rows[1, 0] - rows[0, 0]) if len(rows) > 1 else 1.0
    flat = camera.height / float(np.abs(lens.ground(rows[:1], cols[:1, :1])[1] + camera.distance).mean() + 1e-6)
    grazing = max(flat, 0.6 * camera.height / camera.distance)
    levels = int(np.clip(np.ceil(top / (line * grazing)), 2, 9))
    rise = top / levels
    places = np.empty((EXPOSURES, rows.size), np.uint32)
    for k, (right, down) in enumerate(SUBPIXELS):
        x, y, _ = lens.ground(rows + step * down, cols + step * right)
        share = rise * k / EXPOSURES / camera.height
        x, y = x - (x - camera.offset) * share, y - (y + camera.distance) * share
        places[k] = word(x, y, per_mm).ravel()
    x, y, _ = lens.ground(rows, cols)
    share = -rise / camera.height
    climb = word((x - camera.offset) * share, (y + camera.distance) * share, per_mm)
    return Gaze(places, climb.ravel(), levels, rise)


def look_up(cells: Words, gaze: Gaze, instant: int, at: np.uint32, threshold: float) -> Words:
    """Returns what each ray hits first at one instant, (n,).

    Args:
        cells: The raster, flat; its lowest byte is the height of the plastic.
        gaze: The rays.
        instant: Which of the instants.
        at: Where the nozzle is then, as a word.
        threshold: Steps of the height byte per mm.
    """
    place = gaze.places[instant] + at
    hit = cells[_cell(place)]
    for level in range(1, gaze.levels):
        place += gaze.climb
        higher = cells[_cell(place)]
        floor = np.uint32((level + instant / EXPOSURES) * gaze.rise * threshold)
        np.copyto(hit, higher, where=(higher & np.uint32(0xFF)) > floor)
    return hit


def _cell(place: Words) -> Words:
    row = place >> np.uint32(10)
    row &= np.uint32(0x7FF << 11)
    col = place >> np.uint32(5)
    col &= np.uint32(0x7FF)
    row |= col
    return row
