"""Turns the bytes of one image file into RGB pixels at the network's size, or says in plain words why not."""

import math

import numpy as np
import numpy.typing as npt
import PIL
from PIL import Image
from PIL.Image import Resampling, Transpose

from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.image_headers import (
    MAX_DECODED_PIXELS,
    UnreadableFrame,
    may_pass,
    open_image,
    orientation,
    plain_reason,
)

Pixels8 = npt.NDArray[np.uint8]

DECODER = f"1-{PIL.__version__}"
"""Name of this way to decode; part of every cache key."""

ALPHA_GROUND = 128
"""Transparent pixels become mid-grey: black or white would draw an edge that no camera saw."""

_UPRIGHT = {  # what undoes each EXIF orientation
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
_ROTATION = {
    90: Transpose.ROTATE_270,
    180: Transpose.ROTATE_180,
    270: Transpose.ROTATE_90,
}  # Pillow: anticlockwise
_FLIP = {
    "horizontal": Transpose.FLIP_LEFT_RIGHT,
    "vertical": Transpose.FLIP_TOP_BOTTOM,
    "both": Transpose.ROTATE_180,
}
_SWAPS_AXES = frozenset({Transpose.ROTATE_90, Transpose.ROTATE_270, Transpose.TRANSPOSE, Transpose.TRANSVERSE})


def decode(data: bytes, size: tuple[int, int], camera: CameraProfile | None = None) -> Pixels8:
    """Decodes one image, turns it upright, applies the camera profile and resizes it.

    JPEG is decoded at the smallest of its reduced scales (1/2, 1/4, 1/8) that still covers ``size``. Resizing
    averages the pixels it merges (bilinear, antialiased); the aspect follows ``size``. 16-bit grey is scaled
    by its full range, 16-bit colour keeps its high byte, transparency shows :data:`ALPHA_GROUND`.

    Args:
        data: The whole file.
        size: Height and width of the result.
        camera: Rotation, flip and crop, applied after the EXIF orientation; None leaves the frame as it is.

    Returns:
        (h, w, 3) uint8, RGB.

    Raises:
        UnreadableFrame: The file is empty, truncated, corrupt, too large, or no image.
    """
    camera = camera or CameraProfile()
    try:
        image = open_image(data)
        turns = _turns(image, camera)
        _reduce_while_decoding(image, size, turns, camera)
        upright = to_rgb(image)
        for turn in turns:
            upright = upright.transpose(turn)
        box = _crop_box(camera, upright.size)
        resized = upright.resize((size[1], size[0]), Resampling.BILINEAR, box, reducing_gap=2.0)
    except UnreadableFrame:
        raise
    except Exception as error:  # Pillow raises nearly any type on damaged files
        raise UnreadableFrame(plain_reason(error), may_pass(error)) from error
    return np.asarray(resized, dtype=np.uint8)


def to_rgb(image: Image.Image) -> Image.Image:
    """Any of Pillow's modes as 8-bit RGB, loaded."""
    if image.mode.startswith("I"):  # 16-bit grey, in 16- or 32-bit cells
        wide = np.asarray(image).astype(np.int64).clip(0, 65535)
        return Image.fromarray(((wide * 255 + 32767) // 65535).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        pixels = image.convert("RGBA")
        ground = Image.new("RGBA", pixels.size, (ALPHA_GROUND, ALPHA_GROUND, ALPHA_GROUND, 255))
        return Image.alpha_composite(ground, pixels).convert("RGB")
    if image.mode != "RGB":
        return image.convert("RGB")
    image.load()
    return image


def _turns(image: Image.Image, camera: CameraProfile) -> list[Transpose]:
    steps = (_UPRIGHT.get(orientation(image)), _ROTATION.get(camera.rotate), _FLIP.get(camera.flip))
    return [step for step in steps if step is not None]


def _reduce_while_decoding(
    image: Image.Image, size: tuple[int, int], turns: list[Transpose], camera: CameraProfile
) -> None:
    """Chooses the JPEG's scale, and refuses what would still be too large."""
    height, width = size
    if camera.crop is not None:
        width, height = math.ceil(width / camera.crop[2]), math.ceil(height / camera.crop[3])
    if sum(turn in _SWAPS_AXES for turn in turns) % 2:
        width, height = height, width
    image.draft(None, (width, height))  # None keeps the mode
    if image.width * image.height > MAX_DECODED_PIXELS:
        raise UnreadableFrame(
            f"too large: {image.width} x {image.height} pixels to decode, "
            f"the limit is {MAX_DECODED_PIXELS // 10**6} megapixels"
        )


def _crop_box(camera: CameraProfile, size: tuple[int, int]) -> tuple[float, float, float, float] | None:
    """The profile's crop in pixels (left, top, right, bottom) of the upright image of ``size`` (w, h)."""
    if camera.crop is None:
        return None
    x, y, width, height = camera.crop
    right, bottom = min(1.0, x + width), min(1.0, y + height)
    return x * size[0], y * size[1], right * size[0], bottom * size[1]
