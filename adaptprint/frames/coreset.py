"""A part of many frames that stands for all of them: every print alike, and inside a print evenly in time."""

import numpy as np
import numpy.typing as npt

from adaptprint.frames.table import FrameTable, Ints


def coreset_rows(table: FrameTable, size: int, seed: int) -> Ints:
    """At most ``size`` different rows: as many of every print as of any other, give or take one.

    A print with fewer frames than its share gives all of them. Neighbouring frames are near-copies, so those of one
    print are taken at equal distances in its order of time, from a first one that the seed decides. No file is
    opened: the ids and times of the table are enough.

    Args:
        table: The n frames.
        size: Rows wanted; all n where there are no more.
        seed: Decides the draw.

    Returns:
        (min(n, size),) int64, ascending.
    """
    if len(table) <= size:
        return np.arange(len(table), dtype=np.int64)
    rng = np.random.default_rng([seed, 6])
    counts = np.bincount(table.print_codes)
    shares = _even_shares(counts, size, rng)
    print_of = np.repeat(np.arange(len(counts)), shares)
    number = np.arange(size) - _starts(shares)[print_of]
    # Whole numbers throughout: k of n places, the i-th at (i·n + first) // k with first < n, are different and inside.
    first = rng.integers(counts)
    place = (number * counts[print_of] + first[print_of]) // shares[print_of]
    return np.sort(_by_time(table)[_starts(counts)[print_of] + place])


def _even_shares(counts: Ints, size: int, rng: np.random.Generator) -> Ints:
    """(p,) frames to take of each print, ``size`` in all (fewer than there are): equal where the prints are large."""
    level, beyond = 0, int(counts.max())  # whole shares that fit, and that do not
    while beyond - level > 1:
        middle = (level + beyond) // 2
        if np.minimum(counts, middle).sum() <= size:
            level = middle
        else:
            beyond = middle
    shares = np.minimum(counts, level)
    longer = rng.permutation(np.flatnonzero(counts > level))
    shares[longer[: size - int(shares.sum())]] += 1
    return np.asarray(shares, dtype=np.int64)


def _by_time(table: FrameTable) -> Ints:
    """(n,) rows, print by print, in order of time; in the table's order in a print that lacks some of its times."""
    codes = table.print_codes
    times = table.data["time"].to_numpy().astype(np.float64)
    lacking = np.bincount(codes, weights=np.isnan(times)) > 0
    return np.asarray(np.lexsort((np.where(lacking[codes], 0.0, times), codes)), dtype=np.int64)


def _starts(lengths: npt.NDArray[np.int64]) -> Ints:
    """(p,) where each of p pieces begins that lie one behind the other."""
    return np.asarray(np.cumsum(lengths) - lengths, dtype=np.int64)
