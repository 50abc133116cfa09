"""The new printer's frames: all of them listed, a coreset decoded to adapt on, the rest read piece by piece."""

import hashlib
from dataclasses import dataclass

import numpy as np

from adaptprint.errors import BadDataError
from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.coreset import coreset_rows
from adaptprint.frames.pixels import Pixels
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.models.memory import SourceFrames
from adaptprint.reporting.progress import ProgressCallback
from adaptprint.workflows.inputs import data_digest, read_pixels
from adaptprint.workflows.stream import read_rows

_SAME_FRAMES = 0.5


@dataclass(frozen=True)
class Target:
    """Frames of one printer.

    Attributes:
        listed: All n frames that were found.
        pixels: Those of the coreset that could be read: what is adapted on and judged by.
        rows: Their rows of ``listed``, int64, ascending.
        rest: (r,) int64 rows of ``listed`` beyond the coreset, ascending; empty where the coreset holds all frames.
        size: Height and width of a decoded frame.
        camera: How frames are turned and cropped.
        threads: Threads to decode on; ``None`` means one for each core.
    """

    listed: FrameTable
    pixels: Pixels
    rows: Ints
    rest: Ints
    size: tuple[int, int]
    camera: CameraProfile
    threads: int | None

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the coreset's contents, the names of all frames, and how they are looked at.

        Frames beyond the coreset are read once, after adapting: before that their names are all there is to tell them
        from others by.
        """
        seen_through = f"{self.size} {self.camera.model_dump_json()}"
        digest = hashlib.sha256(f"{data_digest(self.pixels)} {seen_through}".encode())
        for row in self.listed.data.select("name", "printer", "print").iter_rows():
            digest.update(repr(row).encode())
        return digest.hexdigest()


def open_target(
    table: FrameTable,
    size: tuple[int, int],
    camera: CameraProfile,
    coreset_frames: int,
    seed: int,
    threads: int | None,
    progress: ProgressCallback,
) -> Target:
    """Chooses the coreset by the table alone, and decodes it.

    Args:
        table: All frames of the printer.
        size: Height and width.
        camera: How frames are turned and cropped.
        coreset_frames: Most frames to decode; all of the table's where there are no more.
        seed: Decides the choice.
        threads: Threads to decode on.
        progress: Progress callback.

    Raises:
        BadDataError: If none of the coreset's frames can be read.
    """
    chosen = coreset_rows(table, coreset_frames, seed)
    pixels = read_pixels(table.take(chosen), size, camera, threads, progress, "reading target frames")
    rest = np.setdiff1d(np.arange(len(table), dtype=np.int64), chosen, assume_unique=True)
    return Target(table, pixels, read_rows(table, chosen, pixels), rest, size, camera, threads)


def refuse_source_as_target(target: Target, source: SourceFrames | None) -> None:
    """Refuses frames that the source model was trained on.

    Raises:
        BadDataError: If half of the coreset or more is among the source's frames.
    """
    known, total = known_frames(target, source), len(target.pixels.digests)
    if known and known >= _SAME_FRAMES * total:
        raise BadDataError(
            f"{known} of {total} target frames are frames the source model was trained on",
            "Point --target at frames of the new printer.",
        )


def known_frames(target: Target, source: SourceFrames | None) -> int:
    """How many frames of the coreset are among the source's."""
    return 0 if source is None else sum(digest in source.digests for digest in target.pixels.digests)
