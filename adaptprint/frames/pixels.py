"""Decodes the frames of a table once, on all cores, into one array at the network's size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from adaptprint.errors import BadDataError
from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.decode import decode
from adaptprint.frames.frame_arrays import room_for
from adaptprint.frames.frame_files import CountCallback, for_each_file
from adaptprint.frames.image_headers import UnreadableFrame
from adaptprint.frames.pixel_cache import PixelCache, content_digest
from adaptprint.frames.table import FrameTable
from adaptprint.frames.wording import no_frame

Pixels8 = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Unreadable:
    """A frame that could not be read, why in plain words, and whether the same file may be readable tomorrow."""

    name: str
    reason: str
    passing: bool = False


@dataclass(frozen=True)
class Pixels:
    """Decoded frames.

    Attributes:
        table: The frames that were read, in the order they were asked for.
        array: (n, h, w, 3) uint8 RGB, row for row with ``table``.
        digests: Content digest (hex) of each frame's file.
        unreadable: Frames that were left out.
        notes: What the user should know about the reading itself, one sentence each.
    """

    table: FrameTable
    array: Pixels8
    digests: list[str]
    unreadable: list[Unreadable]
    notes: tuple[str, ...] = ()


def load_pixels(
    table: FrameTable,
    size: tuple[int, int],
    camera: CameraProfile | None = None,
    *,
    cache: PixelCache | None = None,
    on_unreadable: Literal["raise", "skip"] = "skip",
    threads: int | None = None,
    progress: CountCallback | None = None,
) -> Pixels:
    """Reads every frame once, from the cache where it is there.

    Args:
        table: The frames.
        size: Height and width.
        camera: Rotation, flip and crop.
        cache: None means the user's cache folder; ``PixelCache(limit_bytes=0)`` keeps nothing.
        on_unreadable: ``"skip"`` leaves unreadable frames out and lists them; ``"raise"`` stops at the first.
        threads: None means one for each core this process may use.
        progress: Told ``(done, total)`` from the calling thread.

    Raises:
        BadDataError: No frame can be read, or one cannot and ``on_unreadable`` is ``"raise"``.
        OutputError: The array is too large for memory, and no disk has room for it.
    """
    strict = on_unreadable == "raise"
    pixels = load_readable(
        table, size, camera, cache=cache, stop_at_unreadable=strict, threads=threads, progress=progress
    )
    unreadable = pixels.unreadable
    if unreadable and strict:
        raise BadDataError(
            f"{unreadable[0].name} cannot be read: {unreadable[0].reason}.",
            "Remove the file or copy it again; `adaptprint verify` lists all such files.",
        )
    if len(unreadable) == len(table):
        raise none_readable(table, unreadable)
    return pixels


def none_readable(table: FrameTable, unreadable: Sequence[Unreadable]) -> BadDataError:
    """The error of a table without a single readable frame."""
    place = "given" if table.layout == "images" else f"in {table.root}"
    cause = f"{no_frame(len(table), place)} be read"
    if unreadable:
        cause += f"; {'it is' if len(table) == 1 else 'the first is'} {unreadable[0].name}: {unreadable[0].reason}"
    if any(frame.passing for frame in unreadable):
        fix = "Check the paths, permissions, disk and free memory, and try again"
    else:
        fix = "Copy the frames again"
    return BadDataError(f"{cause}.", f"{fix}; `adaptprint verify` lists what is wrong with each.")


def load_readable(
    table: FrameTable,
    size: tuple[int, int],
    camera: CameraProfile | None = None,
    *,
    cache: PixelCache | None = None,
    stop_at_unreadable: bool = False,
    threads: int | None = None,
    progress: CountCallback | None = None,
) -> Pixels:
    """As :func:`load_pixels`, but content with no frame at all: for one piece of a large table.

    Args:
        table: The frames.
        size: Height and width.
        camera: Rotation, flip and crop.
        cache: As in :func:`load_pixels`.
        stop_at_unreadable: Ends soon after the first unreadable frame; then only ``unreadable`` means anything.
        threads: None means one for each core this process may use.
        progress: Told ``(done, total)`` from the calling thread.

    Raises:
        OutputError: The array is too large for memory, and no disk has room for it.
    """
    camera = camera or CameraProfile()
    cache = cache if cache is not None else PixelCache()
    array = room_for(len(table), size, cache.folder)

    def read(row: int, data: bytes) -> str:
        digest = content_digest(data)
        frame = cache.get(digest, size, camera)
        if frame is None:
            frame = decode(data, size, camera)
            cache.put(digest, size, camera, frame)
        array[row] = frame
        return digest

    results = for_each_file(
        table.paths, read, threads=threads, progress=progress, stop_at_unreadable=stop_at_unreadable
    )
    names = table.data["name"].to_list()
    unreadable = [
        Unreadable(name, result.reason, result.passing)
        for name, result in zip(names, results, strict=True)
        if isinstance(result, UnreadableFrame)
    ]
    kept = [row for row, result in enumerate(results) if isinstance(result, str)]
    digests = [result for result in results if isinstance(result, str)]
    table = table.take(kept) if unreadable else table
    return Pixels(table, _close_gaps(array, kept), digests, unreadable, tuple(cache.notes))


def _close_gaps(array: Pixels8, kept: list[int]) -> Pixels8:
    """The kept rows at the front of the same array: a mapped one may not fit into memory twice."""
    for place, row in enumerate(kept):
        if place != row:
            array[place] = array[row]
    return array[: len(kept)]
