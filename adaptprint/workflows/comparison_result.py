"""The result of a comparison: rows, cells and notes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import adaptprint
from adaptprint.adaptation.task import SOURCE_ONLY
from adaptprint.workflows.comparison_outcome import outcome
from adaptprint.workflows.comparison_rows import TIE, Row, rows
from adaptprint.workflows.comparison_run import CellResult
from adaptprint.workflows.comparison_store import CELLS, cell_name


@dataclass(frozen=True)
class CompareResult:
    """The comparison.

    Attributes:
        rows: Of every level: over all cells, by bad share, by printer, by both.
        cells: One dictionary for each cell, without its scores by candidate: these are in ``cells/``.
        unit: ``print``, or ``frame`` where labels differ inside prints.
        notes: What the user should know, one sentence each.
        out: The folder.
    """

    rows: tuple[Row, ...]
    cells: tuple[dict[str, Any], ...]
    unit: str
    notes: tuple[str, ...]
    out: Path

    @property
    def ok(self) -> bool:
        """Whether every cell went through."""
        return all(cell["error"] is None for cell in self.cells)

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON: the content of comparison.json."""
        return {
            "ok": self.ok,
            "out": str(self.out),
            "version": adaptprint.__version__,
            "unit": self.unit,
            **{
                f"{name}s": list(dict.fromkeys(cell[name] for cell in self.cells))
                for name in ("recipe", "printer", "bad_share", "seed")
            },
            "tie": TIE,
            "rows": [row.to_dict() for row in self.rows],
            "cells": list(self.cells),
            "notes": list(self.notes),
        }


def sum_up(results: Sequence[CellResult], notes: Sequence[str], out: Path) -> CompareResult:
    """Rows, cells and notes of what was run."""
    contents = [result.content for result in results if result.content is not None]
    units = {content["unit"] for content in contents}
    return CompareResult(
        rows=tuple(rows([outcome(content) for content in contents])),
        cells=tuple(map(_summary, results)),
        unit="frame" if "frame" in units else "print",
        notes=(*notes, *_failures(results)),
        out=out,
    )


def _failures(results: Sequence[CellResult]) -> list[str]:
    failed = sum(result.error is not None for result in results)
    if not failed:
        return []
    return [f"{failed} of {len(results)} cells failed and are in no row, so rows may stand on different cells"]


def _summary(result: CellResult) -> dict[str, Any]:
    """What a cell came to, in one line of a table."""
    cell, content = result.cell, result.content
    place = {"printer": cell.printer, "bad_share": cell.share, "seed": cell.seed, "recipe": cell.recipe.name}
    counts = {"n_adapt_prints": len(cell.adapt_prints), "n_test_prints": len(cell.test_prints)}
    if content is None:
        return {**place, **counts, "error": result.error}
    models = {candidate["name"]: candidate for candidate in content["candidates"]}
    key = "balanced_accuracy" if content["unit"] == "print" else "balanced_accuracy_by_frame"
    source, ended, shipped = (
        models[name]["test"][key] for name in (SOURCE_ONLY, content["ends_with"], content["ships"])
    )
    return {
        **place,
        **counts,
        "balanced_accuracy": ended,
        "gain": ended - source,
        "shipped_gain": shipped - source,
        "verdict": content["verdict"],
        "ends_with": content["ends_with"],
        "picked": content["picked"],
        "seconds": content["seconds"],
        "file": f"{CELLS}/{cell_name(content)}",
        "error": None,
    }
