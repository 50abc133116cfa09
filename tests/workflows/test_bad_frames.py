"""Frames that cannot be used: each ends in one line of cause, one of fix, the right exit code, and nothing written."""

import io
import json
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import adaptprint
from adaptprint.errors import BadDataError, UsageError

Adapt = Callable[..., str]


@pytest.fixture
def adapt_fails(
    cli: Callable[..., Any], fails: Callable[..., str], untouched: Callable[..., None], source: Path, tmp_path: Path
) -> Adapt:
    """Runs adapt on bad frames, checks how it ends and that nothing is left, and returns cause and fix."""

    def run(target: Path, *words: object, code: int = 4) -> str:
        out = tmp_path / "out" / "run"
        said = fails(cli("adapt", "--source", source, "--target", target, "--out", out, *words), code)
        untouched(out)
        assert not out.parent.exists()
        return said

    return run


def folder_of(place: Path, **files: bytes) -> Path:
    place.mkdir(parents=True)
    for name, content in files.items():
        (place / name.replace("_", ".")).write_bytes(content)
    return place


def as_bytes(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def huge_png(side: int = 40_000) -> bytes:
    """A PNG that says it has side x side pixels, and has next to none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")


# --- where frames should be -------------------------------------------------------------------------------------------


def test_a_missing_target_is_named(adapt_fails: Adapt, tmp_path: Path) -> None:
    assert "no_such_printer" in adapt_fails(tmp_path / "no_such_printer")


def test_an_empty_folder_is_refused(adapt_fails: Adapt, tmp_path: Path) -> None:
    assert "empty" in adapt_fails(folder_of(tmp_path / "data"))


def test_a_folder_without_images_is_refused_and_what_it_holds_is_said(adapt_fails: Adapt, tmp_path: Path) -> None:
    said = adapt_fails(folder_of(tmp_path / "data", notes_txt=b"hello", model_gcode=b"G28"))
    assert ".gcode" in said


def test_a_file_that_holds_no_frames_is_refused(adapt_fails: Adapt, tmp_path: Path) -> None:
    folder_of(tmp_path / "data", part_stl=b"solid")
    adapt_fails(tmp_path / "data" / "part.stl")


def test_an_unknown_layout_is_refused_with_the_nearest_name(adapt_fails: Adapt, target: Path) -> None:
    assert "prints" in adapt_fails(target, "--layout", "print", code=2)


# --- tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lacking", ["img_path", "printer_id", "print_id"])
def test_a_csv_that_lacks_a_column_is_refused_and_the_column_named(
    lacking: str, adapt_fails: Adapt, write_csv: Callable[..., Path], tmp_path: Path
) -> None:
    columns = [name for name in ("img_path", "printer_id", "print_id") if name != lacking]
    sheet = write_csv(tmp_path / "data" / "frames.csv", [("a", "b")], columns)
    assert lacking in adapt_fails(sheet).splitlines()[0]


@pytest.mark.parametrize("path", ["../secret.jpg", "images/../../secret.jpg", "/etc/secret.jpg", "C:\\secret.jpg"])
def test_a_csv_may_not_name_images_outside_its_folder(
    path: str, adapt_fails: Adapt, write_csv: Callable[..., Path], target: Path, tmp_path: Path
) -> None:
    shutil.copy(target / "images/9/p0/0.jpg", tmp_path / "secret.jpg")
    sheet = write_csv(tmp_path / "data" / "train.csv", [(path, "9", "p0", 0)])
    assert "secret.jpg" in adapt_fails(sheet)


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (("0.jpg", "", "p0", 0), "printer_id"),
        (("0.jpg", "9", " ", 0), "print_id"),
        (("gone.jpg", "9", "p0", 0), "gone.jpg"),
        (("0.jpg", "9"), "2 cells"),
    ],
)
def test_a_broken_row_of_a_csv_is_named(
    row: tuple[object, ...], word: str, adapt_fails: Adapt, write_csv: Callable[..., Path], target: Path, tmp_path: Path
) -> None:
    sheet = write_csv(tmp_path / "data" / "train.csv", [row])
    shutil.copy(target / "images/9/p0/0.jpg", tmp_path / "data" / "0.jpg")
    assert word in adapt_fails(sheet)


def test_a_csv_that_is_no_text_is_refused(adapt_fails: Adapt, tmp_path: Path) -> None:
    folder_of(tmp_path / "data", train_csv=b"\xff\xfe\x00img_path")
    adapt_fails(tmp_path / "data" / "train.csv")


def test_a_label_that_the_model_does_not_know_is_refused_where_labels_are_read(
    cli: Callable[..., Any], fails: Callable[..., str], source: Path, target: Path, write_csv: Callable[..., Path],
    tmp_path: Path,
) -> None:  # fmt: skip
    data = Path(shutil.copytree(target, tmp_path / "data"))
    write_csv(data / "train.csv", [("9/p0/0.jpg", "9", "p0", "stringing")])
    assert "stringing" in fails(cli("evaluate", "--model", source, "--data", data), 4)


# --- ids that nobody has ----------------------------------------------------------------------------------------------


def test_a_printer_that_the_target_does_not_hold_is_refused_and_its_own_are_named(
    adapt_fails: Adapt, target: Path
) -> None:
    said = adapt_fails(target, "--printer", "77", code=2)
    assert "77" in said
    assert "9" in said.splitlines()[1]


def test_several_printers_at_once_are_refused(
    adapt_fails: Adapt, write_printers: Callable[..., Path], tmp_path: Path
) -> None:
    data = write_printers(tmp_path / "data", ("9", "10"), prints=1, frames=1)
    assert "--printer" in adapt_fails(data, code=2)


def test_a_printer_that_cannot_be_held_out_is_refused(
    cli: Callable[..., Any], fails: Callable[..., str], known: Path, untouched: Callable[..., None], tmp_path: Path
) -> None:
    out = tmp_path / "ckpt"
    said = fails(cli("train", known, "--out", out, "--hold-out-printer", "001"), 2)
    assert "001" in said
    every = [word for printer in ("01", "1", "03") for word in ("--hold-out-printer", printer)]
    fails(cli("train", known, "--out", out, *every), 2)
    untouched(out)


# --- images -----------------------------------------------------------------------------------------------------------


def spoilt(kind: str, good: bytes) -> bytes:
    return {
        "truncated": good[: len(good) // 2],
        "zero-byte": b"",
        "no image": b"<html>404</html>" * 20,
        "huge": huge_png(),
        "corrupt": good[:20] + bytes(255 - byte for byte in good[20:]),
    }[kind]


@pytest.mark.parametrize("kind", ["truncated", "zero-byte", "no image", "huge", "corrupt"])
def test_a_target_of_which_no_frame_can_be_read_is_refused(
    kind: str, adapt_fails: Adapt, target: Path, tmp_path: Path
) -> None:
    good = (target / "images/9/p0/0.jpg").read_bytes()
    said = adapt_fails(folder_of(tmp_path / "data", a_jpg=spoilt(kind, good), b_png=spoilt(kind, good)))
    assert "a.jpg" in said


def test_frames_that_cannot_be_read_are_left_out_and_counted_and_the_rest_is_used(
    source: Path, target: Path, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(target / "images" / "9", tmp_path / "data"))
    good = (data / "p0" / "0.jpg").read_bytes()
    for number, kind in enumerate(("truncated", "zero-byte", "no image", "huge", "corrupt")):
        (data / "p1" / f"bad{number}.jpg").write_bytes(spoilt(kind, good))
    content = adaptprint.adapt(source, data, out=tmp_path / "run", recipe="source-only").to_dict()
    counts = [content["target"][name] for name in ("n_unreadable", "n_frames", "n_prints")]
    assert counts == [5, 24, 6]
    assert any("5 unreadable" in note for note in content["notes"])


def test_verify_lists_frames_that_cannot_be_read_and_exits_with_4(
    cli: Callable[..., Any], target: Path, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(target / "images" / "9", tmp_path / "data"))
    (data / "p0" / "broken.jpg").write_bytes(b"")
    result = cli("verify", data, "--json")
    assert result.code == 4
    assert result.json["ok"] is False
    assert any("p0/broken.jpg" in finding["examples"] for finding in result.json["findings"])
    assert "error" not in result.stderr


ODD_IMAGES = {
    "16-bit.png": lambda grey, _rgb: as_bytes(Image.fromarray(grey.astype(np.uint16) * 257)),
    "grey.png": lambda grey, _rgb: as_bytes(Image.fromarray(grey)),
    "cmyk.jpg": lambda _grey, rgb: as_bytes(Image.fromarray(rgb).convert("CMYK"), "JPEG", quality=95),
    "palette.png": lambda _grey, rgb: as_bytes(Image.fromarray(rgb).quantize(64)),
    "alpha.png": lambda _grey, rgb: as_bytes(Image.fromarray(rgb).convert("RGBA")),
    "webp.webp": lambda _grey, rgb: as_bytes(Image.fromarray(rgb), "WEBP", quality=95),
    "bmp.bmp": lambda _grey, rgb: as_bytes(Image.fromarray(rgb), "BMP"),
}


@pytest.mark.parametrize("name", ODD_IMAGES)
def test_an_image_of_an_unusual_kind_is_called_like_the_plain_one(
    name: str, source: Path, shoot: Callable[..., Any], tmp_path: Path
) -> None:
    grey = shoot(bad=True)[0][..., 1]
    rgb = np.stack([grey] * 3, axis=-1)
    (tmp_path / name).write_bytes(ODD_IMAGES[name](grey, rgb))
    (tmp_path / "plain.png").write_bytes(as_bytes(Image.fromarray(rgb)))
    odd, plain = adaptprint.load(source).predict([tmp_path / name, tmp_path / "plain.png"])
    assert np.abs(odd - plain).max() < 0.1


def test_an_image_that_its_exif_turns_is_called_like_the_upright_one(source: Path, shoot: Callable[..., Any]) -> None:
    upright = Image.fromarray(shoot(bad=True)[0])
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    turned = as_bytes(upright.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)
    model = adaptprint.load(source)
    seen, wanted = model.predict([turned, as_bytes(upright)])
    np.testing.assert_allclose(seen, wanted, atol=1e-6)


# --- too little, or the wrong frames ----------------------------------------------------------------------------------


def test_a_target_of_one_print_is_adapted_to_but_the_source_is_kept(
    source: Path, write_printers: Callable[..., Path], tiny_dann: tuple[str, ...], tmp_path: Path
) -> None:
    data = write_printers(tmp_path / "data", ("9",), prints=1)
    result = adaptprint.adapt(source, data, out=tmp_path / "run", recipe="dann-prior", set=tiny_dann)
    assert result.verdict == "keep-source"
    assert json.dumps(result.to_dict(), allow_nan=False)
    assert "too few prints" in [veto["name"] for veto in result.to_dict()["vetoes"]]
    assert (result.checkpoint / "model.safetensors").read_bytes() == (source / "model.safetensors").read_bytes()


def test_a_target_of_a_single_frame_is_adapted_to_but_the_source_is_kept(
    source: Path, write_printers: Callable[..., Path], tiny_dann: tuple[str, ...], tmp_path: Path
) -> None:
    data = write_printers(tmp_path / "data", ("9",), prints=1, frames=1)
    result = adaptprint.adapt(source, data, out=tmp_path / "run", recipe="dann-prior", set=tiny_dann)
    assert result.verdict == "keep-source"
    assert json.dumps(result.to_dict(), allow_nan=False)


def test_training_on_one_class_only_is_refused(
    cli: Callable[..., Any], fails: Callable[..., str], untouched: Callable[..., None], target: Path,
    write_csv: Callable[..., Path], tmp_path: Path,
) -> None:  # fmt: skip
    data = Path(shutil.copytree(target, tmp_path / "data"))
    write_csv(data / "train.csv", [(f"9/p{number}/0.jpg", "9", f"p{number}", 0) for number in range(6)])
    out = tmp_path / "ckpt"
    assert "good" in fails(cli("train", data, "--out", out), 4)
    untouched(out)


def test_training_without_labels_is_refused(
    cli: Callable[..., Any], fails: Callable[..., str], untouched: Callable[..., None], target: Path, tmp_path: Path
) -> None:
    out = tmp_path / "ckpt"
    assert "label" in fails(cli("train", target / "images" / "9", "--layout", "prints", "--out", out), 4).lower()
    untouched(out)


def test_a_target_that_is_the_source_itself_is_refused(adapt_fails: Adapt, known: Path) -> None:
    assert "trained on" in adapt_fails(known, "--printer", "01")


def test_python_raises_what_the_terminal_prints(source: Path, target: Path, tmp_path: Path) -> None:
    with pytest.raises(BadDataError) as bad:
        adaptprint.adapt(source, tmp_path / "gone", out=tmp_path / "run")
    assert bad.value.cause
    assert bad.value.fix
    with pytest.raises(UsageError, match="77"):
        adaptprint.adapt(source, target, printer="77", out=tmp_path / "run")
