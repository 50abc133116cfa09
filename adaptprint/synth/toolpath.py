"""Where the nozzle goes: first-layer toolpaths of the shapes that real first layers have, in mm."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptprint.synth.jobs import PrintJob

Points = NDArray[np.float64]

PITCH = 0.9
"""Distance of neighbouring lines, in line widths: slicers let lines overlap so that they fuse."""

SPREAD = 15.0
"""Shapes are centred at most this far from the middle of the bed, along either axis, mm."""

TRAVEL_SPEED_FACTOR = 3.5
"""How much faster the head moves where it does not extrude."""


@dataclass(frozen=True)
class Toolpath:
    """A nozzle path with the time at which each vertex is reached.

    Attributes:
        points: Vertices in bed coordinates, mm, (n, 2).
        extruding: Whether the move that ends at a vertex lays plastic, (n,) bool; the first is False.
        seconds: Time at each vertex, starting at 0, (n,).
    """

    points: Points
    extruding: NDArray[np.bool_]
    seconds: NDArray[np.float64]

    @property
    def duration(self) -> float:
        """Seconds from the first to the last vertex."""
        return float(self.seconds[-1])

    def position(self, second: float) -> tuple[float, float]:
        """Where the nozzle is at a time, mm."""
        x = np.interp(second, self.seconds, self.points[:, 0])
        y = np.interp(second, self.seconds, self.points[:, 1])
        return float(x), float(y)

    def velocity(self, second: float) -> tuple[float, float]:
        """How the nozzle moves at a time, mm/s."""
        last = int(np.clip(np.searchsorted(self.seconds, second, side="right"), 1, len(self.seconds) - 1))
        step = self.points[last] - self.points[last - 1]
        elapsed = max(float(self.seconds[last] - self.seconds[last - 1]), 1e-9)
        return float(step[0] / elapsed), float(step[1] / elapsed)

    def extrudes(self, second: float) -> bool:
        """Whether plastic is being laid at a time."""
        return bool(self.extruding[int(np.clip(np.searchsorted(self.seconds, second), 0, len(self.seconds) - 1))])


def ring(rng: np.random.Generator, pitch: float) -> list[Points]:
    """Concentric circles or ellipses, as of a vase or a washer."""
    turns = np.linspace(0, 2 * np.pi, 90)
    outer, squeeze = rng.uniform(7, 28), rng.uniform(0.6, 1.0)
    circles = [outer - k * pitch for k in range(rng.integers(2, 9))]
    return [np.stack([r * np.cos(turns), squeeze * r * np.sin(turns)], axis=1) for r in circles]


def polygon(rng: np.random.Generator, pitch: float) -> list[Points]:
    """Walls of a part with sharp corners: a star-shaped polygon with acute and obtuse angles."""
    corners = int(rng.integers(4, 10))
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners)) + np.linspace(0, 0.4, corners)
    radii = rng.uniform(5, 30, corners)
    outline = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)
    closed = np.concatenate([outline, outline[:1]])
    return [closed * (1 - k * pitch / 16) for k in range(rng.integers(1, 4))]


def brim(rng: np.random.Generator, pitch: float) -> list[Points]:
    """Rounded rectangles around a part."""
    wide, deep, corner = rng.uniform(8, 28), rng.uniform(7, 28), rng.uniform(1.5, 6)
    arc = np.linspace(0, np.pi / 2, 9)
    loops = []
    for k in range(rng.integers(2, 8)):
        half = np.array([wide - k * pitch, deep - k * pitch])
        sides = []
        for quarter, sign in enumerate([(1, 1), (-1, 1), (-1, -1), (1, -1)]):
            turn = arc + quarter * np.pi / 2
            sides.append((half - corner) * sign + corner * np.stack([np.cos(turn), np.sin(turn)], axis=1))
        loops.append(np.concatenate([*sides, sides[0][:1]]))
    return loops


def infill(rng: np.random.Generator, pitch: float) -> list[Points]:
    """Solid zig-zag fill of a rectangle inside one wall."""
    wide, deep = rng.uniform(6, 18), rng.uniform(4, 11)
    wall = np.array([[-wide, -deep], [wide, -deep], [wide, deep], [-wide, deep], [-wide, -deep]])
    rows = np.arange(-deep + pitch, deep - pitch / 2, pitch)
    left = np.where(np.arange(len(rows)) % 2 == 0, -wide + pitch, wide - pitch)
    zigzag = np.stack([np.stack([left, -left], axis=1).ravel(), np.repeat(rows, 2)], axis=1)
    angle = rng.choice([0.0, np.pi / 4, np.pi / 2, rng.uniform(0, np.pi)])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return [wall @ turn.T, zigzag @ turn.T]


def sparse(rng: np.random.Generator, pitch: float) -> list[Points]:
    """A zig-zag with gaps wider than a line, as of supports and grids."""
    wide, deep = rng.uniform(8, 26), rng.uniform(8, 26)
    rows = np.arange(-deep, deep, rng.uniform(2.0, 6.0))
    left = np.where(np.arange(len(rows)) % 2 == 0, -wide, wide)
    points = np.stack([np.stack([left, -left], axis=1).ravel(), np.repeat(rows, 2)], axis=1)
    return [points if rng.random() < 0.5 else points[:, ::-1]]


def letters(rng: np.random.Generator, pitch: float) -> list[Points]:
    """Strokes like those of text: short open lines with hooks, side by side."""
    strokes = []
    for k in range(rng.integers(4, 8)):
        steps = rng.choice([-1.0, 0.0, 1.0], (int(rng.integers(3, 6)), 2)) * rng.uniform(2, 5)
        stroke = np.cumsum(steps, axis=0)
        strokes.append(stroke - stroke.mean(axis=0) + [7.0 * (k % 4) - 10, 9.0 * (k // 4) - 5])
    return strokes


SHAPES: dict[str, Callable[[np.random.Generator, float], list[Points]]] = {
    "ring": ring,
    "polygon": polygon,
    "brim": brim,
    "infill": infill,
    "sparse": sparse,
    "letters": letters,
}
"""Every shape by name; each takes a generator and the line pitch in mm and returns polylines around the origin."""


def plan_sheet(rng: np.random.Generator, job: PrintJob) -> Toolpath:
    """Plans a finished solid layer below the print, as one sees it later in a print; laid before time 0."""
    wide, deep, turn = rng.uniform(14, 24), rng.uniform(10, 22), rng.choice([0.0, 0.25, 0.5, 0.75]) * np.pi
    rows = np.arange(-deep, deep, PITCH * job.line_width)
    left = np.where(np.arange(len(rows)) % 2 == 0, -wide, wide)
    zigzag = np.stack([np.stack([left, -left], axis=1).ravel(), np.repeat(rows, 2)], axis=1)
    points = zigzag @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return Toolpath(points + rng.uniform(-6, 6, 2), np.arange(len(points)) > 0, np.full(len(points), -1.0))


def plan_path(rng: np.random.Generator, job: PrintJob, seconds: float) -> Toolpath:
    """Plans shapes one after another over the bed until the time is filled.

    Args:
        rng: Draws shapes and places.
        job: Gives the line width and the speed.
        seconds: Least duration of the path.
    """
    vertices: list[Points] = []
    laid: list[NDArray[np.bool_]] = []
    elapsed = 0.0
    last = np.zeros(2)
    for line in _lines(rng, PITCH * job.line_width, job.shapes):
        lengths = np.hypot(*np.diff(np.concatenate([[last], line]), axis=0).T)
        elapsed += float(lengths[0] / TRAVEL_SPEED_FACTOR + lengths[1:].sum()) / job.speed
        vertices.append(line)
        laid.append(np.arange(len(line)) > 0)
        last = line[-1]
        if elapsed >= seconds:
            break
    points, extruding = np.concatenate(vertices), np.concatenate(laid)
    lengths = np.hypot(*np.diff(points, axis=0).T)
    paces = np.where(extruding[1:], job.speed, job.speed * TRAVEL_SPEED_FACTOR)
    return Toolpath(points, extruding, np.concatenate([[0.0], np.cumsum(lengths / paces)]))


def _lines(rng: np.random.Generator, pitch: float, names: Sequence[str]) -> Iterator[Points]:
    while True:
        centre = rng.uniform(-SPREAD, SPREAD, 2)
        for line in SHAPES[names[int(rng.integers(len(names)))]](rng, pitch):
            yield line + centre
