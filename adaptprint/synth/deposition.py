"""What plastic lies on the bed: a height field grown along a toolpath, and the order in which it appears.

The field lives on a square raster that wraps around, so looking a point up needs no bounds check. Each cell packs four
bytes, lowest first: height of the plastic, its slopes along x and y, and the brightness of the plate below.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.special import ndtri

from adaptprint.synth.jobs import PrintJob
from adaptprint.synth.randomness import smooth_noise
from adaptprint.synth.toolpath import Toolpath

SLOPE_RANGE = 2.0
"""Slopes of -2..2 fill a byte."""

HEIGHT_STEPS = 400.0
"""Steps of the height byte per mm."""


@dataclass(frozen=True)
class Bead:
    """The line as it lies, sampled densely along the extruded path; every array is (n,).

    Attributes:
        x: Where the middle of the line lies, mm.
        y: Where the middle of the line lies, mm.
        tangent_x: Unit direction of the line.
        tangent_y: Unit direction of the line.
        second: When it was laid, s.
        width: Width, mm; 0 in a gap.
        height: Height, mm.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    tangent_x: NDArray[np.float64]
    tangent_y: NDArray[np.float64]
    second: NDArray[np.float64]
    width: NDArray[np.float64]
    height: NDArray[np.float64]


def lay_bead(rng: np.random.Generator, path: Toolpath, job: PrintJob, step: float) -> Bead:
    """Lays the line of a job along a path, with the faults that its flow asks for.

    Args:
        rng: Draws the faults.
        path: Where the nozzle goes.
        job: What is printed.
        step: Distance of the samples, mm.
    """
    corners = path.points
    lengths = np.hypot(*np.diff(corners, axis=0).T)
    at = np.concatenate([[0.0], np.cumsum(lengths)])
    s = np.arange(0, at[-1], step)
    move = np.clip(np.searchsorted(at, s, side="right"), 1, len(corners) - 1)
    kept = path.extruding[move]
    s, move = s[kept], move[kept]
    tangent = (corners[move] - corners[move - 1]) / np.maximum(lengths[move - 1], 1e-9)[:, None]

    flow = job.flow
    ratio = np.full(len(s), flow.ratio)
    ratio[smooth_noise(rng, s, 25.0) > _normal_quantile(1 - flow.recovery)] = 1.0
    starved = np.clip((0.97 - ratio) * 8, 0, 1) if flow.ratio < 0.9 else np.ones(len(s))
    bead = (
        flow.bead * starved * np.maximum(0, np.sin(2 * np.pi * s / flow.bead_pitch + 2 * smooth_noise(rng, s, 4))) ** 2
    )
    rough = 1 + flow.roughness * starved * smooth_noise(rng, s, 0.8)
    wander = flow.wobble * starved * smooth_noise(rng, s, 1.6)
    flowing = smooth_noise(rng, s, 2.5) < np.where(starved > 0.3, _normal_quantile(1 - flow.gaps), 9.0)
    width = job.line_width * ratio**0.8 * np.clip(rough + bead, 0.2, 1.6) * flowing
    height = job.layer_height * np.sqrt(ratio) * np.clip(rough + 0.7 * bead, 0.3, 1.5)
    return Bead(
        x=np.interp(s, at, corners[:, 0]) - tangent[:, 1] * wander,
        y=np.interp(s, at, corners[:, 1]) + tangent[:, 0] * wander,
        tangent_x=tangent[:, 0],
        tangent_y=tangent[:, 1],
        second=np.interp(s, at, path.seconds),
        width=width,
        height=height,
    )


def _normal_quantile(share: float) -> float:
    """The value below which `share` of `smooth_noise` lies (its deviation is about 0.8)."""
    return 0.8 * float(ndtri(np.clip(share, 1e-6, 1 - 1e-6)))


@dataclass(frozen=True)
class Field:
    """Finished plastic, seen from above.

    Attributes:
        cells: Index of each cell with plastic into the flat raster, in the order of laying, (n,) int64.
        packed: What the cell holds once laid: height, x slope and y slope in bytes 0 to 2, (n,) uint32.
        seconds: When each cell was laid, ascending, (n,) float32.
    """

    cells: NDArray[np.int64]
    packed: NDArray[np.uint32]
    seconds: NDArray[np.float32]


def deposit(bead: Bead, job: PrintJob, side: int, per_mm: float, lift: float = 0.0) -> Field:
    """Turns a line into the raster cells that it covers.

    Args:
        bead: The line.
        job: Gives the translucency and the height that the nozzle flattens to.
        side: Cells along the raster's side, a power of two.
        lift: Height of the layer below, mm.
        per_mm: Cells per mm; the bed's origin lies in cell 0, and the raster wraps.
    """
    margin = float(bead.width.max()) / 2 + 2 / per_mm
    left, low = np.floor((bead.x.min() - margin) * per_mm), np.floor((bead.y.min() - margin) * per_mm)
    cols = int((bead.x.max() + margin) * per_mm - left) + 1
    rows = int((bead.y.max() + margin) * per_mm - low) + 1
    height, crown, second = _paint(bead, (left, low), (rows, cols), per_mm)
    height = np.minimum(height, job.layer_height * 1.02 + 0.15 * np.maximum(height - job.layer_height * 1.02, 0))
    slope_y, slope_x = np.gradient(uniform_filter(crown, 3), 1 / per_mm)
    laid = np.flatnonzero(height > 0.004)
    laid = laid[np.argsort(second.ravel()[laid], kind="stable")]
    row, col = np.divmod(laid, cols)
    packed = (
        np.maximum(_byte((height.ravel()[laid] + lift) * (HEIGHT_STEPS / 255)), 1)
        | _byte(0.5 + slope_x.ravel()[laid] / (2 * SLOPE_RANGE)) << np.uint32(8)
        | _byte(0.5 + slope_y.ravel()[laid] / (2 * SLOPE_RANGE)) << np.uint32(16)
    )
    grid_x = (col + int(left)) & (side - 1)
    grid_y = (row + int(low)) & (side - 1)
    return Field(grid_y * side + grid_x, packed, second.ravel()[laid])


def stack(fields: Sequence[Field]) -> Field:
    """Joins fields that were laid one after another."""
    return Field(
        np.concatenate([field.cells for field in fields]),
        np.concatenate([field.packed for field in fields]),
        np.concatenate([field.seconds for field in fields]),
    )


def _byte(value: NDArray[np.float32]) -> NDArray[np.uint32]:
    return (np.clip(value, 0, 1) * 255 + 0.5).astype(np.uint32)


def _paint(
    bead: Bead, corner: tuple[float, float], shape: tuple[int, int], per_mm: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Height, crown and time per cell: each cell takes the highest line that passes over it.

    The nozzle squeezes a line flat, so its height falls off late; light shows it rounder, which is the crown.
    """
    height = np.zeros(shape[0] * shape[1], np.float32)
    crown = np.zeros_like(height)
    second = np.full_like(height, np.inf)
    flowing = bead.width > 0
    px = (bead.x[flowing] * per_mm - corner[0]).astype(np.float32)
    py = (bead.y[flowing] * per_mm - corner[1]).astype(np.float32)
    tx, ty = bead.tangent_x[flowing].astype(np.float32), bead.tangent_y[flowing].astype(np.float32)
    half = (bead.width[flowing] * per_mm / 2).astype(np.float32)
    top, when = bead.height[flowing].astype(np.float32), bead.second[flowing].astype(np.float32)
    col, row = np.rint(px).astype(np.int64), np.rint(py).astype(np.int64)
    reach = int(np.ceil(half.max(initial=1.0)))
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            if dx * dx + dy * dy > (reach + 0.5) ** 2:
                continue
            off_x, off_y = col + dx - px, row + dy - py
            across = off_x * ty - off_y * tx
            along = np.maximum(np.abs(off_x * tx + off_y * ty) - 1, 0)
            outward = (across**2 + along**2) / half**2
            hit = np.flatnonzero(outward < 1)
            cell = (row[hit] + dy) * shape[1] + col[hit] + dx
            outward = outward[hit]
            z = top[hit] * np.sqrt(1 - outward**2)
            higher = z > height[cell]
            cell, hit = cell[higher], hit[higher]
            height[cell] = z[higher]
            crown[cell] = top[hit] * (1 - outward[higher])
            np.minimum.at(second, cell, when[hit])
    return height.reshape(shape), crown.reshape(shape), second.reshape(shape)
