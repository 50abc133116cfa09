"""The head drawn above the bed: shroud, nozzle, probe and fan prongs, once per printer."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from adaptprint.synth.nozzles import NOZZLES, Part
from adaptprint.synth.printers import RGB, Head

Plane = NDArray[np.float32]
OVERSAMPLE = 2


@dataclass
class Canvas:
    """Linear RGB and coverage, painted from back to front; colour is multiplied by coverage.

    Attributes:
        pixels: (rows, cols, 4) float32.
    """

    pixels: Plane

    def paint(self, colour: Plane, cover: Plane) -> None:
        """Lays a colour (rows, cols, 3) over the picture where `cover` (rows, cols) says."""
        self.pixels *= 1 - cover[..., None]
        self.pixels[..., :3] += colour * cover[..., None]
        self.pixels[..., 3] += cover


def draw_head(head: Head, tip: tuple[float, float], height: int, width: int, rng: np.random.Generator) -> Plane:
    """Draws the head of a printer.

    Args:
        head: What to draw.
        tip: Column and row of the nozzle tip, pixels.
        height: Picture height, pixels.
        width: Picture width, pixels.
        rng: Draws dirt and edges.

    Returns:
        Linear RGB and coverage, (rows, width, 4) float32, colour multiplied by coverage; rows end below the tip.
    """
    rows = min(height, int(tip[1] + 0.05 * height) + 1)
    canvas = Canvas(np.zeros((rows * OVERSAMPLE, width * OVERSAMPLE, 4), np.float32))
    column, row = tip[0] * OVERSAMPLE, tip[1] * OVERSAMPLE
    scale = head.width * width * OVERSAMPLE
    parts = NOZZLES[head.nozzle]
    if head.shroud and head.shroud_behind:
        draw_shroud(canvas, head, height * OVERSAMPLE, rng)
    for part in parts:
        draw_part(canvas, part, column, row, scale, rng)
    if head.shroud and not head.shroud_behind:
        draw_shroud(canvas, head, height * OVERSAMPLE, rng)
    if head.probe is not None:
        tall = height * OVERSAMPLE
        for part in probe_parts(head.probe_tip, row / (0.09 * width * OVERSAMPLE)):
            draw_part(canvas, part, head.probe * width * OVERSAMPLE, row - 0.035 * tall, 0.09 * width * OVERSAMPLE, rng)
    if head.prongs:
        draw_prongs(canvas, height * OVERSAMPLE)
    shape = canvas.pixels.shape
    small: Plane = canvas.pixels.reshape(shape[0] // 2, 2, shape[1] // 2, 2, 4).mean(axis=(1, 3))
    return small


def probe_parts(tip: RGB, reach: float) -> tuple[Part, ...]:
    """A ribbed metal cylinder with a plain tip, in widths of the probe."""
    return (
        Part(((0.95, 0.48), (reach + 1, 0.48)), (0.33, 0.33, 0.31), 0.9, ribs=0.14, grime=0.15),
        Part(((0.0, 0.40), (0.03, 0.45), (0.98, 0.46)), tip, 0.35, grime=0.2),
    )


def draw_part(canvas: Canvas, part: Part, column: float, row: float, scale: float, rng: np.random.Generator) -> None:
    """Paints one turned or faceted part whose lowest point stands at (column, row), in pixels."""
    rows, cols = canvas.pixels.shape[:2]
    up = (row - np.arange(rows, dtype=np.float32)) / scale
    levels, halves = np.array(part.outline, np.float32).T
    half = np.where((up >= levels[0]) & (up <= levels[-1]), np.interp(up, levels, halves), 0).astype(np.float32)
    left, right = half, half
    if part.jag:
        left = half + part.jag * waves(rng, rows, max(6, int(scale * 0.06)))
        right = half + part.jag * waves(rng, rows, max(6, int(scale * 0.06)))
    x = (np.arange(cols, dtype=np.float32) - column) / scale
    edge = 0.5 + np.minimum(x[None] + left[:, None], right[:, None] - x[None]) * scale
    cover = np.clip(edge, 0, 1) * (half > 0)[:, None]
    if not cover.any():
        return
    u: Plane = np.clip(x[None] / np.maximum(half, np.float32(1e-3))[:, None], -1, 1).astype(np.float32)
    shade = facet(u, part.faces) if part.faces else round_shade(u, part.shine)
    if part.ribs:
        shade = shade * (0.55 + 0.6 * np.abs(np.sin(np.pi * up / part.ribs)))[:, None] ** 1.5
    tone = np.asarray(part.colour, np.float32) * shade[..., None]
    tone *= 1 - part.grime * speckle(rng, rows, cols, scale)[..., None]
    if part.hole is not None:
        level, radius = part.hole
        if radius > 0:
            away = np.hypot(x[None], up[:, None] - level) / radius
            tone *= np.where(away < 1, 0.25 + 0.5 * away**4, np.where(away < 1.35, 1.25, 1.0))[..., None]
        else:
            tone *= knurl_marks(x[None], up[:, None])[..., None]
    canvas.paint(tone.astype(np.float32), cover.astype(np.float32))


def round_shade(u: Plane, shine: float) -> Plane:
    """Light on a cylinder lit from beside the lens, with two upright glints."""
    body = 0.15 + 0.75 * np.sqrt(1 - u**2)
    left, right = np.exp(-(((u + 0.28) / 0.07) ** 2)), np.exp(-(((u - 0.22) / 0.06) ** 2))
    shade: Plane = (body + shine * (2.2 * left + 1.6 * right)).astype(np.float32)
    return shade


def facet(u: Plane, faces: int) -> Plane:
    """Light on the flat faces of a hexagon or a block."""
    levels = {1: (0.9,), 2: (0.45, 0.95), 3: (0.5, 1.0, 0.35)}[faces]
    edges = {1: (), 2: (-0.1,), 3: (-0.5, 0.5)}[faces]
    shade = np.full(u.shape, levels[0], np.float32)
    for edge, level in zip(edges, levels[1:], strict=True):
        shade[u > edge] = level
        shade += 0.5 * np.exp(-(((u - edge) / 0.03) ** 2))
    return (shade * (0.85 + 0.15 * np.sqrt(1 - u**2))).astype(np.float32)


def knurl_marks(x: Plane, up: Plane) -> Plane:
    """Fine upright knurling on the right and the strokes of an engraved size on the left."""
    knurl = 1 - 0.35 * ((x > 0.15) & (np.sin(x * 260) > 0.2) & (up > 0.38) & (up < 0.74))
    tall = (up > 0.46) & (up < 0.66)
    strokes = (np.abs(x + 0.36) < 0.012) | (np.abs(x + 0.25 - (up - 0.56) * 0.35) < 0.012) | (np.abs(x + 0.18) < 0.012)
    return (knurl * np.where(tall & strokes, 1.7, 1.0)).astype(np.float32)


def draw_shroud(canvas: Canvas, head: Head, height: int, rng: np.random.Generator) -> None:
    """Paints the dark fan duct across the top: molten edge, scratches and glints."""
    rows, cols = canvas.pixels.shape[:2]
    x = np.linspace(0, 1, cols, dtype=np.float32)
    knots, drops = np.array(head.shroud_shape, np.float32).T
    edge = np.interp(x, knots, drops) * head.shroud * height
    edge = (
        edge
        + 0.010 * height * waves(rng, cols, max(4, cols // 18))
        + 0.004 * height * waves(rng, cols, max(3, cols // 90))
    )
    below = edge[None] - np.arange(rows, dtype=np.float32)[:, None]
    cover = np.clip(below / (1 + 0.004 * height), 0, 1)
    rough = 0.6 * stretch(rng.standard_normal((6, 14)), rows, cols) + 0.5 * stretch(
        rng.standard_normal((60, 40)), rows, cols
    )
    glints = np.clip(stretch(rng.standard_normal((50, 45)), rows, cols) - 1.2, 0, None) ** 2
    lip = np.exp(-((below / (0.035 * height)) ** 2)) * np.clip(waves(rng, cols, max(3, cols // 12)), 0, None)
    shade = np.clip(1 + (0.7 * rough + 2.5 * lip) / (1 + 8 * np.mean(head.shroud_colour)), 0.15, None)
    tone = (
        np.asarray(head.shroud_colour, np.float32) * shade[..., None]
        + head.shroud_gloss * (glints * (0.5 + lip))[..., None]
    )
    canvas.paint(tone.astype(np.float32), cover.astype(np.float32))


def draw_prongs(canvas: Canvas, height: int) -> None:
    """Paints the white ends of the fan duct that reach in at both edges."""
    rows, cols = canvas.pixels.shape[:2]
    down, x = np.mgrid[0:rows, 0:cols].astype(np.float32)
    for side in (-0.005 * cols, 1.005 * cols):
        reach = 0.030 * cols
        away = np.hypot((x - side) / reach, np.maximum(down - 0.13 * height, 0) / reach / 1.6)
        cover = np.clip((1 - away) * 8, 0, 1)
        tone = np.asarray((0.72, 0.78, 0.85), np.float32) * (0.35 + 0.6 * away)[..., None]
        canvas.paint(tone.astype(np.float32), cover.astype(np.float32))


def waves(rng: np.random.Generator, length: int, step: int) -> Plane:
    """Noise along a line, standard normal at knots `step` apart, (length,)."""
    knots = rng.standard_normal(length // step + 2)
    return np.interp(np.arange(length) / step, np.arange(len(knots)), knots).astype(np.float32)


def speckle(rng: np.random.Generator, rows: int, cols: int, scale: float) -> Plane:
    """Dirt in 0..1, blotches of two sizes, (rows, cols)."""
    coarse = stretch(rng.standard_normal((max(3, int(rows / scale * 9)), max(3, int(cols / scale * 9)))), rows, cols)
    fine = stretch(rng.standard_normal((max(3, int(rows / scale * 30)), max(3, int(cols / scale * 30)))), rows, cols)
    return np.clip(0.35 + 0.22 * coarse + 0.30 * fine, 0, 0.95)


def stretch(noise: NDArray[np.float64], rows: int, cols: int) -> Plane:
    """Enlarges noise smoothly to a picture, (rows, cols) float32."""
    picture = Image.fromarray(noise.astype(np.float32)).resize((cols, rows), Image.Resampling.BICUBIC)
    return np.asarray(picture, np.float32)


def soften(head: Plane, pixels: float) -> Plane:
    """Blurs a head a little, as it stands before the plane of focus."""
    return gaussian_filter(head, (pixels, pixels, 0)) if pixels > 0.05 else head
