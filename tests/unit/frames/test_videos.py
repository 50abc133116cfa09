"""Videos as prints. Without PyAV the error says how to get it; the rest is skipped then."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from adaptprint.errors import BadDataError, MissingDependencyError, OutputError
from adaptprint.frames.layouts import read_frames
from adaptprint.frames.pixels import load_pixels

Film = Callable[[str], Path]


@pytest.fixture
def film(tmp_path: Path) -> Film:
    """Writes 3.5 s of video (10 frames a second, ever brighter) and returns the file."""
    av = pytest.importorskip("av", reason="PyAV (the extra `video`) is not installed")

    def shoot(name: str) -> Path:
        file = tmp_path / "videos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        raw = file.suffix == ".mjpeg"
        with av.open(str(file), "w", format="mjpeg" if raw else None) as container:
            stream = container.add_stream("mjpeg" if raw else "mpeg4", rate=10)
            stream.width, stream.height = 64, 48
            stream.pix_fmt = "yuvj420p" if raw else "yuv420p"
            for at in range(35):
                shade = np.full((48, 64, 3), 20 + 6 * at, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(shade, format="rgb24")))
            container.mux(stream.encode())
        return file

    return shoot


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mkv", "a.mov"])
def test_a_video_gives_a_frame_every_half_second(film: Film, name: str) -> None:
    table = read_frames(film(name))
    assert table.layout == "video"
    assert table.prints["print"].to_list() == ["a"]
    assert table.data["time"].to_list() == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0])
    assert table.data["name"][1] == f"{name}/000000.500.jpg"
    shades = load_pixels(table, (32, 32)).array.mean(axis=(1, 2, 3))
    assert (np.diff(shades) > 20).all()


def test_a_raw_mjpeg_stream_is_read(film: Film) -> None:
    assert len(read_frames(film("a.mjpeg"))) >= 2


def test_a_folder_of_videos_is_a_printer_and_each_video_a_print(film: Film) -> None:
    film("b.mp4")
    film("a.mp4")
    table = read_frames(film("a.mkv").parent)
    assert table.printers == ["videos"]
    assert table.prints["print"].to_list() == ["a.mkv", "a.mp4", "b"]  # two stems are the same
    assert "3 prints" in table.notes[0]


def test_frames_are_taken_once_and_taken_again_when_deleted(
    film: Film, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = film("a.mp4")
    first = read_frames(video)
    shutil.copy(video, video.with_name("copy.mp4"))  # keyed by content
    monkeypatch.setitem(sys.modules, "av", None)
    again = read_frames(video.with_name("copy.mp4"))
    assert again.paths == first.paths
    Path(first.paths[0]).unlink()
    with pytest.raises(MissingDependencyError):
        read_frames(video)
    monkeypatch.undo()
    monkeypatch.setenv("ADAPTPRINT_CACHE", str(own_cache))
    assert read_frames(video).paths == first.paths
    assert not list(own_cache.rglob("*.part"))


def test_without_pyav_the_fix_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "av", None)  # what Python does where a package must not be imported
    with pytest.raises(MissingDependencyError) as error:
        read_frames(tmp_path / "a.mp4")
    assert "pip install 'adaptprint[video]'" in error.value.fix


@pytest.mark.parametrize("content", [b"", b"x" * 500])
def test_what_is_no_video_is_refused(film: Film, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(BadDataError, match=r"No video in .* can be read: a\.mp4 left out"):
        read_frames(tmp_path / "a.mp4")


def test_a_broken_video_among_good_ones_is_left_out_and_noted(film: Film) -> None:
    film("a.mp4").with_name("junk.avi").write_bytes(b"x" * 500)
    table = read_frames(film("b.mp4").parent)
    assert table.prints.height == 2
    assert any(note.startswith("junk.avi left out: it is no video or damaged") for note in table.notes)


def test_a_cache_folder_that_cannot_be_written_is_an_error(
    film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ADAPTPRINT_CACHE", str(tmp_path / "file"))
    with pytest.raises(OutputError) as error:
        read_frames(film("a.mp4"))
    assert "ADAPTPRINT_CACHE" in error.value.fix
