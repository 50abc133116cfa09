"""Reads what the head of an image file tells, its kind, size and orientation, and refuses bombs by it."""

import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import IO

from PIL import Image, UnidentifiedImageError
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

MAX_FILE_PIXELS = 200_000_000
"""A file of more pixels is refused by its header. The largest phone sensors have this many."""

MAX_FILE_BYTES = 1 << 30
"""A larger file is refused unread: as many bytes hold the largest photo uncompressed."""

MAX_DECODED_PIXELS = 100_000_000
"""At most this many pixels are ever decoded. A JPEG's reduced scale counts: a 200-megapixel photo passes."""

EMPTY = "empty file (0 bytes)"
TRUNCATED = "truncated: the end of the file is missing"
NO_IMAGE = "not a JPEG, PNG, BMP or WebP image"

_ORIENTATION = 0x0112


class UnreadableFrame(Exception):  # noqa: N818 - it is a finding about one frame, not an error of the run
    """One frame cannot be decoded.

    Args:
        reason: Why, in a few plain words.
        passing: Whether the cause lies outside the file's content, so that the same file may be readable tomorrow.
    """

    def __init__(self, reason: str, passing: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.passing = reason, passing


def open_image(data: bytes) -> Image.Image:
    """Opens by content, whatever the suffix says; reads the header only.

    Raises:
        UnreadableFrame: Empty, not a JPEG, PNG, BMP or WebP, or above :data:`MAX_FILE_PIXELS`.
    """
    return _open(BytesIO(data), data[:32])


def frame_size(path: str | Path) -> tuple[int, int]:
    """Height and width of an image file as it is shown upright, from its header.

    Raises:
        UnreadableFrame: The file is missing, or its header is damaged or of no image.
    """
    try:
        with Path(path).open("rb") as file:
            head = file.read(32)
            file.seek(0)
            return upright_size(_open(file, head))
    except UnreadableFrame:
        raise
    except Exception as error:
        raise UnreadableFrame(plain_reason(error), may_pass(error)) from error


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Height and width of an opened image once it is turned as its EXIF asks."""
    return (image.width, image.height) if orientation(image) >= 5 else (image.height, image.width)


def orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 where there is none or it cannot be read."""
    if "exif" not in image.info:
        return 1
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a damaged EXIF block is no reason to lose the frame
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def plain_reason(error: Exception) -> str:
    """An error of the file system or of Pillow in words a user understands."""
    if isinstance(error, FileNotFoundError):
        return "the file does not exist"
    if isinstance(error, PermissionError):
        return "no permission to read the file"
    if isinstance(error, MemoryError):
        return "not enough memory to decode it"
    if isinstance(error, UnidentifiedImageError):
        return NO_IMAGE
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "truncated" in text.lower() or "premature" in text.lower() or isinstance(error, EOFError | struct.error):
        return TRUNCATED
    return f"corrupt: {text}"


def may_pass(error: Exception) -> bool:
    """Whether memory, disk or network are to blame, and not what the file holds; Pillow's errors have no number."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno is not None)


def _open(file: IO[bytes], head: bytes) -> Image.Image:
    if not head:
        raise UnreadableFrame(EMPTY)
    opener = _opener(head)
    if opener is None:
        raise UnreadableFrame(NO_IMAGE)
    if opener is WebPImageFile:
        _refuse_bomb(*_webp_size(head))  # its plugin allocates the canvas on opening
    try:
        image = opener(file)
    except Exception as error:
        raise UnreadableFrame(plain_reason(error), may_pass(error)) from error
    _refuse_bomb(*image.size)
    return image


def _opener(head: bytes) -> Callable[[IO[bytes]], Image.Image] | None:
    """Pillow's class for the file. Image.open is not used: it warns, from every thread, at a lower limit."""
    if head.startswith(b"\xff\xd8\xff"):
        return JpegImageFile
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImageFile
    if head.startswith(b"BM"):
        return BmpImageFile
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WebPImageFile
    return None


def _webp_size(head: bytes) -> tuple[int, int]:
    """Width and height from the first chunk of a WebP file (RFC 9649, section 2)."""
    kind = head[12:16]
    if len(head) < 30:
        raise UnreadableFrame(TRUNCATED)
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack("<HH", head[26:30])
    return width & 0x3FFF, height & 0x3FFF


def _refuse_bomb(width: int, height: int) -> None:
    if width * height > MAX_FILE_PIXELS:
        raise UnreadableFrame(
            f"too large: {width} x {height} pixels, the limit is {MAX_FILE_PIXELS // 10**6} megapixels"
        )
    if width * height == 0:
        raise UnreadableFrame("corrupt: the image has no pixels")
