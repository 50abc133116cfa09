"""The room behind the bed: out of focus, over-exposed in places, different for every printer."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from adaptprint.synth.camera import Lens
from adaptprint.synth.printers import Light

WIDE, TALL = 320, 180


def draw_room(light: Light, lens: Lens, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draws the room, linear RGB, (height, width, 3) float32; values above 1 are over-exposed."""
    horizon = max(4, int(lens.horizon / lens.height * TALL))
    picture = Image.new("RGB", (WIDE, TALL), _bytes(light.room))
    glow = Image.new("L", (WIDE, TALL), 0)
    draw, shine = ImageDraw.Draw(picture), ImageDraw.Draw(glow)
    for _ in range(light.clutter):
        wide, tall = rng.uniform(6, 70), rng.uniform(2, 0.5 * horizon + 6)
        left, foot = rng.uniform(-20, WIDE), horizon + 4 - rng.exponential(0.3 * horizon)
        mood = rng.uniform(0.1, 2.6) ** 1.5
        tone = np.asarray(light.room) * mood + rng.uniform(0, 0.05, 3) * (rng.random() < 0.5)
        draw.rectangle((left, foot - tall, left + wide, foot), fill=_bytes(tone))
    if light.window > 0:
        for _ in range(int(rng.integers(1, 4))):
            left, foot = rng.uniform(-40, WIDE - 20), horizon + rng.uniform(-3, 5)
            wide, tall = rng.uniform(20, 110), rng.uniform(0.2, 0.75) * horizon
            shine.rectangle((left, foot - tall, left + wide, foot), fill=int(rng.uniform(120, 255)))
        for _ in range(light.clutter // 2):
            left, foot = rng.uniform(-20, WIDE), horizon + rng.uniform(-0.3, 0.1) * horizon
            shine.rectangle((left, foot - rng.uniform(1, 14), left + rng.uniform(3, 30), foot), fill=0)
    if light.frame is not None:
        lean = rng.uniform(8, 26)
        draw.polygon([(0, 0), (14, 0), (14 + lean, horizon + 6), (lean - 8, horizon + 6)], fill=_bytes(light.frame))
        shine.polygon([(0, 0), (14, 0), (14 + lean, horizon + 6), (lean - 8, horizon + 6)], fill=0)
    picture, glow = (one.filter(ImageFilter.GaussianBlur(light.blur)) for one in (picture, glow))
    size = (lens.width, lens.height)
    base = np.asarray(picture.resize(size, Image.Resampling.BICUBIC), np.float32) / 255
    bright = np.asarray(glow.resize(size, Image.Resampling.BICUBIC), np.float32)[..., None] / 255
    wash = np.asarray(light.room, np.float32) / max(max(light.room), 1e-3) * 0.25 + 0.75
    return (base**2.2 * (1 - bright) + light.window * 1.3 * bright * wash).astype(np.float32)


def _bytes(colour: object) -> tuple[int, int, int]:
    red, green, blue = np.clip(np.asarray(colour, np.float64), 0, 1) ** (1 / 2.2) * 255
    return int(red), int(green), int(blue)
