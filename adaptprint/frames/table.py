"""One table type for frames: which file, which printer, which print, when, and (where known) which label."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from adaptprint.errors import UsageError

Ints = npt.NDArray[np.int64]

SCHEMA = {
    "path": pl.String,  # absolute path of the image file
    "name": pl.String,  # the path as the layout names it, relative to the root; unique in the table
    "printer": pl.String,
    "print": pl.String,
    "time": pl.Float64,  # seconds; null where unknown
    "label": pl.String,  # class name; null where unknown
}


class FrameRow(NamedTuple):
    """One frame, with the fields of :data:`SCHEMA`."""

    path: str
    name: str
    printer: str
    print: str
    time: float | None = None
    label: str | None = None


def grouped(rows: Iterable[FrameRow]) -> pl.DataFrame:
    """Rows as a data frame, printers and their prints each in one piece, in order of first appearance."""
    groups: dict[str, dict[str, list[FrameRow]]] = {}
    for row in rows:
        groups.setdefault(row.printer, {}).setdefault(row.print, []).append(row)
    ordered = [row for prints in groups.values() for frames in prints.values() for row in frames]
    return pl.DataFrame(ordered, schema=SCHEMA, orient="row")


@dataclass(frozen=True)
class FrameTable:
    """Frames in reading order, grouped by printer and print.

    Attributes:
        data: One row per frame with the columns of :data:`SCHEMA`. Ids are strings.
        root: The folder or file the frames were read from.
        layout: Name of the recognised layout.
        notes: What the reader noticed and the user should know, one sentence each.
    """

    data: pl.DataFrame
    root: Path
    layout: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.data.height

    @property
    def paths(self) -> list[str]:
        """Absolute file paths, in row order."""
        return self.data["path"].to_list()

    @property
    def printers(self) -> list[str]:
        """Printer ids in order of first appearance."""
        return self.data["printer"].unique(maintain_order=True).to_list()

    @property
    def classes(self) -> list[str]:
        """Class names that occur, sorted."""
        return sorted(self.data["label"].drop_nulls().unique().to_list())

    @property
    def labelled(self) -> bool:
        """Whether every frame has a label."""
        return len(self) > 0 and self.data["label"].null_count() == 0

    @cached_property
    def prints(self) -> pl.DataFrame:
        """One row per print, in order of first appearance: printer, print, n_frames, n_labels, label."""
        return self.data.group_by("printer", "print", maintain_order=True).agg(
            pl.len().alias("n_frames"),
            pl.col("label").drop_nulls().n_unique().alias("n_labels"),
            pl.col("label").drop_nulls().mode().sort().first().alias("label"),
        )

    @cached_property
    def print_codes(self) -> Ints:
        """(n,) int64: for each frame, the row of its print in :attr:`prints`."""
        keys = self.prints.select("printer", "print").with_row_index("code")
        codes = self.data.select("printer", "print").join(
            keys, on=["printer", "print"], how="left", maintain_order="left"
        )
        return codes["code"].to_numpy().astype(np.int64)

    @cached_property
    def printer_codes(self) -> Ints:
        """(n,) int64: for each frame, the index of its printer in :attr:`printers`."""
        index = {printer: code for code, printer in enumerate(self.printers)}
        return np.array([index[printer] for printer in self.data["printer"]], dtype=np.int64)

    def label_codes(self, classes: Sequence[str]) -> Ints:
        """(n,) int64: for each frame, the place of its label in ``classes``; -1 where there is none."""
        index = {name: code for code, name in enumerate(classes)}
        return np.array([index.get(label, -1) for label in self.data["label"]], dtype=np.int64)

    @property
    def labels_vary_inside_prints(self) -> bool:
        """Whether any print holds frames of more than one class."""
        return bool((self.prints["n_labels"] > 1).any())

    def take(self, rows: Sequence[int] | Ints) -> "FrameTable":
        """The given rows, in the given order."""
        return replace(self, data=self.data[np.asarray(rows, dtype=np.int64)])

    def where(self, mask: npt.NDArray[np.bool_]) -> "FrameTable":
        """The rows where ``mask`` (n,) is true."""
        return self.take(np.flatnonzero(mask))

    def of_printer(self, printer: str | None) -> "FrameTable":
        """The frames of one printer; all of them for ``None``.

        Raises:
            UsageError: If no frame is from that printer.
        """
        if printer is None:
            return self
        if printer not in self.printers:
            raise UsageError(f"no printer `{printer}` in {self.root}", f"Its printers are {', '.join(self.printers)}.")
        return self.where((self.data["printer"] == printer).to_numpy())

    def without_labels(self) -> "FrameTable":
        """The same frames with every label forgotten."""
        return replace(self, data=self.data.with_columns(pl.lit(None, dtype=pl.String).alias("label")))
