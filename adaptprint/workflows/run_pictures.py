"""The frames that a report shows: those worth a look, with both models' calls."""

import io
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from adaptprint.frames.pixels import Pixels
from adaptprint.models.embed import Floats
from adaptprint.models.metrics import decide

_PICTURES = 12
# Near-copies show nothing new.
_PER_PRINT = 3


def pictures(
    target: Pixels,
    classes: Sequence[str],
    threshold: float,
    before: Floats,
    after: Floats,
    prints_to_label: Sequence[str],
) -> list[dict[str, Any]]:
    """Frames of the prints to label where there are any, then those the models differ on most; at most twelve.

    Args:
        target: The n target frames.
        classes: Class names in model order.
        threshold: Least probability of class 1 for calling it, in a binary model.
        before: (n, K) float32 probabilities of the source model.
        after: (n, K) float32 probabilities of the candidate.
        prints_to_label: Print ids whose frames come first.
    """
    names = target.table.data["print"].to_list()
    wanted = np.array([name in prints_to_label for name in names])
    # Frames to label first, the largest differences first among equals, in the table's order where these are equal too.
    rank = np.lexsort((-np.abs(after - before).max(1), ~wanted))
    rows: list[int] = []
    shown: Counter[str] = Counter()
    for row in map(int, rank):
        if shown[names[row]] < _PER_PRINT:
            rows.append(row)
            shown[names[row]] += 1
        if len(rows) == _PICTURES:
            break
    old, new = decide(before, threshold), decide(after, threshold)
    return [
        {
            "jpeg": _jpeg(target.array[row]),
            "print": names[row],
            "before": classes[old[row]],
            "after": classes[new[row]],
            "before_score": float(before[row, old[row]]),
            "after_score": float(after[row, new[row]]),
        }
        for row in rows
    ]


def _jpeg(frame: "np.ndarray[Any, np.dtype[np.uint8]]") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
