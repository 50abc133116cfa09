"""Nearest neighbours with faiss: exact, by cosine, and always across prints.

Frames of one print are near-copies; a neighbour from the same print says nothing, so it never counts.
"""

from dataclasses import dataclass

import faiss
import numpy as np
import numpy.typing as npt

from adaptprint.frames.table import Ints
from adaptprint.models.embed import Floats


@dataclass(frozen=True)
class Neighbours:
    """The k nearest indexed frames of each query.

    Attributes:
        rows: (n, k) int64 rows of the index; -1 where fewer than k frames of other prints exist.
        similarity: (n, k) float32 cosine in [-1, 1], falling along each row; -1 where there is no neighbour.
    """

    rows: Ints
    similarity: Floats


def unit_rows(features: Floats) -> Floats:
    """Rows scaled to length one, so that the inner product is the cosine."""
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    return np.ascontiguousarray(features / np.maximum(norms, 1e-12), dtype=np.float32)


class NeighbourIndex:
    """An exact inner-product index over normalised features.

    Args:
        features: (n, d) float32.
        prints: (n,) int64 print of each frame; codes are comparable with those of the queries.
    """

    def __init__(self, features: Floats, prints: Ints) -> None:
        self.prints = prints
        self._largest_print = int(np.bincount(prints - prints.min()).max()) if len(prints) else 0
        self._index = faiss.IndexFlatIP(features.shape[1])
        self._index.add(unit_rows(features))

    def search(self, features: Floats, k: int, prints: Ints | None = None) -> Neighbours:
        """The k nearest frames of each query, leaving out frames of the query's own print.

        Args:
            features: (m, d) float32 queries.
            k: Neighbours wanted.
            prints: (m,) print of each query, in the index's codes; ``None`` when no print can be shared.
        """
        reach = k if prints is None else k + self._largest_print
        reach = min(reach, self._index.ntotal)
        if reach == 0:
            shape = (len(features), k)
            return Neighbours(np.full(shape, -1, np.int64), np.full(shape, -1, np.float32))
        similarity, rows = self._index.search(unit_rows(features), reach)
        if prints is not None:
            same = self.prints[rows] == prints[:, None]
            similarity, rows = np.where(same, -2, similarity), np.where(same, -1, rows)
            # Frames of other prints come first; a stable sort keeps them by falling similarity.
            order = np.argsort(same, axis=1, kind="stable")
            similarity, rows = np.take_along_axis(similarity, order, 1), np.take_along_axis(rows, order, 1)
        rows, similarity = rows[:, :k], similarity[:, :k]
        missing = k - rows.shape[1]
        if missing > 0:
            rows = np.pad(rows, ((0, 0), (0, missing)), constant_values=-1)
            similarity = np.pad(similarity, ((0, 0), (0, missing)), constant_values=-1)
        return Neighbours(rows.astype(np.int64), np.maximum(similarity, -1).astype(np.float32))


def vote(neighbours: Neighbours, labels: Ints, n_classes: int) -> npt.NDArray[np.float64]:
    """(n, K) share of each class among a query's neighbours, rows sum to one (all zero without neighbours)."""
    found = neighbours.rows >= 0
    one_hot = np.eye(n_classes)[np.where(found, labels[neighbours.rows], 0)] * found[:, :, None]
    return np.asarray(one_hot.sum(1) / np.maximum(found.sum(1), 1)[:, None], dtype=np.float64)
