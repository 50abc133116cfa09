# part of: python recipes/benchmarks/realism.py
"""What can be measured of a single frame, and the ranges that real frames of nozzle cameras show."""

import numpy as np
from scipy.ndimage import convolve

RANGES = {
    "luma, second sixth": (43, 192), "luma, bottom sixth": (137, 247), "clipped, %": (0, 20), "near black, %": (0, 22),
    "noise, grey levels": (0.1, 2.2), "noise, top over bottom": (0.7, 3.4), "red / mean": (0.94, 1.44),
    "green / mean": (0.96, 1.13), "blue / mean": (0.58, 1.06),
}  # fmt: skip
"""Ranges measured on real frames; the bottom sixth is that of endoscopes."""
KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], float)


def statistics(picture: np.ndarray) -> list[float]:
    """The values of `RANGES` for one picture, (h, w, 3) uint8."""
    luma = picture @ np.array([0.299, 0.587, 0.114])
    sixths = [rows.mean() for rows in np.array_split(luma, 6)]
    rough = np.sqrt(np.pi / 2) / 6 * np.abs(convolve(luma, KERNEL))
    top, bottom = (half.mean() for half in np.array_split(rough, 2))
    means = picture.reshape(-1, 3).mean(axis=0)
    light = [sixths[1], sixths[5], 100 * (luma >= 250).mean(), 100 * (luma <= 12).mean()]
    return [*light, rough.mean(), top / bottom, *(means / means.mean())]
