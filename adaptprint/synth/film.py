"""One print, filmed: the frames of a job on a printer, in order of time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptprint.synth.deposition import Field, deposit, lay_bead, stack
from adaptprint.synth.gaze import EXPOSURES, SIDE, word
from adaptprint.synth.growth import GrowingPrint
from adaptprint.synth.jobs import PrintJob
from adaptprint.synth.optics import focus
from adaptprint.synth.randomness import stream
from adaptprint.synth.scene import SHEET, Plane, Scene
from adaptprint.synth.sensor import expose, make_noise
from adaptprint.synth.shading import opacity_table, shade
from adaptprint.synth.threads import hang
from adaptprint.synth.toolpath import Toolpath, plan_path, plan_sheet

FRAME_SECONDS = 0.404
"""Time between frames, as in the competition."""


@dataclass(frozen=True)
class Frame:
    """One picture.

    Attributes:
        second: Time since the first frame.
        pixels: (height, width, 3) uint8.
    """

    second: float
    pixels: NDArray[np.uint8]


def film_print(scene: Scene, job: PrintJob, seed: int, number: int, frames: int, laid: bool = True) -> Iterator[Frame]:
    """Films a print.

    Args:
        scene: The printer.
        job: What is printed.
        seed: The data set's seed.
        number: Which print of the printer.
        frames: How many frames.
        laid: Whether plastic comes out at all; without it the frames are the same but for the plastic.
    """
    name, lens, sensor = scene.printer.name, scene.lens, scene.printer.sensor
    rng = stream(seed, "film", name, number)
    start = float(rng.uniform(20, 80))
    path = plan_path(stream(seed, "path", name, number), job, start + frames * FRAME_SECONDS + 2)
    growing = GrowingPrint(scene.plate, lay_print(scene, job, path, seed, number))
    noise = make_noise(sensor, lens.height, lens.width, stream(seed, "noise", name, number))
    opacities = opacity_table(job.filament)
    away = runs(rng, frames, job.away, 3)
    curled = runs(stream(seed, "curl", name, number, job.label), frames, job.flow.curl, 5)
    lit = scene.tip_light * np.asarray(job.filament.colour, np.float32)
    for index in range(frames):
        second = index * FRAME_SECONDS + float(rng.uniform(-0.008, 0.008))
        if laid:
            growing.advance(start + second)
        still = stream(seed, "frame", name, number, index)
        instants = exposures(scene, path, start + second, bool(away[index]))
        bands = [shade(patch, growing.cells, job.filament, instants, opacities) for patch in scene.patches]
        picture = assemble(scene, focus(scene, bands))
        if laid and (curled[index] or (path.extrudes(start + second) and not away[index])):
            hang(picture, lens.tip, lens.scale, lit, bool(curled[index]), stream(seed, "hang", name, number, index))
        pixels = expose(picture, sensor, noise, still)
        yield Frame(second, np.ascontiguousarray(pixels[:, ::-1]) if scene.printer.camera.mirrored else pixels)


def assemble(scene: Scene, bed: Plane) -> Plane:
    """Puts the room above the bed, and the head before it; linear RGB, (height, width, 3)."""
    edge, head = scene.edge, scene.head
    bed[: len(edge)] += edge[..., 3:] * (edge[..., :3] - bed[: len(edge)])
    bed[: len(head)] *= 1 - head[..., 3:]
    bed[: len(head)] += head[..., :3]
    return np.concatenate([scene.above, bed])


def lay_print(scene: Scene, job: PrintJob, path: Toolpath, seed: int, number: int) -> Field:
    """Lays all plastic of a print."""
    rng = stream(seed, "bead", scene.printer.name, number, job.label)
    step = 1.3 / scene.per_mm
    if scene.printer.family == "endoscope":
        return deposit(lay_bead(rng, path, job, step), job, SIDE, scene.per_mm)
    sheet = plan_sheet(stream(seed, "sheet", scene.printer.name, number), job)
    below = deposit(lay_bead(rng, sheet, job, step), job, SIDE, scene.per_mm)
    return stack([below, deposit(lay_bead(rng, path, job, step), job, SIDE, scene.per_mm, SHEET * job.layer_height)])


def exposures(scene: Scene, path: Toolpath, second: float, away: bool) -> list[np.uint32]:
    """Where the nozzle is at each instant of an exposure, as raster words; half a raster off where it is away."""
    x, y = path.position(second)
    fast_x, fast_y = (0.0, 0.0) if away else path.velocity(second)
    shift = SIDE / scene.per_mm / 2 if away else 0.0
    lags = scene.printer.camera.shutter * (np.arange(EXPOSURES) / (EXPOSURES - 1) - 0.5)
    return list(word(x + shift + fast_x * lags, y + shift + fast_y * lags, scene.per_mm))


def runs(rng: np.random.Generator, frames: int, share: float, longest: int) -> NDArray[np.bool_]:
    """Marks about `share` of the frames, in runs of up to `longest`, (frames,)."""
    marked = np.zeros(frames, bool)
    wanted = share * frames
    wanted = int(wanted) + (rng.random() < wanted % 1)
    while marked.sum() < wanted:
        first = int(rng.integers(frames))
        marked[first : first + int(rng.integers(1, longest + 1))] = True
    return marked
