"""Takes a quick look at every frame, at 64 pixels: its content, size, brightness and gradient hash."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.decode import decode
from adaptprint.frames.frame_files import CountCallback, for_each_file
from adaptprint.frames.image_headers import UnreadableFrame, open_image, upright_size
from adaptprint.frames.near_copies import difference_hash
from adaptprint.frames.pixel_cache import content_digest

SIDE = 64
CLIPPED = 250
"""A pixel this bright holds no detail any more."""

_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601 luma


@dataclass(frozen=True)
class Look:
    """What one frame looks like.

    Attributes:
        digest: Of the file's bytes.
        size: Height and width as the file is shown upright, before the camera profile.
        brightness: Mean grey, 0 to 255.
        contrast: Standard deviation of grey.
        clipped: Share of pixels at or above :data:`CLIPPED`.
        gradients: 64-bit difference hash.
    """

    digest: str
    size: tuple[int, int]
    brightness: float
    contrast: float
    clipped: float
    gradients: int


def look_at(
    paths: Sequence[str], camera: CameraProfile, progress: CountCallback | None = None
) -> list[Look | UnreadableFrame]:
    """One look for each file, or why it cannot be read."""

    def look(row: int, data: bytes) -> Look:
        del row
        size = upright_size(open_image(data))
        grey = decode(data, (SIDE, SIDE), camera).astype(np.float32) @ _GREY
        return Look(
            digest=content_digest(data),
            size=size,
            brightness=float(grey.mean()),
            contrast=float(grey.std()),
            clipped=float((grey >= CLIPPED).mean()),
            gradients=difference_hash(grey.round().astype(np.uint8)),
        )

    looks = for_each_file(paths, look, progress=progress)
    return [look for look in looks if look is not None]
