"""Takes still frames out of one video, once, and keeps them in the user's cache folder keyed by content."""

import contextlib
import hashlib
import os
import secrets
import shutil
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from adaptprint.errors import MissingDependencyError, OutputError
from adaptprint.frames.kept_files import default_folder

SECONDS_BETWEEN_FRAMES = 0.5
JPEG_QUALITY = 92
UNUSED_DAYS = 30
"""Frames of videos that were not asked for this long are deleted."""

_VERSION = f"1-{SECONDS_BETWEEN_FRAMES:g}-{JPEG_QUALITY}"
_DONE = "done"  # holds the number of frames; "cut" follows where the video broke off


class UnreadableVideo(Exception):  # noqa: N818 - one video of several, reported in a note
    """A video gives no frame.

    Args:
        reason: Why, in a few plain words.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Clip:
    """The stills of one video.

    Attributes:
        frames: Seconds since the first frame, and the JPEG file, in order.
        cut_short: Whether the video broke off before its end.
    """

    frames: list[tuple[float, str]]
    cut_short: bool


def extract(video: Path) -> Clip:
    """Stills of ``video``, from the cache where they are there.

    Raises:
        UnreadableVideo: It is no video, or damaged from the start.
        MissingDependencyError: PyAV is not installed.
        OutputError: The cache folder cannot be written.
    """
    shelf = default_folder() / "videos"
    try:
        key = _digest(video)
    except OSError as error:
        raise UnreadableVideo(f"it cannot be read ({error.strerror})") from error
    folder = shelf / f"{key}-{_VERSION}"
    clip = _kept(folder)
    if clip is not None:
        return clip
    av = _pyav()
    part = shelf / f"{folder.name}.{os.getpid()}.{secrets.token_hex(4)}.part"
    try:
        part.mkdir(parents=True)
        _drop_unused(shelf)
        try:
            _write_stills(av, video, part)
            shutil.rmtree(folder, ignore_errors=True)  # incomplete: files were deleted from it
            with contextlib.suppress(OSError):  # another process was faster
                part.replace(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise OutputError(
            f"Frames of {video.name} cannot be written to {shelf} ({error.strerror or error}).",
            "Free disk space, or set ADAPTPRINT_CACHE to a folder that can be written.",
        ) from error
    clip = _kept(folder)
    if clip is None:
        raise OutputError(f"Frames of {video.name} vanished from {shelf}.", "Run the command again.")
    return clip


def _digest(video: Path) -> str:
    state = hashlib.blake2b(digest_size=16)
    with video.open("rb") as file:
        while block := file.read(2**20):
            state.update(block)
    return state.hexdigest()


def _pyav() -> ModuleType:
    try:
        return import_module("av")
    except ImportError as error:
        raise MissingDependencyError(
            "Reading videos needs PyAV, which is not installed.", "Run: pip install 'adaptprint[video]'"
        ) from error


def _kept(folder: Path) -> Clip | None:
    """What an earlier run kept, if it is complete."""
    try:
        words = (folder / _DONE).read_text().split()
        files = sorted(folder.glob("*.jpg"))
        if len(files) != int(words[0]):
            return None
        os.utime(folder)
        return Clip([(float(file.stem), str(file)) for file in files], "cut" in words)
    except (OSError, ValueError, IndexError):
        return None


def _write_stills(av: ModuleType, video: Path, folder: Path) -> None:
    """Decodes ``video`` and writes every still as ``<seconds>.jpg``."""
    count, cut = 0, False
    try:
        with av.open(str(video)) as container:
            if not container.streams.video:
                raise UnreadableVideo("it has no picture track")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            due, began = 0.0, None
            rate = float(stream.average_rate or 25)
            for at, frame in enumerate(container.decode(stream)):
                now = float(frame.time) if frame.time is not None else at / rate
                began = now if began is None else began
                if now - began < due - 1e-6:
                    continue
                _save(frame, folder / f"{now - began:010.3f}.jpg")
                count += 1
                due += SECONDS_BETWEEN_FRAMES * (1 + int((now - began - due) / SECONDS_BETWEEN_FRAMES))
    except av.FFmpegError as error:
        if count == 0:
            raise UnreadableVideo(f"it is no video or damaged ({error.strerror})") from error
        cut = True
    if count == 0:
        raise UnreadableVideo("it has no frames")
    (folder / _DONE).write_text(f"{count}{' cut' if cut else ''}")


def _save(frame: Any, path: Path) -> None:
    image = frame.to_image()
    turn = getattr(frame, "rotation", 0)  # degrees anticlockwise, as the camera's file asks for
    if turn:
        image = image.rotate(turn, expand=True)
    image.save(path, quality=JPEG_QUALITY)


def _drop_unused(shelf: Path) -> None:
    oldest = time.time() - UNUSED_DAYS * 86400
    for folder in shelf.iterdir():
        with contextlib.suppress(OSError):
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)
