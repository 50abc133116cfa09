"""What hangs on the nozzle: the seated bead of a good line, and the curl of one that does not stick."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Plane = NDArray[np.float32]
OVERSAMPLE = 4


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
    box = Image.new("L", (2 * reach * OVERSAMPLE, 2 * reach * OVERSAMPLE))
    draw = ImageDraw.Draw(box)
    middle = np.array([tip[0] - left, tip[1] - top]) * OVERSAMPLE
    unit = scale * OVERSAMPLE
    if curled:
        turn = rng.uniform(-0.5, 0.5) + np.linspace(0, rng.choice([-1, 1]) * rng.uniform(2, 5.5), 24)
        grow = rng.uniform(1.2, 2.6) * unit / 10
        steps = np.stack([np.cos(turn), 0.6 * np.sin(turn)], axis=1) * rng.choice([-1, 1])
        points = middle + np.array([0, 0.05 * unit]) + np.cumsum(steps * grow, axis=0)
        draw.line([tuple(p) for p in points.tolist()], fill=255, width=max(2, int(0.3 * unit)), joint="curve")
    else:
        wide, tall = rng.uniform(0.25, 0.5) * unit, rng.uniform(0.15, 0.3) * unit
        x, y = middle
        draw.ellipse((x - wide, y - tall, x + wide, y + tall), fill=255)
    cover = np.asarray(box.resize((2 * reach, 2 * reach), Image.Resampling.BOX), np.float32) / 255
    rows = slice(max(top, 0), min(top + 2 * reach, picture.shape[0]))
    cols = slice(max(left, 0), min(left + 2 * reach, picture.shape[1]))
    cover = cover[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left, None]
    round_light = 0.65 + 0.7 * cover
    picture[rows, cols] += cover * (colour * round_light - picture[rows, cols])
