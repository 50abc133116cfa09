"""Plain drawings of print beds for the demo: lines of plastic seen from above, through each printer's own camera.

Good prints are continuous lines of full width; under-extruded ones are thinner, wavy and gappy. A printer is its
camera and light: zoom, colour cast, contrast, blur, noise. `adaptprint synth` renders far more lifelike frames, which
take longer to learn than a demo should.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 160, 96
Scene = tuple[Image.Image, np.ndarray]
"""A mask of the plastic, and its colour."""
_FINER = 3  # lines are drawn larger and reduced, which smooths their edges
_SECONDS_BETWEEN_FRAMES = 0.404


@dataclass(frozen=True)
class Camera:
    """One printer's camera and light. Colours are RGB factors."""

    zoom: float
    cast: tuple[float, float, float]
    bed: float
    gamma: float
    contrast: float
    blur: float
    noise: float
    light_from: float


KNOWN = {
    "101": Camera(1.0, (1.0, 1.0, 1.0), 0.25, 1.0, 1.0, 0.6, 4, 0.3),
    "102": Camera(1.2, (1.1, 1.0, 0.9), 0.15, 1.1, 1.1, 0.4, 6, 1.5),
    "103": Camera(1.05, (0.95, 1.0, 1.1), 0.35, 0.9, 0.9, 0.8, 3, 4.0),
    "104": Camera(1.1, (1.0, 1.05, 0.95), 0.2, 1.0, 1.15, 0.5, 8, 2.6),
}
NEW = {"021": Camera(1.1, (0.78, 1.03, 0.82), 0.4, 1.45, 0.62, 1.1, 7, 5.2)}


def draw_data_set(out: Path, cameras: dict[str, Camera], prints: int, frames: int, seed: int) -> None:
    """Writes labelled frames in the competition layout; every other print is under-extruded."""
    rows = ["img_path,printer_id,print_id,has_under_extrusion"]
    for number, (printer, camera) in enumerate(cameras.items()):
        for index in range(prints):
            rng = np.random.default_rng([seed, number, index])
            bad = index % 2
            begin = 1_670_000_000 + 100_000 * number + 1_000 * index
            folder = out / "images" / printer / str(begin)
            folder.mkdir(parents=True, exist_ok=True)
            draw = _print(rng, bool(bad))
            for frame in range(frames):
                name = f"{begin + 1 + frame * _SECONDS_BETWEEN_FRAMES:.6f}.jpg"
                _photograph(draw(rng), camera, rng).save(folder / name, quality=90)
                rows.append(f"{printer}/{begin}/{name},{printer},{begin},{bad}")
    (out / "train.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _print(rng: np.random.Generator, bad: bool) -> Callable[[np.random.Generator], Scene]:
    """What all frames of a print share; returns a function that draws one frame's plastic."""
    colour = rng.uniform(0.55, 1.0, 3)
    direction, pitch = rng.uniform(0, math.pi), rng.uniform(11, 17)
    width = pitch * rng.uniform(0.62, 0.8)
    severity = rng.uniform(0.6, 1.0) if bad else 0.0

    def draw(rng: np.random.Generator) -> Scene:
        # Some frames of a bad print show nothing wrong.
        fault = severity if rng.random() > 0.15 else 0.0
        return _lines(rng, direction, pitch, width, fault), colour

    return draw


def _lines(rng: np.random.Generator, direction: float, pitch: float, width: float, fault: float) -> Image.Image:
    """A mask of parallel lines; ``fault`` from 0 to 1 thins, bends and breaks them."""
    mask = Image.new("L", (WIDTH * _FINER, HEIGHT * _FINER))
    pen = ImageDraw.Draw(mask)
    along = np.array([math.cos(direction), math.sin(direction)])
    across = np.array([-along[1], along[0]])
    centre = np.array([WIDTH, HEIGHT]) / 2 + rng.uniform(-pitch, pitch, 2)
    steps = np.arange(-110, 111, 4.0)
    for row in range(-9, 10):
        bend = fault * rng.normal(0, 1.6, len(steps))
        here = rng.uniform(0.9, 1.05) * width * (1 - 0.45 * fault)
        broken = rng.random(len(steps)) < 0.22 * fault
        for i in range(len(steps) - 1):
            if broken[i]:
                continue
            ends = [centre + along * steps[j] + across * (row * pitch + bend[j]) for j in (i, i + 1)]
            pen.line([tuple(end * _FINER) for end in ends], fill=255, width=max(1, round(here * _FINER)))
    return mask.resize((WIDTH, HEIGHT), Image.Resampling.BOX)


def _photograph(scene: Scene, camera: Camera, rng: np.random.Generator) -> Image.Image:
    """The plastic as this printer's camera shows it."""
    mask, colour = scene
    keep_w, keep_h = WIDTH / camera.zoom, HEIGHT / camera.zoom
    box = ((WIDTH - keep_w) / 2, (HEIGHT - keep_h) / 2, (WIDTH + keep_w) / 2, (HEIGHT + keep_h) / 2)
    plastic = np.asarray(mask.transform((WIDTH, HEIGHT), Image.Transform.EXTENT, box, Image.Resampling.BILINEAR)) / 255
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    light = 0.85 + 0.25 * (x * math.cos(camera.light_from) + y * math.sin(camera.light_from))
    bed = camera.bed * (1 + 0.1 * rng.standard_normal((HEIGHT, WIDTH)))
    image = (bed[..., None] * (1 - plastic[..., None]) + plastic[..., None] * colour) * light[..., None]
    image = np.clip(image, 0, 1) ** camera.gamma * camera.cast
    image = (image - 0.5) * camera.contrast * rng.uniform(0.95, 1.05) + 0.5
    image = image * 255 + camera.noise * rng.standard_normal(image.shape)
    picture = Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))
    return picture.filter(ImageFilter.GaussianBlur(camera.blur))
