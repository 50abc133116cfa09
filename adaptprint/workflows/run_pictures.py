"""The frames that a report shows: those worth a look, with both models' calls."""

import io
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from adaptprint.frames.pixels import Pixels
from adaptprint.models.embed import Embedding
from adaptprint.models.metrics import decide

_PICTURES = 12
# Near-copies show nothing new.
_PER_PRINT = 3


def pictures(
    target: Pixels,
    classes: Sequence[str],
    threshold: float,
    before: Embedding,
    after: Embedding,
    prints_to_label: Sequence[str],
) -> list[dict[str, Any]]:
    """Frames of the prints to label where there are any, then those the models differ on most; at most twelve.

    Args:
        target: The n target frames.
        classes: Class names in model order.
        threshold: Least probability of class 1 for calling it, in a binary model.
        before: The source model's view of the n frames.
        after: The candidate's view of them.
        prints_to_label: Print ids whose frames come first.
    """
    gap = np.abs(after.probabilities - before.probabilities).max(1)
    names = target.table.data["print"].to_list()
    rank = sorted(range(len(names)), key=lambda row: (names[row] not in prints_to_label, -gap[row], row))
    rows: list[int] = []
    shown: Counter[str] = Counter()
    for row in rank:
        if shown[names[row]] < _PER_PRINT:
            rows.append(row)
            shown[names[row]] += 1
        if len(rows) == _PICTURES:
            break
    old, new = (decide(found.probabilities, threshold) for found in (before, after))
    return [
        {
            "jpeg": _jpeg(target.array[row]),
            "print": names[row],
            "before": classes[old[row]],
            "after": classes[new[row]],
            "before_score": float(before.probabilities[row, old[row]]),
            "after_score": float(after.probabilities[row, new[row]]),
        }
        for row in rows
    ]


def _jpeg(frame: "np.ndarray[Any, np.dtype[np.uint8]]") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
