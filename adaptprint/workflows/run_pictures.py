"""The frames that a report shows, as small JPEGs of the run folder: each once, by the name that the facts give it."""

import io
from collections import Counter
from typing import Any

import numpy as np
from PIL import Image

from adaptprint.diagnostics.support import Mask
from adaptprint.frames.table import Ints
from adaptprint.models.embed import Floats, Frames

FOLDER = "pictures"
_PICTURES = 12
# Near-copies show nothing new.
_PER_PRINT = 3


class Album:
    """Collects pictures of target and source frames.

    Args:
        target: (n, h, w, 3) uint8 frames of the target.
        source: (m, h, w, 3) uint8 source frames; ``None`` without any.

    Attributes:
        jpegs: The pictures by file name.
    """

    def __init__(self, target: Frames, source: Frames | None) -> None:
        self.jpegs: dict[str, bytes] = {}
        self._arrays = {"target": target, "source": source}

    def picture(self, domain: str, row: int) -> str:
        """The name of the picture of one frame of ``target`` or ``source``."""
        name, array = f"{domain}-{row:05}.jpg", self._arrays[domain]
        if array is None:
            raise ValueError(f"there are no {domain} frames to show")
        if name not in self.jpegs:
            self.jpegs[name] = _jpeg(array[row])
        return name


def telling_rows(
    names: list[str], before: Floats, after: Floats, wanted: tuple[str, ...], flips: Mask | None = None
) -> list[int]:
    """Frames of the prints to label where there are any, then those the models differ on most; at most twelve.

    Where they do not differ, those that the source model is least sure of.

    Args:
        names: (n,) print of each target frame.
        before: (n, K) float32 probabilities of the source model.
        after: (n, K) float32 probabilities of the candidate.
        wanted: Prints whose frames come first, and which are then all shown.
        flips: (n,) frames that a moved decision calls otherwise. It moves all alike, and the most in the middle: shown
            are some from the least to the most sure of their former call.
    """
    first = np.array([name in wanted for name in names])
    # In the table's order where all are equal.
    rank = np.lexsort((before.max(1), -np.abs(after - before).max(1), ~first))
    if flips is not None and flips.any():
        flipped = np.flatnonzero(flips & ~first)
        by_certainty = flipped[np.argsort(before[flipped].max(1), kind="stable")]
        rank = np.concatenate([rank[: first.sum()], spread_rows(by_certainty, _PICTURES)]).astype(np.int64)
    rows: list[int] = []
    shown: Counter[str] = Counter()
    for row in map(int, rank):
        if shown[names[row]] < _PER_PRINT and (len(rows) < _PICTURES or first[row]):
            rows.append(row)
            shown[names[row]] += 1
    return rows


def spread_rows(rows: Ints, number: int) -> list[int]:
    """At most ``number`` of the rows, at equal distances."""
    places = (np.arange(number) + 0.5) * len(rows) / number
    return [int(row) for row in rows[np.unique(places.astype(int))]] if len(rows) else []


def _jpeg(frame: "np.ndarray[Any, np.dtype[np.uint8]]") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
