"""Uncertainty over prints: means whose interval comes from drawing whole prints anew."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adaptprint.frames.table import Ints

N_DRAWS = 1000


@dataclass(frozen=True)
class Interval:
    """A mean over prints with its bootstrap interval."""

    value: float
    low: float
    high: float

    def to_list(self) -> list[float]:
        """``[low, high]`` for JSON."""
        return [self.low, self.high]


def by_print(values: npt.NDArray[np.float64], codes: Ints) -> npt.NDArray[np.float64]:
    """(p,) mean of frame values (n,) in each print that has frames, in order of the codes."""
    codes = np.unique(codes, return_inverse=True)[1]
    return np.asarray(np.bincount(codes, weights=values) / np.bincount(codes), dtype=np.float64)


def print_interval(values: npt.NDArray[np.float64], codes: Ints, seed: int = 0, level: float = 0.9) -> Interval:
    """Mean over prints of frame values, with a percentile bootstrap interval over prints (Efron 1979).

    Args:
        values: (n,) one number per frame.
        codes: (n,) print of each frame.
        seed: Decides the draws.
        level: Coverage of the interval.
    """
    means = by_print(values, codes)
    rng = np.random.default_rng([seed, 4])
    draws = means[rng.integers(len(means), size=(N_DRAWS, len(means)))].mean(1)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(means.mean()), float(low), float(high))
