"""Which frames go into a batch and which into a split: the print is the unit, never the frame.

Every draw is a function of ``(seed, step)`` alone, so that a resumed run continues with the very same batches.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from adaptprint.frames.table import FrameTable, Ints


@dataclass(frozen=True)
class _Node:
    """A level of the sampling tree: children of the next level, or the frames of a leaf."""

    children: tuple["_Node", ...]
    rows: Ints


def _grow(rows: Ints, levels: Sequence[Ints]) -> _Node:
    if not levels:
        return _Node((), rows)
    codes = levels[0][rows]
    # One sort for all children: a scan of all rows for each would grow with their product.
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order])) + 1
    children = tuple(_grow(part, levels[1:]) for part in np.split(rows[order], starts) if len(part))
    return _Node(children, rows)


def _draw(node: _Node, size: int, rng: np.random.Generator) -> list[int]:
    if size == 0:
        return []
    if not node.children:
        rounds, rest = divmod(size, len(node.rows))
        # A few frames of a long print are chosen without putting all of it into an order.
        places = [rng.permutation(len(node.rows)) for _ in range(rounds)]
        places.append(rng.choice(len(node.rows), rest, replace=False))
        return [int(row) for row in node.rows[np.concatenate(places)]]
    share, rest = divmod(size, len(node.children))
    extra = set(rng.permutation(len(node.children))[:rest].tolist())
    return [row for i, child in enumerate(node.children) for row in _draw(child, share + (1 if i in extra else 0), rng)]


class BalancedSampler:
    """Draws batches that give every branch of a hierarchy the same weight.

    Args:
        levels: Code arrays, each (n,) int64, from the coarsest (e.g. class) to the finest (print). A batch is
            divided evenly over the values of the first level, each part evenly over the second, and so on.
        seed: Together with the step it decides the batch.
    """

    def __init__(self, levels: Sequence[Ints], seed: int) -> None:
        self._tree = _grow(np.arange(len(levels[0]), dtype=np.int64), levels)
        self._seed = seed

    def batch(self, step: int, size: int) -> Ints:
        """Rows (size,) int64 of the batch of this step, shuffled."""
        rng = np.random.default_rng([self._seed, step])
        rows = np.array(_draw(self._tree, size, rng), dtype=np.int64)
        return rng.permutation(rows)


def source_sampler(table: FrameTable, labels: Ints, seed: int) -> BalancedSampler:
    """Class-balanced, then printer-balanced, then print-balanced batches."""
    return BalancedSampler([labels, table.printer_codes, table.print_codes], seed)


def target_sampler(table: FrameTable, seed: int) -> BalancedSampler:
    """Print-balanced batches, whatever the number of frames of a print."""
    return BalancedSampler([table.print_codes], seed)


def print_weights(table: FrameTable) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(n,) float64: one over the number of frames of the frame's print, so that every print weighs the same."""
    counts = np.bincount(table.print_codes)
    return np.asarray(1.0 / counts[table.print_codes], dtype=np.float64)


def balanced_rows(levels: Sequence[Ints], size: int, seed: int) -> Ints:
    """At most ``size`` different rows, spread evenly over a hierarchy of levels, in ascending order.

    Args:
        levels: Code arrays, each (n,) int64, from the coarsest to the finest.
        size: Rows wanted; all n where there are no more.
        seed: Decides the draw.
    """
    n = len(levels[0])
    if n <= size:
        return np.arange(n, dtype=np.int64)
    rng = np.random.default_rng([seed, 1])
    tree = _grow(np.arange(n, dtype=np.int64), levels)
    chosen: set[int] = set()
    while len(chosen) < size:
        before = len(chosen)
        chosen.update(_draw(tree, size - before, rng))
        if len(chosen) == before:
            # Small branches are exhausted: fill up from whatever is left.
            left = np.setdiff1d(np.arange(n), np.fromiter(chosen, dtype=np.int64))
            chosen.update(int(row) for row in rng.permutation(left)[: size - before])
    return np.array(sorted(chosen), dtype=np.int64)


def split_by_print(table: FrameTable, share: float, seed: int) -> tuple[Ints, Ints]:
    """Rows of a training and a validation part that share no print.

    Prints are drawn inside each printer and class, so that both parts hold every class wherever a printer has at
    least two prints of it.

    Args:
        table: Labelled frames.
        share: Share of prints for validation, in (0, 1).
        seed: Decides the draw.

    Returns:
        Training rows and validation rows, each sorted. Validation is empty where no group has two prints.
    """
    rng = np.random.default_rng([seed, 2])
    prints = table.prints.with_row_index("code")
    if table.labels_vary_inside_prints:
        prints = prints.with_columns(pl.lit("").alias("label"))
    held: list[int] = []
    for (_, _), group in prints.group_by("printer", "label", maintain_order=True):
        codes = rng.permutation(group["code"].to_numpy())
        n_held = min(max(1, round(share * len(codes))), len(codes) - 1)
        held.extend(codes[:n_held].tolist())
    inside = np.isin(table.print_codes, held)
    return np.flatnonzero(~inside), np.flatnonzero(inside)
