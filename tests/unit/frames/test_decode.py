"""Image bytes to RGB pixels: every mode, every orientation, every way to be broken."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.decode import decode
from adaptprint.frames.image_headers import UnreadableFrame, frame_size

Picture = Callable[..., Image.Image]

SIZE = (24, 32)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def quadrants() -> Image.Image:
    """Red, green / blue, white: shows every turn. 40 x 60 pixels."""
    image = Image.new("RGB", (60, 40))
    for box, colour in (((0, 0), "red"), ((30, 0), "lime"), ((0, 20), "blue"), ((30, 20), "white")):
        image.paste(colour, (*box, box[0] + 30, box[1] + 20))
    return image


def corners(pixels: "np.ndarray[Any, Any]") -> str:
    """The colours of the four corners, read as text."""
    names = {(1, 0, 0): "r", (0, 1, 0): "g", (0, 0, 1): "b", (1, 1, 1): "w"}
    picked = pixels[[1, 1, -2, -2], [1, -2, 1, -2]] > 128
    return "".join(names.get((int(pixel[0]), int(pixel[1]), int(pixel[2])), "?") for pixel in picked)


@pytest.mark.parametrize(("kind", "options"), [("JPEG", {"quality": 95}), ("PNG", {}), ("BMP", {}), ("WEBP", {})])
def test_every_image_type_becomes_rgb_of_the_asked_size(picture: Picture, kind: str, options: dict[str, Any]) -> None:
    image = picture(size=(96, 128))
    pixels = decode(encoded(image, kind, **options), SIZE)
    assert pixels.shape == (24, 32, 3)
    assert pixels.dtype == np.uint8
    wanted = np.asarray(image.resize((32, 24), Image.Resampling.BILINEAR), dtype=int)
    assert np.abs(pixels - wanted).mean() < 5


def test_a_large_jpeg_is_decoded_at_reduced_scale_and_looks_the_same(picture: Picture) -> None:
    image = picture(size=(1440, 1920))
    pixels = decode(encoded(image, "JPEG", quality=95), SIZE)
    wanted = np.asarray(image.resize((32, 24), Image.Resampling.BILINEAR), dtype=int)
    assert np.abs(pixels - wanted).mean() < 3


def test_the_suffix_does_not_matter_the_content_does(picture: Picture, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(encoded(picture(), "JPEG"))
    assert frame_size(file) == (48, 64)


def test_16_bit_grey_is_scaled_by_its_full_range() -> None:
    wide = np.linspace(0, 65535, 32).astype(np.uint16)[None].repeat(24, 0)
    pixels = decode(encoded(Image.fromarray(wide)), SIZE)
    assert np.abs(pixels[0, :, 0] - np.linspace(0, 255, 32)).max() <= 1
    assert (pixels[..., 0] == pixels[..., 2]).all()


def test_16_bit_colour_keeps_its_high_byte() -> None:
    rows = b"".join(b"\0" + struct.pack(">HHH", 0x1200, 0x8000, 0xFF00) * 4 for _ in range(4))
    head = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )
    assert decode(data, (2, 2))[0, 0].tolist() == [0x12, 0x80, 0xFF]


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("L", "PNG"), ("L", "JPEG"), ("1", "PNG"), ("P", "PNG"), ("P", "BMP"), ("CMYK", "JPEG")],
)
def test_grey_palette_and_cmyk_look_like_their_rgb(picture: Picture, mode: str, kind: str) -> None:
    image = picture(size=(96, 128)).convert(mode)
    pixels = decode(encoded(image, kind), SIZE)
    wanted = np.asarray(image.convert("RGB").resize((32, 24), Image.Resampling.BILINEAR), dtype=int)
    assert np.abs(pixels - wanted).mean() < 6


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_pixels_are_mid_grey(mode: str) -> None:
    image = Image.new("RGBA", (32, 24), (255, 255, 255, 0)).convert("RGBA" if mode == "PA" else mode)
    data = encoded(image.quantize() if mode == "PA" else image)
    assert decode(data, SIZE).ravel().tolist() == [128] * (24 * 32 * 3)


@pytest.mark.parametrize(
    ("orientation", "seen"),
    [(1, "rgbw"), (2, "grwb"), (3, "wbgr"), (4, "bwrg"), (5, "rbgw"), (6, "brwg"), (7, "wgbr"), (8, "gwrb")],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, seen: str, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(quadrants(), kind, exif=exif)
    turned = orientation >= 5
    assert corners(decode(data, (60, 40) if turned else (40, 60))) == seen
    file = tmp_path / "a"
    file.write_bytes(data)
    assert frame_size(file) == ((60, 40) if turned else (40, 60))


@pytest.mark.parametrize(
    ("camera", "seen"),
    [
        (CameraProfile(rotate=90), "brwg"),
        (CameraProfile(rotate=180), "wbgr"),
        (CameraProfile(rotate=270), "gwrb"),
        (CameraProfile(flip="horizontal"), "grwb"),
        (CameraProfile(flip="vertical"), "bwrg"),
        (CameraProfile(flip="both"), "wbgr"),
        (CameraProfile(rotate=90, flip="horizontal"), "rbgw"),
        (CameraProfile(crop=(0.5, 0.0, 0.5, 0.5)), "gggg"),
        (CameraProfile(rotate=90, crop=(0.0, 0.0, 0.5, 1.0)), "bbww"),
    ],
)
def test_the_camera_rotates_then_flips_then_crops(camera: CameraProfile, seen: str) -> None:
    assert corners(decode(encoded(quadrants()), (40, 40), camera)) == seen


def test_a_crop_of_a_jpeg_is_not_starved_of_pixels() -> None:
    stripes = np.zeros((640, 640, 3), dtype=np.uint8)
    stripes[:, :64:4] = stripes[:, 1:64:4] = 255  # two pixels on, two off, in the leftmost tenth
    data = encoded(Image.fromarray(stripes), "JPEG", quality=95)
    pixels = decode(data, (64, 64), CameraProfile(crop=(0.0, 0.0, 0.1, 0.1)))
    assert pixels.astype(int).max() - pixels.astype(int).min() > 150


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9])
def test_a_truncated_file_says_so(picture: Picture, kind: str, keep: float) -> None:
    data = encoded(picture(size=(96, 128)), kind)
    with pytest.raises(UnreadableFrame) as error:
        decode(data[: int(len(data) * keep)], SIZE)
    if kind in ("JPEG", "PNG"):
        assert error.value.reason.startswith("truncated")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"hello, I am a text", "not a JPEG, PNG, BMP or WebP"),
        (b"GIF89a" + bytes(50), "not a JPEG, PNG, BMP or WebP"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "corrupt"),
        (b"\xff\xd8\xff\xe0" + bytes(50), ""),
        (b"RIFF\0\0\0\0WEBPVP8 ", "truncated"),
        (b"BM" + bytes(60), "corrupt"),
    ],
)
def test_what_is_no_image_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFrame) as error:
        decode(data, SIZE)
    assert error.value.reason.startswith(reason)


def png_header(width: int, height: int) -> bytes:
    body = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    head = struct.pack(">I", len(body)) + b"IHDR" + body + struct.pack(">I", zlib.crc32(b"IHDR" + body))
    return b"\x89PNG\r\n\x1a\n" + head + struct.pack(">I", 1000) + b"IDAT"


def with_jpeg_size(data: bytes, width: int, height: int) -> bytes:
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


@pytest.mark.parametrize("kind", ["png", "jpeg", "bmp", "webp"])
def test_a_bomb_of_40000_x_40000_pixels_is_refused_by_its_header(picture: Picture, tmp_path: Path, kind: str) -> None:
    bomb = {
        "png": png_header(40000, 40000),
        "jpeg": with_jpeg_size(encoded(picture(), "JPEG"), 40000, 40000),
        "bmp": (lambda bmp: bmp[:18] + struct.pack("<ii", 40000, 40000) + bmp[26:])(encoded(picture(), "BMP")),
        "webp": b"RIFF\xff\xff\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + (39999).to_bytes(3, "little") * 2 + bytes(9),
    }[kind]
    with pytest.raises(UnreadableFrame, match="too large: 40000 x 40000 pixels"):
        decode(bomb, SIZE)
    (tmp_path / "a").write_bytes(bomb)
    with pytest.raises(UnreadableFrame, match="too large"):
        frame_size(tmp_path / "a")


def test_between_the_limits_only_a_reduced_jpeg_passes(picture: Picture) -> None:
    with pytest.raises(UnreadableFrame, match="12000 x 12000 pixels to decode, the limit is 100 megapixels"):
        decode(png_header(12000, 12000), SIZE)
    assert outcome(with_jpeg_size(encoded(picture(), "JPEG"), 12000, 12000)) == ""


def test_a_missing_file_has_no_size(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFrame, match="the file does not exist"):
        frame_size(tmp_path / "gone.jpg")


def outcome(data: bytes) -> str:
    """Why the bytes cannot be decoded; nothing where they can."""
    try:
        return "" if decode(data, (8, 8)).shape == (8, 8, 3) else "wrong shape"
    except UnreadableFrame as error:
        return error.reason


@pytest.mark.parametrize("head", [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"RIFF\0\0\0\0WEBP"])
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300))
@example(data=b"\xff" * 40)
def test_random_bytes_raise_nothing_but_unreadable(head: bytes, data: bytes) -> None:
    assert outcome(head + data) not in ("wrong shape", "")


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["JPEG", "PNG", "BMP", "WEBP"]),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
    keep=st.floats(0, 1),
)
def test_damaged_files_give_pixels_or_unreadable(
    picture: Picture, kind: str, cuts: list[tuple[float, int]], keep: float
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {} if kind == "BMP" else {"exif": exif}
    data = bytearray(encoded(picture(size=(20, 24)), kind, **options))
    for at, value in cuts:
        data[int(at * (len(data) - 1))] = value
    damaged = bytes(data[: max(1, int(len(data) * (1 - keep**4)))])
    reason = outcome(damaged)
    assert reason != "wrong shape"
    assert "\n" not in reason
