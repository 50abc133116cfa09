"""Support: how far frames lie from the source, measured by how far the source's own prints lie from each other.

A model knows nothing of what its source never showed, and may still be sure. A frame is outside the source's support
where its k-th source neighbour is farther off than that of nearly all source frames, each one's own print left out.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adaptprint.diagnostics.neighbours import NeighbourIndex, Neighbours
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.models.embed import Floats

K = 10
SUPPORT_QUANTILE = 0.95
# A print is one job: one odd frame does not make it strange, and more than half of them do.
MOST_FRAMES = 0.5
Doubles = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def kth_distance(found: Neighbours) -> Doubles:
    """(n,) cosine distance to the last neighbour that exists, in [0, 2]."""
    last = np.maximum((found.rows >= 0).sum(1) - 1, 0)
    return np.asarray(1.0 - found.similarity[np.arange(len(last)), last], dtype=np.float64)


def mostly_outside(outside: Mask, codes: Ints) -> Mask:
    """(p,) which prints have more than half of their frames outside, in order of the codes.

    Args:
        outside: (n,) which frames lie outside.
        codes: (n,) print of each frame, 0 to p-1, each of which occurs.
    """
    return np.asarray(np.bincount(codes, weights=outside) / np.bincount(codes) > MOST_FRAMES)


@dataclass(frozen=True)
class SourceSupport:
    """The source frames of one feature space as a yardstick for other frames.

    Attributes:
        index: The source frames.
        prints: Their prints' codes by (printer, print).
        limit: The .95 quantile of the source frames' distances, each one's own print left out.
    """

    index: NeighbourIndex
    prints: dict[tuple[str, str], int]
    limit: float

    @classmethod
    def of(cls, source: FrameTable, features: Floats) -> "SourceSupport":
        """The support of m source frames.

        Args:
            source: The frames.
            features: (m, d) float32.
        """
        index = NeighbourIndex(features, source.print_codes)
        own = kth_distance(index.search(features, K, source.print_codes))
        names = source.prints.select("printer", "print").iter_rows()
        prints = {(printer, name): code for code, (printer, name) in enumerate(names)}
        return cls(index, prints, float(np.quantile(own, SUPPORT_QUANTILE)))

    def distance(self, table: FrameTable, features: Floats) -> Doubles:
        """(n,) distance of frames to their k-th source neighbour, never one of their own print.

        Args:
            table: The n frames; a print that the source has by the same ids is the same print.
            features: (n, d) float32, same space.
        """
        names = table.data.select("printer", "print").iter_rows()
        codes = np.array([self.prints.get((printer, name), -1) for printer, name in names], dtype=np.int64)
        return kth_distance(self.index.search(features, K, codes if (codes >= 0).any() else None))

    def outside(self, distance: Doubles) -> Mask:
        """(n,) whether frames at these distances lie outside the support."""
        return np.asarray(distance > self.limit)
