"""Nearest neighbours with faiss: by cosine, always across prints, exact up to 200,000 frames.

Frames of one print are near-copies; a neighbour from the same print says nothing, so it never counts. Above 200,000
frames an inverted file takes over (IVF: k-means cells, of which the nearest are searched). How many of the true
neighbours it finds is measured against an exact search, and more cells are searched until that is enough; where it
takes too many of them, comparing all with all is faster, and the search stays exact.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from adaptprint.frames.near_copies import NEAR_BITS, Hashes, bits_apart
from adaptprint.frames.table import Ints
from adaptprint.models.embed import Floats

if TYPE_CHECKING:
    import faiss

EXACT_LIMIT = 200_000
LEAST_RECALL = 0.95
_RECALL_QUERIES = 200
_RECALL_K = 10
_FIRST_PROBES = 16
# A cell is searched vector by vector, all cells by one matrix product that is many times as fast.
_MOST_PROBES = 0.125
_TRAINING_PER_CELL = 40
_TRAINING_ROUNDS = 8
_BLOCK = 65_536


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
    """An inner-product index over normalised features, exact up to ``exact_limit`` frames and where nothing else pays.

    Args:
        features: (n, d) float32.
        prints: (n,) int64 print of each frame; codes are comparable with those of the queries.
        exact_limit: Frames above which an approximate search is tried.
        seed: Decides the cells and the sample that recall is measured on.

    Attributes:
        prints: As given.
        exact: Whether every neighbour found is a true one.
        recall: Share of the true ten neighbours in other prints that are found, measured on a sample; 1 where exact.
    """

    def __init__(self, features: Floats, prints: Ints, exact_limit: int = EXACT_LIMIT, seed: int = 0) -> None:
        import faiss  # `predict` of one image needs no neighbours, and should not wait for it

        self.prints = prints
        self._largest_print = int(np.bincount(prints - prints.min()).max()) if len(prints) else 0
        units = unit_rows(features)
        self.exact, self.recall = True, 1.0
        self._index: faiss.Index
        if len(features) > exact_limit:
            self._index = cells = _cells(units, seed)
            self.recall = self._probe(cells, units, seed)
            self.exact = self.recall < LEAST_RECALL
        if self.exact:
            self._index, self.recall = faiss.IndexFlatIP(features.shape[1]), 1.0
            self._index.add(units)

    def search(
        self,
        features: Floats,
        k: int,
        prints: Ints | None = None,
        hashes: Hashes | None = None,
        indexed_hashes: Hashes | None = None,
    ) -> Neighbours:
        """The k nearest frames of each query, leaving out frames of the query's own print, and its near-copies.

        Args:
            features: (m, d) float32 queries.
            k: Neighbours wanted.
            prints: (m,) print of each query, in the index's codes; ``None`` when no print can be shared.
            hashes: (m,) difference hash of each query; given together with ``indexed_hashes``, frames that look
                nearly the same as the query do not count either, whatever their print.
            indexed_hashes: (n,) those of the indexed frames.
        """
        copies = None if hashes is None or indexed_hashes is None else (hashes, indexed_hashes)
        reach = k + (0 if prints is None else self._largest_print)
        reach += 0 if copies is None else _most_copies(*copies)
        reach = min(reach, self._index.ntotal)
        if reach == 0:
            shape = (len(features), k)
            return Neighbours(np.full(shape, -1, np.int64), np.full(shape, -1, np.float32))
        similarity, rows = self._index.search(unit_rows(features), reach)
        left_out = rows < 0  # an inverted file may find fewer than are wanted
        if prints is not None:
            left_out |= self.prints[rows] == prints[:, None]
        if copies is not None:
            left_out |= bits_apart(copies[0][:, None], copies[1][rows]) <= NEAR_BITS
        return _first(np.where(left_out, -1, rows), np.where(left_out, -2, similarity), left_out, k)

    def _probe(self, cells: "faiss.IndexIVFFlat", units: Floats, seed: int) -> float:
        """Searches more cells, until enough of the true neighbours are found or it costs too much; returns how many."""
        rng = np.random.default_rng([seed, 11])
        sample = rng.choice(len(units), min(_RECALL_QUERIES, len(units)), replace=False)
        truth = _exact_rows(units, units[sample], self.prints, self.prints[sample])
        most = max(_FIRST_PROBES, round(_MOST_PROBES * cells.nlist))
        probes = min(_FIRST_PROBES, cells.nlist)
        while True:
            cells.nprobe = probes
            found = self.search(units[sample], _RECALL_K, self.prints[sample]).rows
            hits = (found[:, :, None] == truth[:, None, :]) & (truth >= 0)[:, None, :]
            recall = float(hits.sum() / max(1, (truth >= 0).sum()))
            if recall >= LEAST_RECALL or 2 * probes > most:
                return recall
            probes *= 2


def _cells(units: Floats, seed: int) -> "faiss.IndexIVFFlat":
    """An inverted file with about the square root of n cells, trained on a part."""
    import faiss

    n_cells = max(1, round(len(units) ** 0.5))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(units.shape[1]), units.shape[1], n_cells, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.seed = _TRAINING_ROUNDS, seed + 1
    # faiss warns below 39 examples a cell, and takes up to 256: more than placing the cells needs.
    index.cp.min_points_per_centroid, index.cp.max_points_per_centroid = 1, _TRAINING_PER_CELL
    index.train(units)
    index.add(units)
    return index


def _exact_rows(units: Floats, queries: Floats, prints: Ints, own: Ints) -> Ints:
    """(m, 10) the true nearest rows in other prints, in no order, comparing all with all block by block; -1 if none."""
    best, rows = np.full((len(queries), 0), -2.0, np.float32), np.full((len(queries), 0), -1, np.int64)
    for start in range(0, len(units), _BLOCK):
        block = slice(start, start + _BLOCK)
        cosine = np.where(prints[block] == own[:, None], np.float32(-2), queries @ units[block].T)
        best = np.concatenate([best, cosine], axis=1)
        rows = np.concatenate([rows, np.broadcast_to(np.arange(start, start + cosine.shape[1]), cosine.shape)], axis=1)
        keep = np.argpartition(-best, min(_RECALL_K, best.shape[1]) - 1, axis=1)[:, :_RECALL_K]
        best, rows = np.take_along_axis(best, keep, 1), np.take_along_axis(rows, keep, 1)
    return np.where(best > -1.5, rows, -1)


def _most_copies(hashes: Hashes, indexed: Hashes) -> int:
    """The largest number of near-copies of any query in the index."""
    step = max(1, _BLOCK * 32 // max(1, len(indexed)))
    counts = [
        (bits_apart(hashes[start : start + step, None], indexed[None]) <= NEAR_BITS).sum(1).max(initial=0)
        for start in range(0, len(hashes), step)
    ]
    return int(max(counts, default=0))


def _first(rows: Ints, similarity: Floats, left_out: npt.NDArray[np.bool_], k: int) -> Neighbours:
    """The first k that are not left out, in their order."""
    # Frames that count come first; a stable sort keeps them by falling similarity.
    order = np.argsort(left_out, axis=1, kind="stable")[:, :k]
    rows, similarity = np.take_along_axis(rows, order, 1), np.take_along_axis(similarity, order, 1)
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
