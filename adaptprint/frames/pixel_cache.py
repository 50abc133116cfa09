"""Keeps decoded frames on disk, keyed by content, so that no frame is ever decoded twice."""

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.decode import DECODER
from adaptprint.frames.kept_files import KeptFiles

Pixels8 = npt.NDArray[np.uint8]


def content_digest(data: bytes) -> str:
    """BLAKE2b of a file's bytes, 32 hex digits."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


class PixelCache:
    """Decoded frames as small files, one each, below ``folder/pixels``; see :class:`KeptFiles`.

    Args:
        folder: None means the user's cache folder.
        limit_bytes: None means the user's limit; 0 keeps nothing.
    """

    def __init__(self, folder: Path | None = None, limit_bytes: int | None = None) -> None:
        self._files = KeptFiles("pixels", "Decoded frames", folder, limit_bytes)

    @property
    def folder(self) -> Path:
        """The cache folder."""
        return self._files.folder

    @property
    def limit_bytes(self) -> int:
        """Bytes that are kept at most."""
        return self._files.limit_bytes

    @property
    def notes(self) -> list[str]:
        """What the user should know, one sentence each."""
        return self._files.notes

    def get(self, digest: str, size: tuple[int, int], camera: CameraProfile) -> Pixels8 | None:
        """The frame (h, w, 3) uint8, or None where it is not there or damaged.

        Args:
            digest: :func:`content_digest` of the image file.
            size: Height and width.
            camera: How the frame was turned and cropped.
        """
        body = self._files.get(_words(digest, size, camera))
        if body is None or len(body) != size[0] * size[1] * 3:
            return None
        return np.frombuffer(body, dtype=np.uint8).reshape(*size, 3)

    def put(self, digest: str, size: tuple[int, int], camera: CameraProfile, pixels: Pixels8) -> None:
        """Keeps a frame (h, w, 3) uint8. Never fails: a cache that cannot be written is done without."""
        self._files.put(_words(digest, size, camera), pixels.tobytes())


def _words(digest: str, size: tuple[int, int], camera: CameraProfile) -> str:
    return f"{digest} {size[0]} {size[1]} {camera.model_dump_json()} {DECODER}"
