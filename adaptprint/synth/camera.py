"""Where each pixel looks: a pinhole camera over the bed, solved once per printer.

Lines are seen so flatly that their height matters more than their width, so a pixel's ray is followed down through
the plastic: it starts at the bed and steps back towards the camera, one level up at a time.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adaptprint.synth.printers import Camera

Plane = NDArray[np.float32]
Rays = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]

SHARP_ENOUGH = 1.1
"""Where the bed is blurred by more pixels than this, it is worked out at half the resolution."""

SHARED = 4
"""Rows that neighbouring bands share, so that one fades into the other."""

BEHIND = 0.45
"""Greatest blur behind the nozzle, relative to the blur at the bottom: endoscopes focus far."""

Band = tuple[int, int, int]
"""First picture row, row after the last, and picture pixels per band pixel."""


@dataclass(frozen=True)
class Lens:
    """A camera solved for a picture size.

    Attributes:
        camera: The camera.
        height: Picture height, pixels.
        width: Picture width, pixels.
        focal: Focal length, pixels.
        tip: Column and row of the nozzle tip.
        horizon: First row that holds bed.
        bands: Bands of bed from the horizon down: sharp around the nozzle, at half the resolution elsewhere.
    """

    camera: Camera
    height: int
    width: int
    focal: float
    tip: tuple[float, float]
    horizon: int
    bands: tuple[Band, ...]

    @property
    def scale(self) -> float:
        """Pixels per mm at the nozzle."""
        return self.focal / float(np.hypot(self.camera.distance, self.camera.height))

    def ground(self, rows: NDArray[np.float64], cols: NDArray[np.float64]) -> Rays:
        """Where the rays through pixels meet the bed: x, y (mm from the nozzle) and depth (mm along the axis)."""
        camera = self.camera
        right, down = (cols - self.width / 2) / self.focal, (rows - self.height / 2) / self.focal
        roll, pitch = np.radians(camera.roll), np.radians(camera.pitch)
        right, down = right * np.cos(roll) - down * np.sin(roll), right * np.sin(roll) + down * np.cos(roll)
        ahead = np.cos(pitch) - down * np.sin(pitch)
        fall = np.sin(pitch) + down * np.cos(pitch)
        depth = camera.height / np.maximum(fall, camera.height / camera.reach)
        return camera.offset + depth * right, depth * ahead - camera.distance, depth

    def defocus(self, depth: NDArray[np.float64]) -> NDArray[np.float64]:
        """Radius of blur at a depth along the axis, pixels; 0 at the nozzle."""
        nearest = float(self.ground(np.array([self.height - 1.0]), np.array([self.width / 2]))[2][0])
        focus = self.camera.distance
        spread = abs(1 / max(nearest, 1e-3) - 1 / focus) + 1e-6
        most = self.camera.blur * self.width / 1000
        radius = most * np.abs(1 / depth - 1 / focus) / spread
        return np.where(depth > focus, np.minimum(3 * BEHIND * radius, BEHIND * most), radius)

    def row_defocus(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Radius of blur in the middle of picture rows, pixels."""
        return self.defocus(self.ground(rows, np.full(len(rows), self.width / 2))[2])


def solve(camera: Camera, height: int, width: int) -> Lens:
    """Solves a camera for a picture size."""
    focal = width / 2 / float(np.tan(np.radians(camera.fov) / 2))
    tip = _project(camera, focal, height, width)
    free = Lens(camera, height, width, focal, tip, 0, ())
    rows = np.arange(height, dtype=np.float64)
    edges = np.minimum(free.ground(rows, np.zeros(height))[2], free.ground(rows, np.full(height, width - 1.0))[2])
    seen = np.flatnonzero(edges < camera.reach * 0.999)
    horizon = min(int(seen[0]), height - 8) if len(seen) else height - 8
    return replace(free, horizon=horizon, bands=_bands(free, horizon, rows))


def _bands(lens: Lens, horizon: int, rows: NDArray[np.float64]) -> tuple[Band, ...]:
    """Cuts the bed into bands, from the horizon down."""
    soft = lens.row_defocus(rows) > SHARP_ENOUGH
    sharp = rows[horizon:][~soft[horizon:]].astype(int)
    top, foot = (int(sharp[0]), int(sharp[-1]) + 1) if len(sharp) else (horizon, horizon)
    foot = max(foot, min(int(lens.tip[1] + 0.02 * lens.height), lens.height))
    if top - horizon < 4 * SHARED:
        top = horizon
    if lens.height - foot < 4 * SHARED:
        foot = lens.height
    bands = [(horizon, top + (top - horizon) % 2, 2)] if top > horizon else []
    bands.append((max(horizon, top - SHARED), min(foot + SHARED, lens.height), 1))
    if foot < lens.height:
        bands.append((foot - (lens.height - foot) % 2, lens.height, 2))
    return tuple(bands)


def _project(camera: Camera, focal: float, height: int, width: int) -> tuple[float, float]:
    """Column and row of the nozzle tip, which stands at the origin of the bed."""
    roll, pitch = np.radians(camera.roll), np.radians(camera.pitch)
    ahead = camera.distance * np.cos(pitch) + camera.height * np.sin(pitch)
    down = (camera.height * np.cos(pitch) - camera.distance * np.sin(pitch)) / ahead
    right = -camera.offset / ahead
    right, down = right * np.cos(roll) + down * np.sin(roll), -right * np.sin(roll) + down * np.cos(roll)
    return width / 2 + focal * float(right), height / 2 + focal * float(down)
