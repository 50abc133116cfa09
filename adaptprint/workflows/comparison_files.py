"""The folder of a comparison: the table as JSON, CSV, Markdown and HTML, every cell, and the source models."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from adaptprint.models.atomic_folder import Workspace, atomic_folder
from adaptprint.reporting.comparison_markdown import comparison_markdown
from adaptprint.reporting.comparison_page import comparison_page
from adaptprint.workflows.comparison_result import CompareResult
from adaptprint.workflows.comparison_store import CELLS, SOURCES, copy_missing
from adaptprint.workflows.run_tables import write_json

COMPARISON = "comparison.json"


def write_comparison(result: CompareResult, work: Workspace) -> None:
    """Writes the folder, whole or not at all.

    Raises:
        OutputError: If the disk is full or not writable.
    """
    content = result.to_dict()
    with atomic_folder(result.out, work.scratch) as folder:
        write_json(folder / COMPARISON, content)
        for name, text in (
            ("comparison.csv", comparison_csv(content["rows"])),
            ("comparison.md", comparison_markdown(content)),
            ("comparison.html", comparison_page(content)),
        ):
            (folder / name).write_text(text, encoding="utf-8", newline="")
        for kind in (CELLS, SOURCES):
            if (work.pieces / kind).is_dir():
                copy_missing(work.pieces / kind, folder / kind)


def comparison_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV: intervals in two columns, verdicts and worst cells in one for each part."""
    flat = [_flat(row) for row in rows]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return buffer.getvalue()


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for name, value in row.items():
        if name.endswith("interval"):
            cells[f"{name}_low"], cells[f"{name}_high"] = value
        elif name == "verdicts":
            cells |= {verdict: value.get(verdict, 0) for verdict in ("ship", "keep-source", "need-labels")}
        elif isinstance(value, Mapping):
            cells |= {f"{name}_{part}": each for part, each in value.items()}
        else:
            cells[name] = value
    return cells
