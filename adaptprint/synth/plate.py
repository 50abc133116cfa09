"""The bare build plate as raster cells: grain, printed dashes, scratches and old scraps."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import uniform_filter

from adaptprint.synth.gaze import SIDE
from adaptprint.synth.printers import Bed

NEUTRAL = 96
"""Brightness byte of a plain bed; a scratch or grain scales it."""

MARK = 208
"""Brightness bytes above this stand for white marks, from none to full at 255."""

LEVEL = np.uint32(128 << 8 | 128 << 16)
"""Packed slopes of a level cell."""


def lay_plate(bed: Bed, per_mm: float, rng: np.random.Generator) -> NDArray[np.uint32]:
    """Draws the plate as packed cells without plastic, (SIDE * SIDE,) uint32."""
    reach = max(1, round(bed.coarse * per_mm))
    tile = uniform_filter(rng.standard_normal((512, 512)), reach, mode="wrap")
    broad = uniform_filter(rng.standard_normal((512, 512)), 9 * reach, mode="wrap")
    grain = tile / tile.std() + 0.15 * broad / broad.std()
    level = np.clip(NEUTRAL * (1 + bed.grain * grain), 8, MARK).astype(np.uint8)
    picture = Image.fromarray(np.tile(level, (SIDE // 512, SIDE // 512)))
    draw = ImageDraw.Draw(picture)
    for _ in range(bed.scraps):
        draw_scrap(draw, per_mm, rng)
    if bed.marks:
        draw_dashes(draw, per_mm, MARK + int(47 * bed.marks), rng)
    return (np.asarray(picture).astype(np.uint32) << np.uint32(24) | LEVEL).ravel()


def draw_scrap(draw: ImageDraw.ImageDraw, per_mm: float, rng: np.random.Generator) -> None:
    """Draws a scratch, a hair or a flake."""
    x, y = rng.uniform(0, SIDE, 2)
    if rng.random() < 0.6:
        turn, long = rng.uniform(0, np.pi), rng.uniform(3, 25) * per_mm
        end = (x + long * np.cos(turn), y + long * np.sin(turn))
        draw.line([(x, y), end], fill=int(rng.choice([40, 150, 190])), width=max(1, int(0.15 * per_mm)))
    else:
        reach = rng.uniform(0.3, 1.2) * per_mm
        corners = [(x + reach * rng.normal(), y + reach * rng.normal()) for _ in range(5)]
        draw.polygon(corners, fill=int(rng.choice([30, 205, 225])))


def draw_dashes(draw: ImageDraw.ImageDraw, per_mm: float, tone: int, rng: np.random.Generator) -> None:
    """Draws the dashed cross lines that some plates carry."""
    wide = max(1, round(0.4 * per_mm))
    for upright in (False, True):
        for place in np.arange(rng.uniform(0, 40), SIDE / per_mm, rng.uniform(32, 45)) * per_mm:
            for dash in np.arange(0, SIDE, 2.8 * per_mm):
                ends = ((place, dash), (place, dash + 1.7 * per_mm))
                draw.line([end if upright else end[::-1] for end in ends], fill=tone, width=wide)
