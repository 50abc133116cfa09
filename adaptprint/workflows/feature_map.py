"""Features in two dimensions, for people to look at: the directions in which both domains together vary most."""

from typing import Any

import numpy as np

from adaptprint.diagnostics.neighbours import unit_rows
from adaptprint.frames.table import Ints
from adaptprint.models.embed import Floats


def feature_map(source: Floats, target: Floats, source_rows: Ints, target_rows: Ints) -> dict[str, Any]:
    """Two principal components of unit-length features, as neighbours are found among.

    Args:
        source: (m, d) float32 source features.
        target: (n, d) float32 target features.
        source_rows: Which source frames to place.
        target_rows: Which target frames to place.

    Returns:
        ``points``, one ``[x, y]`` for each source row and then for each target row; ``explained``, the share of the
        variance along each axis, in [0, 1].
    """
    features = unit_rows(np.concatenate([source, target])).astype(np.float64)
    centred = features - features.mean(0)
    _, spread, axes = np.linalg.svd(centred, full_matrices=False)
    # An axis has no sign of its own; the largest weight is made positive, so that the same features give one map.
    axes = axes[:2] * np.sign(np.take_along_axis(axes[:2], np.abs(axes[:2]).argmax(1)[:, None], 1))
    points = centred[np.concatenate([source_rows, len(source) + target_rows])] @ axes.T
    variance = spread**2
    explained = variance[:2] / max(variance.sum(), 1e-12)
    return {"points": points.round(4).tolist(), "explained": [round(float(each), 4) for each in explained]}
