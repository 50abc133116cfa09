"""Printers that no preset shows, drawn at random within the ranges measured on real cameras."""

import numpy as np

from adaptprint.synth.jobs import FILAMENTS
from adaptprint.synth.printers import RGB, Bed, Camera, Habits, Head, Light, Printer, Sensor
from adaptprint.synth.randomness import stream
from adaptprint.synth.toolpath import SHAPES

ASPECT = 9 / 16

NOZZLE_WIDTHS = {
    "hex": (0.09, 0.16),
    "crusty": (0.09, 0.14),
    "knurled": (0.24, 0.32),
    "sock": (0.20, 0.32),
    "white sock": (0.12, 0.18),
    "block": (0.10, 0.15),
    "copper": (0.13, 0.20),
    "long": (0.10, 0.16),
    "black sock": (0.13, 0.20),
}
"""Nozzles of the endoscope family, and how wide they appear, shares of the picture's width."""

PORTRAIT_NOZZLES = ("olive hex", "brass hex", "steel cone", "black sock", "long")


def random_printer(seed: int, number: int, family: str) -> Printer:
    """Draws printer `random-<number>`.

    Args:
        seed: Other seeds, other printers.
        number: From 1.
        family: `endoscope` or `portrait`.
    """
    rng = stream(seed, "printer", family, number)
    draw = _portrait if family == "portrait" else _endoscope
    camera, head, light = draw(rng)
    bed = _bed(rng, family)
    return Printer(
        name=f"random-{number}",
        number=f"{(500 if family == 'portrait' else 100) + number:03d}",
        family=family,
        look=seed * 1000 + number,
        camera=camera,
        head=head,
        bed=bed,
        light=light,
        sensor=_sensor(rng, family),
        habits=_habits(rng, family, bed),
    )


def _endoscope(rng: np.random.Generator) -> tuple[Camera, Head, Light]:
    horizon, fov, distance = rng.uniform(0.14, 0.30), rng.uniform(48, 78), rng.uniform(32, 54)
    tip = horizon + rng.uniform(0.07, 0.20)
    focal = 0.5 / np.tan(np.radians(fov) / 2)
    pitch = np.arctan((0.5 - horizon) * ASPECT / focal)
    fall = pitch - np.arctan((0.5 - tip) * ASPECT / focal)
    camera = Camera(
        height=distance * float(np.tan(fall)),
        distance=distance,
        pitch=float(np.degrees(pitch)),
        roll=float(np.clip(rng.normal(0, 2.5), -6, 6)),
        fov=fov,
        offset=rng.uniform(-5, 5),
        mirrored=bool(rng.random() < 0.3),
        blur=rng.uniform(5, 10),
        shutter=rng.choice([0.004, 0.008, 0.015, 0.025]),
    )
    nozzle = str(rng.choice(list(NOZZLE_WIDTHS)))
    probed = rng.random() < 0.4
    dark = rng.uniform(0.001, 0.02)
    head = Head(
        nozzle=nozzle,
        width=rng.uniform(*NOZZLE_WIDTHS[nozzle]),
        shroud=rng.choice([0.0, rng.uniform(0.06, 0.7 * tip)], p=[0.2, 0.8]),
        shroud_colour=(dark, dark, dark * rng.uniform(0.9, 1.4)),
        shroud_gloss=rng.choice([0.03, 0.1, 0.4]),
        shroud_behind=bool(rng.random() < 0.3),
        probe=float(rng.choice([rng.uniform(0.06, 0.22), rng.uniform(0.8, 0.98)])) if probed else None,
        probe_tip=[(0.012, 0.012, 0.014), (0.45, 0.28, 0.09), (0.6, 0.6, 0.6)][int(rng.integers(3))],
        prongs=bool(rng.random() < 0.2),
        soft=rng.uniform(0.5, 1.6),
    )
    lit = rng.random() < 0.6
    light = Light(
        far=rng.uniform(28, 110),
        near=rng.uniform(190, 258),
        far_tint=_tint(rng, 0.18),
        near_tint=_tint(rng, 0.08),
        spread=rng.uniform(0.4, 0.8),
        plastic=rng.uniform(0.35, 0.8),
        head=rng.uniform(0.5, 1.4),
        room=tuple((np.asarray(_tint(rng, 0.5)) * rng.choice([0.004, 0.05, 0.3])).tolist()),
        clutter=int(rng.integers(2, 24)),
        window=rng.uniform(0.3, 2.2) if lit else 0.0,
        frame=tuple(rng.dirichlet([0.5] * 3).tolist()) if rng.random() < 0.25 else None,
    )
    return camera, head, light


def _portrait(rng: np.random.Generator) -> tuple[Camera, Head, Light]:
    height, distance, fov, tip = rng.uniform(10, 17), rng.uniform(32, 40), rng.uniform(34, 41), rng.uniform(0.70, 0.78)
    drop = np.arctan((tip - 0.5) * ASPECT * 2 * np.tan(np.radians(fov) / 2))
    camera = Camera(
        height=height,
        distance=distance,
        pitch=float(np.degrees(np.arctan(height / distance) - drop)),
        roll=float(np.clip(rng.normal(0, 1.5), -5, 5)),
        fov=fov,
        offset=rng.uniform(-3, 3),
        mirrored=bool(rng.random() < 0.3),
        blur=rng.uniform(3, 6),
        shutter=rng.choice([0.006, 0.015, 0.03]),
        reach=rng.uniform(65, 110),
    )
    tone = rng.uniform(0.01, 0.4)
    head = Head(
        nozzle=str(rng.choice(PORTRAIT_NOZZLES)),
        width=rng.uniform(0.26, 0.33),
        shroud=rng.uniform(0.03, 0.14),
        shroud_colour=(tone, tone, tone * rng.uniform(0.4, 1.1)),
        shroud_behind=True,
        soft=rng.uniform(0.8, 1.8),
    )
    far = rng.uniform(30, 140)
    tint = _tint(rng, 0.12)
    light = Light(
        far=far,
        near=far * rng.uniform(1.0, 1.6),
        far_tint=tint,
        near_tint=tint,
        plastic=rng.uniform(0.35, 0.65),
        head=rng.uniform(0.7, 1.6),
        room=tuple((np.asarray(_tint(rng, 0.3)) * rng.uniform(0.05, 0.7)).tolist()),
        blur=rng.uniform(4, 8),
        clutter=int(rng.integers(2, 9)),
        window=rng.uniform(1.0, 2.4),
        frame=tuple(rng.dirichlet([0.5] * 3).tolist()) if rng.random() < 0.3 else None,
    )
    return camera, head, light


def _bed(rng: np.random.Generator, family: str) -> Bed:
    textured = rng.random() < 0.4
    albedo = np.asarray(_tint(rng, 0.3)) * rng.choice([0.015, 0.05, 0.15, 0.3], p=[0.35, 0.35, 0.2, 0.1])
    return Bed(
        colour=tuple(albedo.tolist()),
        grain=rng.uniform(0.2, 0.5) if textured else rng.uniform(0.01, 0.08),
        coarse=rng.uniform(0.1, 0.2),
        mirror=rng.uniform(0.05, 0.25) if textured or family == "portrait" else rng.uniform(0.3, 0.7),
        marks=rng.uniform(0.4, 1.0) if rng.random() < 0.3 else 0.0,
        scraps=int(rng.integers(0, 20)),
    )


def _sensor(rng: np.random.Generator, family: str) -> Sensor:
    warmth = rng.normal(0, 0.07)
    return Sensor(
        size=((360, 640), (360, 640), (360, 640), (480, 640), (540, 960))[int(rng.integers(5))],
        gain=(float(np.exp(warmth)), float(np.exp(rng.normal(0, 0.03))), float(np.exp(-warmth))),
        contrast=rng.uniform(0.9, 1.5),
        soft=rng.uniform(0.3, 1.5),
        sharpen=rng.uniform(0.3, 2.0),
        noise=rng.uniform(1.0, 4.0),
        chroma=rng.uniform(0.8, 3.5),
        haze=float(rng.choice([0.0008, 0.004, 0.03], p=[0.6, 0.25, 0.15])),
        smudge=rng.choice([0.03, 0.97]) if rng.random() < 0.2 else None,
        vignette=rng.uniform(0.0, 0.35),
        flicker=rng.uniform(0.02, 0.07),
        quality=50 if family == "portrait" else int(rng.choice([72, 90, 90])),
    )


def _habits(rng: np.random.Generator, family: str, bed: Bed) -> Habits:
    """Three spools that show on the bed, one nozzle size, two or three kinds of things."""
    shown = [f.name for f in FILAMENTS.values() if abs(np.mean(f.colour) - np.mean(bed.colour)) > 0.08]
    line_width = rng.uniform(0.40, 0.85) if family == "endoscope" else rng.uniform(0.42, 0.6)
    return Habits(
        filaments=tuple(rng.choice(shown, 3, replace=False).tolist()),
        line_width=line_width,
        layer_height=line_width * rng.uniform(0.42, 0.58),
        speed=rng.uniform(16, 38),
        shapes=tuple(rng.choice(list(SHAPES), int(rng.integers(2, 4)), replace=False).tolist()),
    )


def _tint(rng: np.random.Generator, strength: float) -> RGB:
    """A colour of mean one."""
    colour = np.exp(strength * rng.standard_normal(3))
    red, green, blue = (colour / colour.mean()).tolist()
    return red, green, blue
