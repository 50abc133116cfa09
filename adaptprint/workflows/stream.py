"""Frames in pieces: each is decoded while the network looks at the one before, and forgotten thereafter."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from adaptprint.diagnostics.support import Doubles, SourceSupport
from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.frame_files import usable_cores
from adaptprint.frames.pixel_cache import PixelCache
from adaptprint.frames.pixels import Pixels, Unreadable, load_readable, none_readable
from adaptprint.frames.read_ahead import one_ahead
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.models.device import Compute
from adaptprint.models.embed import Floats, embed
from adaptprint.models.network import PrintNet
from adaptprint.reporting.progress import Progress, ProgressCallback
from adaptprint.workflows.inputs import left_out

# A piece costs as much memory as its pixels (90 MB at 224 x 128), two of them exist at a time, and one is what an
# interruption may cost again. A whole number of the network's batches: the same bits as in one go.
PIECE_FRAMES = 1024
STAGE = "scoring frames"
# A pass over more than this share of the cache would push out what others come back for.
_MOST_OF_THE_CACHE = 0.5


def pieces_of(rows: Ints) -> list[Ints]:
    """Rows in pieces of :data:`PIECE_FRAMES`."""
    return np.split(rows, range(PIECE_FRAMES, len(rows), PIECE_FRAMES))


def read_pieces(
    table: FrameTable,
    pieces: Sequence[Ints],
    size: tuple[int, int],
    camera: CameraProfile,
    compute: Compute,
    *,
    cache: PixelCache,
    threads: int | None = None,
    while_waiting: Callable[[], None] | None = None,
) -> Generator[Pixels, None, None]:
    """Decodes pieces of a table, one beyond the one that is looked at; perhaps no frame of a piece can be read.

    Args:
        table: The frames.
        pieces: Rows of each piece.
        size: Height and width.
        camera: How frames are turned and cropped.
        compute: Where the caller's network runs. Beside one on a GPU the CPU is free, and frames are decoded on
            ``threads``; beside one on the CPU on a quarter of them, which keeps ahead of it: on two cores one thread
            decodes ten times as fast as the network calls. The first piece has all of them.
        cache: Where decoded frames are looked for and kept.
        threads: ``None`` means one for each core.
        while_waiting: Called from the caller's thread while a piece is not ready; may raise.
    """
    beside_the_network = max(1, (threads or usable_cores()) // 4) if compute.device.type == "cpu" else threads

    def read(piece: tuple[int, Ints], go_on: Callable[[], None]) -> Pixels:
        number, rows = piece
        decoding = threads if number == 0 else beside_the_network
        return load_readable(
            table.take(rows), size, camera, cache=cache, threads=decoding, progress=lambda _done, _total: go_on()
        )

    return one_ahead(enumerate(pieces), read, while_waiting)


@dataclass(frozen=True)
class Called:
    """What a network says of frames.

    Attributes:
        table: The n frames that could be read, in order; its notes tell of the others.
        probabilities: (n, K) float32.
        distance: (n,) distance to the source, where a support was given; else ``None``.
    """

    table: FrameTable
    probabilities: Floats
    distance: Doubles | None = None


def call_frames(
    network: PrintNet,
    table: FrameTable,
    size: tuple[int, int],
    camera: CameraProfile,
    compute: Compute,
    threads: int | None,
    progress: ProgressCallback,
    support: SourceSupport | None = None,
) -> Called:
    """Probabilities of any number of frames, in bounded memory.

    Args:
        network: On ``compute.device``.
        table: The frames.
        size: Height and width.
        camera: How frames are turned and cropped.
        compute: Device and number format.
        threads: Threads to decode on.
        progress: Progress callback.
        support: Of the same network; measures how far each frame lies from the source.

    Raises:
        BadDataError: If none of the frames can be read.
    """
    cache = PixelCache()
    if len(table) * size[0] * size[1] * 3 > _MOST_OF_THE_CACHE * cache.limit_bytes:
        cache = PixelCache(cache.folder, limit_bytes=0)
    pieces, kept, probabilities = pieces_of(np.arange(len(table), dtype=np.int64)), list[Ints](), list[Floats]()
    distances, unreadable = list[Doubles](), list[Unreadable]()
    done = 0

    def report(event: Progress) -> None:
        progress(Progress(STAGE, min(done + event.done, len(table)), len(table)))

    progress(Progress(STAGE, 0, len(table)))
    with closing(read_pieces(table, pieces, size, camera, compute, cache=cache, threads=threads)) as read:
        for rows, pixels in zip(pieces, read, strict=True):
            seen = embed(network, pixels.array, compute, progress=report)
            probabilities.append(seen.probabilities)
            if support is not None:
                distances.append(support.distance(pixels.table, seen.features))
            kept.append(read_rows(table, rows, pixels))
            unreadable += pixels.unreadable
            done += len(rows)
            progress(Progress(STAGE, done, len(table)))
    if len(unreadable) == len(table):
        raise none_readable(table, unreadable)
    found = table.take(np.concatenate(kept)) if unreadable else table
    notes = (*table.notes, *cache.notes, *left_out(unreadable))
    distance = np.concatenate(distances) if distances else None
    return Called(replace(found, notes=notes), np.concatenate(probabilities), distance)


def read_rows(listed: FrameTable, rows: Ints, pixels: Pixels) -> Ints:
    """Those of ``rows``, (n,) of ``listed`` and asked for in this order, whose frames are in ``pixels``."""
    if not pixels.unreadable:
        return rows
    unreadable = {frame.name for frame in pixels.unreadable}
    return rows[[name not in unreadable for name in listed.data["name"][rows]]]
