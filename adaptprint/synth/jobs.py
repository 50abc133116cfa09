"""What one print is: its filament, line, speed and how much of the plastic asked for really comes out.

The filament, the line and the speed are drawn without knowledge of the label; only `Flow` knows it. So nothing but
the deposited plastic can tell a good print from a bad one.
"""

from dataclasses import dataclass

import numpy as np

from adaptprint.synth.printers import Habits
from adaptprint.synth.randomness import stream

GOOD, UNDER_EXTRUDED = 0, 1


@dataclass(frozen=True)
class Filament:
    """A plastic.

    Attributes:
        name: What a shop would call it.
        colour: Albedo, linear RGB in 0..1.
        gloss: Strength of the mirror-like highlight, 0 (matte) to 1 (silk).
        depth: Thickness at which the plastic hides 63 % of what is below it, mm.
    """

    name: str
    colour: tuple[float, float, float]
    gloss: float
    depth: float


_SPOOLS = (
    Filament("white PLA", (0.86, 0.87, 0.85), 0.45, 0.06),
    Filament("mint PLA", (0.35, 0.78, 0.55), 0.45, 0.09),
    Filament("lime PLA", (0.50, 0.80, 0.30), 0.40, 0.09),
    Filament("blue silk", (0.04, 0.15, 0.55), 0.95, 0.06),
    Filament("sky PLA", (0.25, 0.55, 0.85), 0.45, 0.09),
    Filament("black PLA", (0.025, 0.025, 0.028), 0.55, 0.03),
    Filament("grey PLA", (0.35, 0.35, 0.36), 0.40, 0.06),
    Filament("silver silk", (0.55, 0.55, 0.58), 0.95, 0.06),
    Filament("red PLA", (0.65, 0.05, 0.03), 0.50, 0.07),
    Filament("orange PLA", (0.85, 0.28, 0.03), 0.50, 0.09),
    Filament("yellow PLA", (0.85, 0.65, 0.05), 0.45, 0.10),
    Filament("purple PLA", (0.28, 0.10, 0.45), 0.50, 0.07),
    Filament("gold silk", (0.65, 0.42, 0.10), 0.95, 0.06),
    Filament("natural PLA", (0.75, 0.70, 0.60), 0.60, 0.20),
    Filament("clear PETG", (0.60, 0.66, 0.66), 0.90, 0.28),
    Filament("wood PLA", (0.50, 0.33, 0.18), 0.15, 0.06),
)

FILAMENTS: dict[str, Filament] = {filament.name: filament for filament in _SPOOLS}
"""Every filament by name."""


@dataclass(frozen=True)
class Flow:
    """How the plastic really comes out of the nozzle.

    Attributes:
        ratio: Extruded over asked-for volume; 1 is right.
        roughness: Relative standard deviation of the line width along the path.
        bead: Relative height of the beads on the string.
        bead_pitch: Distance of the beads, mm.
        gaps: Share of the path on which nothing comes out.
        wobble: Standard deviation of the line's sideways wander, mm.
        recovery: Share of the path on which the flow is right although the print is bad.
        curl: Chance that a thread hangs on the nozzle in a frame.
    """

    ratio: float
    roughness: float
    bead: float
    bead_pitch: float
    gaps: float
    wobble: float
    recovery: float
    curl: float


@dataclass(frozen=True)
class PrintJob:
    """One print.

    Attributes:
        filament: What is printed with.
        line_width: Width of a good line, mm.
        layer_height: Height of a good line, mm.
        speed: Speed while extruding, mm/s.
        shapes: What is printed, names from `toolpath.SHAPES`.
        away: Share of frames taken with no fresh line in view, in either class.
        flow: What comes out.
        label: `GOOD` or `UNDER_EXTRUDED`.
    """

    filament: Filament
    line_width: float
    layer_height: float
    speed: float
    shapes: tuple[str, ...]
    away: float
    flow: Flow
    label: int


def good_flow(rng: np.random.Generator) -> Flow:
    """Draws the flow of a good print: steady, with a small flaw now and then."""
    return Flow(
        ratio=rng.uniform(0.95, 1.06),
        roughness=rng.uniform(0.01, 0.05),
        bead=rng.uniform(0.0, 0.05),
        bead_pitch=rng.uniform(1.0, 3.0),
        gaps=rng.uniform(0.0, 0.01),
        wobble=rng.uniform(0.0, 0.02),
        recovery=0.0,
        curl=rng.uniform(0.02, 0.05),
    )


def starved_flow(rng: np.random.Generator) -> Flow:
    """Draws the flow of an under-extruded print, from slight to severe."""
    severity = rng.beta(1.6, 1.4)
    return Flow(
        ratio=0.75 - 0.42 * severity + rng.uniform(-0.03, 0.03),
        roughness=rng.uniform(0.08, 0.18) + 0.15 * severity,
        bead=rng.uniform(0.12, 0.40) + 0.4 * severity * rng.random(),
        bead_pitch=rng.uniform(1.0, 3.0),
        gaps=rng.uniform(0.03, 0.12) + 0.33 * severity * rng.random(),
        wobble=rng.uniform(0.03, 0.08) + 0.15 * severity * rng.random(),
        recovery=rng.uniform(0.0, 0.10),
        curl=rng.uniform(0.05, 0.25),
    )


def draw_job(seed: int, printer: str, habits: Habits, number: int, label: int) -> PrintJob:
    """Draws print `number` of a printer; all but its flow is the same for either label."""
    rng = stream(seed, "job", printer, number)
    flow_rng = stream(seed, "flow", printer, number, label)
    return PrintJob(
        filament=FILAMENTS[habits.filaments[int(rng.integers(len(habits.filaments)))]],
        line_width=float(habits.line_width * rng.uniform(0.95, 1.05)),
        layer_height=float(habits.layer_height * rng.uniform(0.9, 1.1)),
        speed=float(habits.speed * rng.uniform(0.8, 1.25)),
        shapes=habits.shapes,
        away=float(0.10 + 0.25 * rng.beta(1.0, 4.0)),
        flow=starved_flow(flow_rng) if label == UNDER_EXTRUDED else good_flow(flow_rng),
        label=label,
    )
