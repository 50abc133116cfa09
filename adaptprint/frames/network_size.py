"""Chooses the size at which the network sees the frames, so that their aspect is kept."""

import math

import numpy as np

from adaptprint.errors import BadDataError
from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.image_headers import UnreadableFrame, frame_size
from adaptprint.frames.table import FrameTable
from adaptprint.frames.wording import no_frame

SAMPLED_FRAMES = 32
MULTIPLE = 32
"""Total stride of a ResNet: other heights lose rows at the border."""

TALLEST = 4
"""The height is at most this many widths, whatever the frames are."""


def network_size(table: FrameTable, camera: CameraProfile | None = None, width: int = 224) -> tuple[int, int]:
    """Height and width for the network: at most ``width``, and the height by the frames' median aspect.

    Frames narrower than ``width`` keep their own width, rounded to a multiple of 32.

    Args:
        table: Frames; up to 32 of them, spread evenly, are asked for their size (header only).
        camera: Rotation and crop change the aspect.
        width: Width wanted at most, pixels; a multiple of 32.

    Returns:
        Height and width, pixels, both multiples of 32.

    Raises:
        BadDataError: None of the sampled frames can be read.
    """
    camera = camera or CameraProfile()
    rows = np.unique(np.linspace(0, max(len(table) - 1, 0), SAMPLED_FRAMES).round().astype(int))
    sizes = [_size(path) for path in table.data["path"].gather(rows[: len(table)])]
    seen = np.array([_as_seen(size, camera) for size in sizes if isinstance(size, tuple)])
    if not len(seen):
        why = f" ({sizes[0]})" if sizes else ""
        raise BadDataError(
            f"{no_frame(len(sizes), f'in {table.root}', 'sampled ')} be read{why}.",
            "Copy the frames again; `adaptprint verify` lists what is wrong with each.",
        )
    # Enlarging small frames would add work and no detail.
    heights, widths = seen.T
    width = min(width, MULTIPLE * max(2, math.floor(float(np.median(widths)) / MULTIPLE + 0.5)))
    steps = math.floor(width * float(np.median(heights / widths)) / MULTIPLE + 0.5)
    tallest = max(1, TALLEST * width // MULTIPLE)
    return MULTIPLE * min(max(1, steps), tallest), width


def _size(path: str) -> tuple[int, int] | str:
    """Height and width, or why there are none."""
    try:
        return frame_size(path)
    except UnreadableFrame as error:
        return f"{path}: {error.reason}"


def _as_seen(size: tuple[int, int], camera: CameraProfile) -> tuple[float, float]:
    """Height and width of a frame after the camera profile."""
    height, width = (float(side) for side in size)
    if camera.rotate in (90, 270):
        height, width = width, height
    if camera.crop is not None:
        width, height = width * camera.crop[2], height * camera.crop[3]
    return height, width
