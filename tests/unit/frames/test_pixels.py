"""Many frames into one array: in order, once, with what cannot be read left out and named."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from adaptprint.errors import BadDataError, OutputError
from adaptprint.frames import frame_arrays, pixels
from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.decode import decode
from adaptprint.frames.frame_arrays import room_for
from adaptprint.frames.layouts import read_frames
from adaptprint.frames.network_size import network_size
from adaptprint.frames.pixel_cache import PixelCache
from adaptprint.frames.pixels import Unreadable, load_pixels

Frames = Callable[..., Path]
SIZE = (16, 16)


def names(count: int) -> list[str]:
    return [f"p/{at}.jpg" for at in range(count)]


def test_rows_of_the_array_are_the_rows_of_the_table(frames: Frames) -> None:
    table = read_frames(frames(*names(70)))
    camera = CameraProfile(flip="horizontal")
    loaded = load_pixels(table, SIZE, camera, threads=4)
    assert loaded.array.shape == (70, 16, 16, 3)
    assert loaded.table is table
    for row, path in enumerate(table.paths):
        assert (loaded.array[row] == decode(Path(path).read_bytes(), SIZE, camera)).all()
    assert len(set(loaded.digests)) == 70
    assert loaded.notes == ()


def test_a_second_reading_decodes_nothing(frames: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    table = read_frames(frames(*names(20)))
    first = load_pixels(table, SIZE)
    monkeypatch.setattr(pixels, "decode", lambda *_: pytest.fail("decoded again"))
    second = load_pixels(table, SIZE)
    assert (first.array == second.array).all()
    assert first.digests == second.digests


def test_unreadable_frames_are_left_out_and_named(frames: Frames) -> None:
    root = frames(*names(40))
    table = read_frames(root)
    whole = load_pixels(table, SIZE)
    content = (root / "p/3.jpg").read_bytes()
    (root / "p/3.jpg").write_bytes(content[: len(content) // 2])
    (root / "p/7.jpg").write_bytes(b"")
    (root / "p/39.jpg").unlink()  # between listing and reading
    loaded = load_pixels(table, SIZE)
    assert loaded.unreadable == [
        Unreadable("p/3.jpg", "truncated: the end of the file is missing"),
        Unreadable("p/7.jpg", "empty file (0 bytes)"),
        Unreadable("p/39.jpg", "the file does not exist", passing=True),
    ]
    kept = [row for row in range(40) if row not in (3, 7, 39)]
    assert loaded.table.data["name"].to_list() == [f"p/{row}.jpg" for row in kept]
    assert (loaded.array == whole.array[kept]).all()
    assert loaded.digests == [whole.digests[row] for row in kept]


def test_an_unreadable_frame_can_stop_the_reading(frames: Frames) -> None:
    root = frames(*names(3))
    (root / "p/1.jpg").write_bytes(b"text")
    with pytest.raises(BadDataError, match=r"p/1\.jpg cannot be read: not a JPEG") as error:
        load_pixels(read_frames(root), SIZE, on_unreadable="raise")
    assert "verify" in error.value.fix


def test_nothing_readable_is_an_error(frames: Frames) -> None:
    root = frames(*names(2))
    for name in names(2):
        (root / name).write_bytes(b"")
    with pytest.raises(BadDataError, match=r"None of the 2 frames .* can be read; the first is p/0\.jpg: empty file"):
        load_pixels(read_frames(root), SIZE)
    with pytest.raises(BadDataError, match="None of the 2 frames sampled in"):
        network_size(read_frames(root))


def test_a_single_frame_is_not_called_none_of_one(frames: Frames) -> None:
    root = frames(names(1)[0])
    (root / names(1)[0]).write_bytes(b"")
    with pytest.raises(BadDataError, match=r"The only frame in .* cannot be read; it is p/0\.jpg: empty file") as error:
        load_pixels(read_frames(root), SIZE)
    assert error.value.fix.startswith("Copy the frames again")


def test_frames_that_are_kept_back_need_not_be_copied_again(frames: Frames) -> None:
    table = read_frames(frames(names(1)[0]))
    Path(table.paths[0]).unlink()
    with pytest.raises(BadDataError, match=r"p/0\.jpg: the file does not exist\.") as error:
        load_pixels(table, SIZE)
    assert "permissions" in error.value.fix
    assert "Copy" not in error.value.fix


def test_progress_reaches_the_total(frames: Frames) -> None:
    told: list[tuple[int, int]] = []
    load_pixels(read_frames(frames(*names(40))), SIZE, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (40, 40)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_large_array_lives_in_a_file_without_a_name(
    frames: Frames, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_arrays, "RAM_LIMIT_BYTES", 1000)
    root = frames(*names(5))
    (root / "p/1.jpg").write_bytes(b"")
    table = read_frames(root)
    loaded = load_pixels(table, SIZE)
    assert isinstance(loaded.array, np.memmap)
    assert (loaded.array[1] == decode((root / "p/2.jpg").read_bytes(), SIZE)).all()
    assert [file.name for file in own_cache.iterdir()] == ["pixels"]


def test_no_room_on_any_disk_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="fit on no disk"):
        room_for(2**40, (224, 224), tmp_path, limit_bytes=0)


def test_a_cache_that_cannot_be_written_is_noted(frames: Frames, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    loaded = load_pixels(read_frames(frames(*names(3))), SIZE, cache=PixelCache(tmp_path / "file" / "cache"))
    assert len(loaded.array) == 3
    assert "cannot be written" in loaded.notes[0]


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_stops_the_reading_at_once(frames: Frames) -> None:
    root = frames(*names(60))
    code = (
        "import time, sys; from adaptprint.frames import layouts, pixels\n"
        "decode = pixels.decode\n"
        "def slow(*args):\n    time.sleep(0.2)\n    return decode(*args)\n"
        "pixels.decode = slow\n"
        "try:\n"
        f"    table = layouts.read_frames({str(root)!r}); print('go', flush=True)\n"
        "    pixels.load_pixels(table, (16, 16), threads=2)\n"
        "except KeyboardInterrupt:\n    sys.exit(7)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert run.stdout is not None
    with run.stdout:
        assert run.stdout.readline() == b"go\n"
    time.sleep(0.3)
    began = time.monotonic()
    run.send_signal(signal.SIGINT)
    assert run.wait(20) == 7
    assert time.monotonic() - began < 2.0  # all frames would take 6 s


@pytest.mark.parametrize(
    ("size", "camera", "expected"),
    [
        ((720, 1280), CameraProfile(), (128, 224)),
        ((480, 640), CameraProfile(), (160, 224)),
        ((720, 1280), CameraProfile(rotate=90), (384, 224)),
        ((720, 1280), CameraProfile(crop=(0.25, 0.0, 0.5, 1.0)), (256, 224)),
        ((10, 1000), CameraProfile(), (32, 224)),
        ((100, 100), CameraProfile(), (96, 96)),
        ((160, 160), CameraProfile(), (160, 160)),
        ((720, 1280), CameraProfile(crop=(0.0, 0.0, 0.1, 0.1)), (64, 128)),
        ((1000, 10), CameraProfile(), (256, 64)),
    ],
)
def test_the_network_size_keeps_the_aspect_and_enlarges_nothing(
    tmp_path: Path,
    picture: Callable[..., object],
    size: tuple[int, int],
    camera: CameraProfile,
    expected: tuple[int, int],
) -> None:
    picture(size=size).save(tmp_path / "a.png")  # type: ignore[attr-defined]
    assert network_size(read_frames(tmp_path), camera) == expected


def test_a_few_odd_frames_do_not_change_the_network_size(tmp_path: Path, picture: Callable[..., object]) -> None:
    for at in range(5):
        picture(size=(72, 128) if at else (128, 72)).save(tmp_path / f"{at}.png")  # type: ignore[attr-defined]
    (tmp_path / "5.png").write_bytes(b"")
    assert network_size(read_frames(tmp_path)) == (64, 128)
