"""The kinds of nozzle, as stacks of turned parts: outlines measured in nozzle widths up from the tip."""

from dataclasses import dataclass

RGB = tuple[float, float, float]


@dataclass(frozen=True)
class Part:
    """A part with the same outline left and right.

    Attributes:
        outline: Points (height above the tip, half width), from the lowest to the highest, in nozzle widths.
        colour: Albedo.
        shine: Strength of its glints.
        faces: 0 for a round part, else the number of flat faces that one sees.
        grime: How dirty it is, 0..1.
        jag: Roughness of its edge, nozzle widths.
        ribs: Distance of turned ribs or threads, nozzle widths; 0 for none.
        hole: Centre height and radius of a round hole in its front, nozzle widths.
    """

    outline: tuple[tuple[float, float], ...]
    colour: RGB
    shine: float = 0.4
    faces: int = 0
    grime: float = 0.3
    jag: float = 0.0
    ribs: float = 0.0
    hole: tuple[float, float] | None = None


STEEL, RUST, BRASS, COPPER = (0.42, 0.39, 0.37), (0.22, 0.14, 0.09), (0.62, 0.38, 0.10), (0.60, 0.26, 0.12)
SOOT, SILICONE, OLIVE = (0.020, 0.020, 0.022), (0.72, 0.76, 0.80), (0.22, 0.21, 0.06)

NOZZLES: dict[str, tuple[Part, ...]] = {
    "hex": (
        Part(((0.92, 1.0), (1.1, 1.35), (1.5, 1.45)), RUST, 0.25, grime=0.9, jag=0.05),
        Part(((0.75, 0.27), (1.1, 0.27)), (0.08, 0.08, 0.08), 0.5, ribs=0.07),
        Part(((0.28, 0.40), (0.34, 0.5), (0.72, 0.5), (0.78, 0.42)),
            STEEL, 0.35, faces=3, grime=0.6, hole=(0.54, 0.10)),
        Part(((0.0, 0.06), (0.05, 0.08), (0.20, 0.24), (0.30, 0.26)), (0.2, 0.17, 0.15), 0.5, grime=0.7),
    ),
    "crusty": (
        Part(((1.0, 1.2), (1.3, 1.4)), SOOT, 0.3, grime=0.8, jag=0.10),
        Part(((0.38, 0.5), (1.0, 0.5), (1.05, 0.45)),
            (0.10, 0.07, 0.05), 0.55, faces=3, grime=1.0, jag=0.03, hole=(0.7, 0.08)),
        Part(((0.0, 0.05), (0.08, 0.09), (0.25, 0.32), (0.40, 0.36)), (0.09, 0.07, 0.06), 0.7, grime=0.9, jag=0.02),
    ),
    "knurled": (
        Part(((0.88, 0.44), (1.05, 0.50), (1.35, 0.50)), BRASS, 1.4, grime=0.15),
        Part(((0.78, 0.47), (0.90, 0.45)), (0.16, 0.08, 0.02), 0.5, grime=0.3),
        Part(((0.26, 0.38), (0.32, 0.46), (0.40, 0.5), (0.74, 0.5), (0.80, 0.48)),
            BRASS, 1.5, grime=0.25, hole=(0.55, -1.0)),
        Part(((0.0, 0.05), (0.05, 0.07), (0.14, 0.14), (0.28, 0.17)), (0.07, 0.045, 0.02), 0.6, grime=0.8, jag=0.01),
    ),
    "sock": (
        Part(((0.10, 0.20), (0.17, 0.34), (0.30, 0.44), (0.34, 0.5), (0.52, 0.5)), SOOT, 0.35, grime=0.8, jag=0.02),
        Part(((0.0, 0.035), (0.05, 0.09), (0.13, 0.20)), (0.05, 0.04, 0.04), 0.6, grime=0.6),
    ),
    "white sock": (
        Part(((0.20, 0.26), (0.26, 0.34), (0.44, 0.40), (0.50, 0.5), (1.1, 0.52)),
            SILICONE, 0.15, faces=2, grime=0.25),
        Part(((0.0, 0.04), (0.05, 0.06), (0.22, 0.20)), BRASS, 0.8, grime=0.4),
    ),
    "block": (
        Part(((0.55, 0.85), (0.60, 0.9), (2.2, 0.9)),
            (0.33, 0.34, 0.36), 0.5, faces=2, grime=0.35, hole=(0.95, 0.12)),
        Part(((0.25, 0.42), (0.30, 0.5), (0.56, 0.5)), STEEL, 0.7, faces=3, grime=0.3),
        Part(((0.0, 0.07), (0.06, 0.10), (0.26, 0.34)), STEEL, 0.8, grime=0.5),
    ),
    "copper": (
        Part(((0.75, 0.62), (0.80, 0.7), (2.2, 0.7)), (0.40, 0.40, 0.42), 0.3, faces=1, grime=0.3),
        Part(((0.42, 0.5), (0.76, 0.5)), COPPER, 0.9, faces=3, grime=0.35),
        Part(((0.0, 0.07), (0.04, 0.09), (0.44, 0.46)), COPPER, 1.2, grime=0.45),
    ),
    "long": (
        Part(((0.85, 0.5), (0.92, 0.62), (2.6, 0.62)), (0.06, 0.06, 0.065), 0.4, faces=1, grime=0.5),
        Part(((0.38, 0.34), (0.90, 0.36)), BRASS, 0.8, ribs=0.06, grime=0.5),
        Part(((0.0, 0.06), (0.05, 0.08), (0.40, 0.32)), BRASS, 1.0, grime=0.6),
    ),
    "olive hex": (
        Part(((0.52, 0.47), (0.62, 0.5), (2.2, 0.5)), OLIVE, 0.5, faces=3, grime=0.35, jag=0.006),
        Part(((0.0, 0.06), (0.03, 0.09), (0.54, 0.47)), (0.15, 0.13, 0.05), 0.35, grime=0.6, jag=0.006),
    ),
    "brass hex": (
        Part(((0.52, 0.47), (0.60, 0.5), (2.2, 0.5)), (0.45, 0.30, 0.04), 0.9, faces=3, grime=0.35),
        Part(((0.0, 0.06), (0.03, 0.08), (0.54, 0.47)), (0.25, 0.13, 0.04), 0.7, grime=0.8, jag=0.01),
    ),
    "steel cone": (
        Part(((0.60, 0.5), (2.2, 0.5)), (0.30, 0.31, 0.33), 0.9, grime=0.3),
        Part(((0.0, 0.05), (0.03, 0.06), (0.30, 0.20), (0.62, 0.5)), (0.28, 0.28, 0.30), 1.2, grime=0.4),
    ),
    "black sock": (
        Part(((0.26, 0.30), (0.34, 0.42), (0.66, 0.5), (2.2, 0.52)), SOOT, 0.4, grime=0.7, jag=0.01),
        Part(((0.0, 0.05), (0.04, 0.07), (0.30, 0.28)), BRASS, 1.0, grime=0.6),
    ),
}  # fmt: skip
"""Every kind of nozzle by name, its parts from the back to the front."""
