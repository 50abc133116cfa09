"""The still part of a printer's picture: bed, room and head under its light, worked out once per printer."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from adaptprint.synth.camera import Band, Lens, solve
from adaptprint.synth.gaze import Gaze, aim
from adaptprint.synth.plate import lay_plate
from adaptprint.synth.printers import Printer
from adaptprint.synth.randomness import stream
from adaptprint.synth.room import draw_room
from adaptprint.synth.sprites import draw_head, soften

Plane = NDArray[np.float32]

TALLEST = 1.25
"""Height up to which rays look for plastic, in layer heights."""

SHEET = 0.8
"""Height of the layer below the print that portrait cameras see, in layer heights."""


@dataclass(frozen=True)
class Patch:
    """A band of bed and its light; the arrays are (h, w) or (h, w, 3) at the patch's own resolution.

    Attributes:
        first: First picture row.
        step: Picture pixels per patch pixel.
        gaze: Its rays.
        bare: Light from the bare bed, (h, w, 3).
        light: Light that falls on plastic, (h, w, 3).
        sheen: What a glossy level surface mirrors, (h, w, 3).
        veil: Light added by lens and smears, (h, w, 3).
        toward: Level direction to the light, x and y, (2, h, w).
        crisp: How much of the grain the distance leaves, (h, w).
    """

    first: int
    step: int
    gaze: Gaze
    bare: Plane
    light: Plane
    sheen: Plane
    veil: Plane
    toward: Plane
    crisp: Plane


@dataclass(frozen=True)
class Scene:
    """What stays the same in all frames of a printer.

    Attributes:
        printer: The printer.
        lens: Its solved camera.
        per_mm: Raster cells per mm.
        patches: The bed, in bands from the horizon down.
        above: Picture above the horizon, (horizon, width, 3).
        edge: Room that shows through the blurred far edge of the bed, with its share, (rows, width, 4).
        head: Head where it hangs before the bed: rows from the horizon down to below the tip, (rows, width, 4).
        tip_light: Light on plastic at the nozzle, (3,).
        plate: Packed cells of the bare plate, (SIDE * SIDE,) uint32.
    """

    printer: Printer
    lens: Lens
    per_mm: float
    patches: tuple[Patch, ...]
    above: Plane
    edge: Plane
    head: Plane
    tip_light: Plane
    plate: NDArray[np.uint32]


@lru_cache(maxsize=2)
def set_scene(printer: Printer, height: int, width: int) -> Scene:
    """Works out the still part of a printer's picture."""
    lens = solve(printer.camera, height, width)
    rng = stream(printer.look, "scene", printer.name)
    head = draw_head(printer.head, lens.tip, height, width, rng)
    head[..., :3] *= printer.light.head
    head = soften(head, float(np.hypot(printer.head.soft * width / 1000, printer.sensor.soft * width / 640)))
    room = draw_room(printer.light, lens, rng)
    still = light_bed(printer, lens, room, head)
    detail = 12.0 if printer.family == "endoscope" else 20.0
    per_mm = detail * min(1.0, max(0.35, width / 640))
    patches = tuple(cut_patch(printer, lens, still, band, per_mm) for band in lens.bands)
    veil = still["veil"][: lens.horizon]
    shade = still["shade"][: lens.horizon]
    above = room[: lens.horizon]
    hung = head[: lens.horizon]
    above = (above[: len(hung)] * (1 - hung[..., 3:]) + hung[..., :3]) * shade + veil
    below = head[lens.horizon :].copy()
    below[..., :3] *= still["shade"][lens.horizon : lens.horizon + len(below)]
    below[..., :3] += still["veil"][lens.horizon : lens.horizon + len(below)] * below[..., 3:]
    edge = blur_edge(lens, room * still["shade"] + still["veil"])
    tip_light = still["light"][min(int(lens.tip[1]), height - 1), int(np.clip(lens.tip[0], 0, width - 1))]
    plate = lay_plate(printer.bed, per_mm, stream(printer.look, "plate", printer.name))
    return Scene(printer, lens, per_mm, patches, above, edge, below, tip_light, plate)


def light_bed(printer: Printer, lens: Lens, room: Plane, head: Plane) -> dict[str, Plane]:
    """Light over the whole picture, by what it does: planes named as in `Patch`, and `shade`, the vignette."""
    light, bed, sensor = printer.light, printer.bed, printer.sensor
    rows, cols = np.mgrid[0 : lens.height, 0 : lens.width].astype(np.float64)
    x, y, _ = lens.ground(rows, cols)
    away = np.hypot(x - printer.camera.offset, y + printer.camera.distance)
    bottom = (
        float(lens.ground(np.array([lens.height - 1.0]), np.array([lens.width / 2]))[1][0]) + printer.camera.distance
    )
    nearness = np.clip(np.log(printer.camera.distance / away) / np.log(printer.camera.distance / bottom), -0.5, 1.2)
    across = (cols - lens.tip[0]) / lens.width / light.spread
    nearness = nearness - 0.25 * np.clip(nearness, 0, None) * across**2
    nearness = np.sign(nearness) * np.abs(nearness) ** 1.25
    level = linear(light.far) * (linear(light.near) / linear(light.far)) ** nearness
    blend = np.clip(nearness, 0, 1)[..., None]
    tint = np.asarray(light.far_tint) * (1 - blend) + np.asarray(light.near_tint) * blend
    lit = light.plastic * (1 + 0.9 * np.clip(nearness, -0.4, 1))[..., None] * tint
    sheen, dark = mirror(room, head, lens)
    grazing = np.exp(-np.clip(rows - lens.horizon, 0, None) / (0.28 * lens.height))[..., None]
    glare = np.maximum(level[..., None] * tint - lit * np.mean(bed.colour), 0)
    bare = (lit * np.asarray(bed.colour) + glare) * (1 - min(1.0, 1.8 * bed.mirror) * dark * grazing**0.5)
    bare = bare + bed.mirror * grazing * sheen
    radius = np.hypot((cols / lens.width - 0.5) * 1.1, rows / lens.height - 0.5)[..., None]
    shade = 1 - sensor.vignette * np.clip(radius / 0.75, 0, 1) ** 2
    veil = np.zeros((lens.height, lens.width, 3))
    if sensor.smudge is not None:
        right, down = (cols / lens.width - sensor.smudge) / 0.10, (rows / lens.height - 0.58) / 0.22
        angle = np.arctan2(down, right)
        ragged = 0.10 * np.sin(2 * angle + 1) + 0.07 * np.sin(3 * angle + 2) + 0.03 * np.sin(5 * angle)
        mist = 0.75 / (1 + np.exp(4 * (np.hypot(right, down) - 1 + ragged)))[..., None]
        shade, veil = shade * (1 - mist), veil + mist * np.asarray(light.near_tint) * 0.7
    planes = {
        "bare": bare * shade,
        "light": lit * shade,
        "sheen": sheen * shade * grazing,
        "veil": veil,
        "shade": shade,
    }
    return {name: plane.astype(np.float32) for name, plane in planes.items()}


def blur_edge(lens: Lens, room: Plane) -> Plane:
    """Room that shows through the first rows of bed, as its far edge is out of focus, (rows, width, 4)."""
    rows = max(2, int(0.022 * lens.height))
    share = (1 - (np.arange(rows, dtype=np.float32) + 0.5) / rows) ** 1.5
    level = np.broadcast_to(share[:, None, None], (rows, lens.width, 1))
    return np.concatenate([np.repeat(room[max(lens.horizon - 1, 0)][None], rows, axis=0), level], axis=2)


def cut_patch(printer: Printer, lens: Lens, still: dict[str, Plane], band: Band, per_mm: float) -> Patch:
    """Cuts a band out of the lit bed."""
    first, end, step = band
    layers = TALLEST if printer.family == "endoscope" else TALLEST + SHEET
    gaze_top = layers * printer.habits.layer_height
    centre = (step - 1) / 2
    rows, cols = np.mgrid[first:end:step, 0 : lens.width : step].astype(np.float64) + centre
    x, y, depth = lens.ground(rows, cols)
    away = np.hypot(np.hypot(x - lens.camera.offset, y + lens.camera.distance), 2.0)
    toward = np.stack([lens.camera.offset - x, -lens.camera.distance - y]) / away
    stretch = depth**2 / (lens.camera.height * lens.focal)
    crisp = 1 / (1 + (stretch * step / 0.8) ** 2)
    picked = {
        name: plane[rows.astype(int), np.minimum(cols.astype(int), lens.width - 1)] for name, plane in still.items()
    }
    return Patch(
        first, step, aim(lens, rows, cols, per_mm, gaze_top, printer.habits.line_width),
        picked["bare"], picked["light"], picked["sheen"], picked["veil"],
        toward.astype(np.float32), crisp.astype(np.float32),
    )  # fmt: skip


def mirror(room: Plane, head: Plane, lens: Lens) -> tuple[Plane, Plane]:
    """Mirror image of room and head in the bed, smeared downwards: light (height, width, 3), head cover (..., 1)."""
    rows = np.arange(lens.height)
    upside = gaussian_filter(room, (0.035 * lens.width, 0.010 * lens.width, 0))[
        np.clip(2 * lens.horizon - rows, 0, len(room) - 1)
    ]
    foot = lens.tip[1]
    source = np.rint(2 * foot - rows).astype(int)
    hung = np.zeros((lens.height, lens.width, 4), np.float32)
    inside = (source >= 0) & (source < len(head))
    hung[inside] = head[source[inside]]
    fade = np.exp(-np.clip(rows - foot, 0, None) / (0.22 * lens.height)).astype(np.float32)
    hung = gaussian_filter(hung, (0.022 * lens.width, 0.006 * lens.width, 0)) * fade[:, None, None]
    return upside * (1 - hung[..., 3:]) + hung[..., :3], hung[..., 3:]


def linear(grey: float) -> float:
    """Linear light of a grey level."""
    return float((grey / 255) ** 2.2)
