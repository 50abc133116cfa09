"""What a printer is: its camera, its head, its bed, its light and its image chain."""

from dataclasses import dataclass, field

RGB = tuple[float, float, float]

DUCT = ((0.0, 0.9), (0.1, 1.0), (0.85, 1.0), (0.93, 0.55), (1.0, 0.4))
"""Lower edge of a fan duct: (share of the picture's width, share of the duct's height)."""


@dataclass(frozen=True)
class Camera:
    """Where the camera sits and how it sees.

    Attributes:
        height: Above the bed, mm.
        distance: Along the bed to the nozzle, mm; also where the focus lies.
        pitch: Looking down by so much, degrees.
        roll: Turned around its axis, degrees.
        fov: Horizontal field of view, degrees.
        offset: Sideways position relative to the nozzle, mm.
        mirrored: Whether the picture is flipped left to right.
        blur: Radius of defocus at the bottom of the picture, in 1/1000 of its width.
        shutter: Exposure time, s.
        reach: Depth at which the bed ends and the room begins, mm along the axis.
    """

    height: float = 3.8
    distance: float = 45.0
    pitch: float = 10.0
    roll: float = 0.0
    fov: float = 65.0
    offset: float = 0.0
    mirrored: bool = False
    blur: float = 7.0
    shutter: float = 0.008
    reach: float = 400.0


@dataclass(frozen=True)
class Head:
    """What rides above the bed with the camera.

    Attributes:
        nozzle: Kind of nozzle, a key of `nozzles.NOZZLES`.
        width: Width of the nozzle, share of the picture's width.
        shroud: Height of the fan duct across the top, share of the picture's height; 0 for none.
        shroud_shape: Its lower edge, see `DUCT`.
        shroud_colour: Its colour.
        shroud_gloss: Strength of the glints on it.
        shroud_behind: Whether it hangs behind the nozzle rather than before it.
        probe: Where a probe hangs, share of the picture's width; None for none.
        probe_tip: Colour of the probe's tip.
        prongs: Whether white fan prongs reach in at both edges.
        soft: Defocus of the head, in 1/1000 of the picture's width.
    """

    nozzle: str = "hex"
    width: float = 0.11
    shroud: float = 0.17
    shroud_shape: tuple[tuple[float, float], ...] = DUCT
    shroud_colour: RGB = (0.0014, 0.0014, 0.0018)
    shroud_gloss: float = 0.05
    shroud_behind: bool = False
    probe: float | None = None
    probe_tip: RGB = (0.012, 0.012, 0.014)
    prongs: bool = False
    soft: float = 0.8


@dataclass(frozen=True)
class Bed:
    """The build plate.

    Attributes:
        colour: Albedo.
        grain: Contrast of its texture, 0 for glass.
        coarse: Size of the grain, mm.
        mirror: Strength of the mirror image, 0..1.
        marks: Brightness of the dashes printed on it, 0 for none.
        scraps: Number of old scraps and scratches.
    """

    colour: RGB = (0.05, 0.05, 0.055)
    grain: float = 0.05
    coarse: float = 0.15
    mirror: float = 0.4
    marks: float = 0.0
    scraps: int = 6


@dataclass(frozen=True)
class Light:
    """What lights the scene. Brightnesses are those of the bare bed in the finished picture, in grey levels.

    Attributes:
        far: Brightness of the bed at the nozzle.
        near: Brightness of the bed at the bottom of the picture.
        far_tint: Tint of the bed at the nozzle.
        near_tint: Tint of the LEDs' glare at the bottom.
        spread: How wide the glare is, share of the picture's width.
        plastic: Light on the plastic at the nozzle, linear; 1 makes white plastic white.
        head: Light on the head.
        room: Colour of the room behind.
        blur: How far out of focus the room is, in 1/320 of the picture's width.
        clutter: Number of blurred things in the room.
        window: Brightness of the over-exposed window in the room; 0 for none.
        frame: Colour of a machine frame that stands in the room on the left; None for none.
    """

    far: float = 60.0
    near: float = 205.0
    far_tint: RGB = (1.0, 1.0, 1.0)
    near_tint: RGB = (0.95, 0.97, 1.1)
    spread: float = 0.6
    plastic: float = 0.6
    head: float = 1.0
    room: RGB = (0.03, 0.03, 0.03)
    blur: float = 2.2
    clutter: int = 14
    window: float = 1.0
    frame: RGB | None = None


@dataclass(frozen=True)
class Sensor:
    """From light to bytes.

    Attributes:
        size: Height and width of the frames, pixels.
        gain: White balance.
        contrast: Exponent of the tone curve around its middle; 1 is neutral.
        soft: Blur of the lens and of scaling, pixels at 640 wide; below 0.5 adds nothing.
        sharpen: Strength of the camera's own sharpening, 0..3.
        noise: Standard deviation of the noise in the dark, grey levels, as it is after sharpening.
        chroma: The same of the colour noise.
        haze: Veil over the picture, linear light.
        smudge: Where a bright smear sits, share of the picture's width; None for none.
        vignette: How much darker the corners are, 0..1.
        flicker: Relative change of exposure from frame to frame.
        quality: JPEG quality.
    """

    size: tuple[int, int] = (360, 640)
    gain: RGB = (1.0, 1.0, 1.0)
    contrast: float = 1.0
    soft: float = 0.5
    sharpen: float = 1.0
    noise: float = 2.2
    chroma: float = 1.6
    haze: float = 0.0003
    smudge: float | None = None
    vignette: float = 0.06
    flicker: float = 0.04
    quality: int = 90


@dataclass(frozen=True)
class Habits:
    """What its owner prints on it.

    Attributes:
        filaments: Spools on the shelf, names from `jobs.FILAMENTS`.
        line_width: Width of a good line, mm.
        layer_height: Height of a good line, mm.
        speed: Usual speed, mm/s.
        shapes: What is printed, names from `toolpath.SHAPES`.
    """

    filaments: tuple[str, ...] = ("white PLA", "blue silk", "orange PLA")
    line_width: float = 0.6
    layer_height: float = 0.3
    speed: float = 25.0
    shapes: tuple[str, ...] = ("polygon", "brim", "infill")


@dataclass(frozen=True)
class Printer:
    """One printer as its camera shows it: one domain.

    Attributes:
        name: Name of the preset, or `random-<n>`.
        number: Printer id in the data set, a zero-padded string.
        family: `endoscope` or `portrait`.
        look: Seed of its dirt, room and bed marks; always the same for a preset.
        camera: See `Camera`.
        head: See `Head`.
        bed: See `Bed`.
        light: See `Light`.
        sensor: See `Sensor`.
        habits: See `Habits`.
    """

    name: str
    number: str
    family: str
    look: int = 0
    camera: Camera = field(default_factory=Camera)
    head: Head = field(default_factory=Head)
    bed: Bed = field(default_factory=Bed)
    light: Light = field(default_factory=Light)
    sensor: Sensor = field(default_factory=Sensor)
    habits: Habits = field(default_factory=Habits)
