"""What hangs on the nozzle: the seated bead of a good line, and the curl of one that does not stick."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Plane = NDArray[np.float32]
Point = tuple[float, float]
Stroke = tuple[Point, Point, float]
"""Start, end and width of a piece of thread, in fine pixels."""

OVERSAMPLE = 4

ROUND = ((1.0, 0.0, 95), (0.75, 0.06, 140), (0.5, 0.12, 180), (0.2, 0.2, 235))
"""A round thread as nested strokes: share of its width, how far up they lie in widths, and their light, 0..255."""


def hang(
    picture: Plane, tip: tuple[float, float], scale: float, colour: Plane, curled: bool, rng: np.random.Generator
) -> None:
    """Draws a thread or a bead at the tip into a picture, in place.

    Args:
        picture: Linear RGB, (height, width, 3).
        tip: Column and row of the nozzle tip.
        scale: Pixels per mm there.
        colour: Lit colour of the plastic, linear RGB, (3,).
        curled: Whether a curl hangs there rather than a seated bead.
        rng: Draws its form.
    """
    reach = int(4.5 * scale) + 2
    top, left = int(tip[1]) - reach, int(tip[0]) - reach
    middle = np.array([tip[0] - left, tip[1] - top]) * OVERSAMPLE
    strokes = curl(rng, middle, scale * OVERSAMPLE) if curled else seat(rng, middle, scale * OVERSAMPLE)
    cover, tone = (_shrink(strokes, reach, light) for light in (False, True))
    rows = slice(max(top, 0), min(top + 2 * reach, picture.shape[0]))
    cols = slice(max(left, 0), min(left + 2 * reach, picture.shape[1]))
    place = slice(rows.start - top, rows.stop - top), slice(cols.start - left, cols.stop - left)
    # Tone is already weighted by cover, since both are averages over the same fine pixels.
    picture[rows, cols] *= 1 - cover[place][..., None]
    picture[rows, cols] += 1.4 * tone[place][..., None] * colour


def curl(rng: np.random.Generator, middle: NDArray[np.float64], unit: float) -> list[Stroke]:
    """A thread that winds away from the tip: its bends tighten and loosen, its end is thin.

    Args:
        rng: Draws its form.
        middle: The tip, fine pixels.
        unit: Fine pixels per mm.
    """
    bend = rng.choice([-1, 1]) * rng.uniform(0.05, 0.22) * (1 + 0.8 * np.sin(rng.uniform(0, 6) + np.linspace(0, 6, 40)))
    turn = rng.uniform(-0.5, 0.5) + np.cumsum(bend)
    steps = np.stack([np.cos(turn), 0.6 * np.sin(turn) + 0.15], axis=1) * rng.choice([-1, 1], p=[0.5, 0.5])
    points = middle + np.cumsum(steps * rng.uniform(0.06, 0.14) * unit, axis=0)
    thick = np.linspace(rng.uniform(0.3, 0.45), 0.18, len(points)) * unit
    return [(tuple(a), tuple(b), float(w)) for a, b, w in zip(points[:-1], points[1:], thick, strict=False)]


def seat(rng: np.random.Generator, middle: NDArray[np.float64], unit: float) -> list[Stroke]:
    """The flat bead that sits between the tip and the bed."""
    wide, tall = rng.uniform(0.15, 0.35) * unit, rng.uniform(0.18, 0.32) * unit
    return [((middle[0] - wide, middle[1]), (middle[0] + wide, middle[1]), tall)]


def _shrink(strokes: list[Stroke], reach: int, light: bool) -> Plane:
    """Draws strokes and reduces them, (2 reach, 2 reach): their cover, or their light as round threads."""
    box = Image.new("L", (2 * reach * OVERSAMPLE, 2 * reach * OVERSAMPLE))
    draw = ImageDraw.Draw(box)
    for share, raise_by, level in ROUND if light else ((1.0, 0.0, 255),):
        for start, end, width in strokes:
            ends = [(x, y - raise_by * width) for x, y in (start, end)]
            half = max(1.0, share * width / 2)
            draw.line(ends, fill=level, width=max(2, round(2 * half)))
            for x, y in ends:
                draw.ellipse((x - half, y - half, x + half, y + half), fill=level)
    small = np.asarray(box.resize((2 * reach, 2 * reach), Image.Resampling.BOX), np.float32)
    return small / np.float32(255)
