"""Finds frames that look nearly the same, by a hash of their brightness gradients."""

import numpy as np
import numpy.typing as npt
from PIL import Image

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

NEAR_BITS = 4
"""Two frames whose 64-bit hashes differ in at most so many bits are near-copies."""

_BLOCK = 4_000_000  # comparisons at a time: 32 MB
_BITS_OF_16 = np.array([value.bit_count() for value in range(1 << 16)], dtype=np.uint8)


def difference_hash(grey: npt.NDArray[np.uint8]) -> int:
    """64 bits: in a grid of 8 rows and 9 columns, whether each cell is brighter than its left neighbour.

    Args:
        grey: (h, w) uint8.
    """
    cells = np.asarray(Image.fromarray(grey).resize((9, 8), Image.Resampling.BOX)).astype(np.int16)
    return int.from_bytes(np.packbits(cells[:, 1:] > cells[:, :-1]).tobytes(), "big")


def copies_elsewhere(hashes: Hashes, groups: Ints) -> Ints:
    """For each frame, a frame of another group that is its near-copy.

    Args:
        hashes: (n,) uint64.
        groups: (n,) int64, for example the print of each frame.

    Returns:
        (n,) int64 rows; -1 where there is none.
    """
    order = np.lexsort((hashes, groups))
    ordered, owners = hashes[order], groups[order]
    first = np.ones(len(order), dtype=bool)  # the same hash twice in one group is compared once
    first[1:] = (ordered[1:] != ordered[:-1]) | (owners[1:] != owners[:-1])
    heads = np.flatnonzero(first)
    found = np.full(len(heads), -1, dtype=np.int64)
    step = max(1, _BLOCK // max(1, len(heads)))
    for at in range(0, len(heads), step):
        rows = slice(at, at + step)
        near = bits_apart(ordered[heads[rows], None], ordered[None, heads[at:]]) <= NEAR_BITS
        near &= owners[heads[rows], None] != owners[None, heads[at:]]
        for axis, part in ((1, found[rows]), (0, found[at:])):
            hit = near.any(axis=axis)
            part[hit] = near.argmax(axis=axis)[hit] + at
    partners = np.full(len(hashes), -1, dtype=np.int64)
    head_of = np.cumsum(first) - 1
    has = found[head_of] >= 0
    partners[order[has]] = order[heads[found[head_of[has]]]]
    return partners


def bits_apart(left: Hashes, right: Hashes) -> npt.NDArray[np.uint8]:
    """How many bits differ, with the broadcast shape of the two."""
    different = np.bitwise_xor(left, right)
    if hasattr(np, "bitwise_count"):  # numpy 2
        return np.asarray(np.bitwise_count(different), dtype=np.uint8)
    return np.asarray(_BITS_OF_16[different[..., None].view(np.uint16)].sum(axis=-1), dtype=np.uint8)
