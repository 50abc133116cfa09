"""The overview of a fleet as files: JSON and CSV for scripts, a page for people; who needs attention comes first."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

import adaptprint
from adaptprint.models.atomic_folder import write_atomic
from adaptprint.reporting.fleet_facts import by_attention, n_by_state
from adaptprint.reporting.fleet_page import fleet_page
from adaptprint.workflows.assembly import utc_now
from adaptprint.workflows.fleet_result import TargetResult

FLEET = "fleet.json"
_COLUMNS: dict[str, Any] = {
    "target": pl.String,
    "state": pl.String,
    "verdict": pl.String,
    "expected_gain": pl.Float64,
    "gain_low": pl.Float64,
    "gain_high": pl.Float64,
    "prints_to_label": pl.String,
    "n_prints": pl.Int64,
    "n_frames": pl.Int64,
    "n_unreadable": pl.Int64,
    "recipe": pl.String,
    "seconds": pl.Float64,
    "cause": pl.String,
    "fix": pl.String,
    "path": pl.String,
    "printer": pl.String,
    "out": pl.String,
}


def write_overview(results: Sequence[TargetResult], waiting: Sequence[str], out: Path) -> None:
    """Writes ``fleet.json``, ``fleet.csv`` and ``fleet.html``, each whole or not at all.

    Args:
        results: Of the printers that ended.
        waiting: Names of the others.
        out: The fleet's folder.

    Raises:
        OutputError: If the disk is full or not writable.
    """
    rows = by_attention([result.to_dict() for result in results] + [_waiting(name, out) for name in waiting])
    content = {
        "created": utc_now(),
        "version": adaptprint.__version__,
        "out": str(out),
        "counts": n_by_state(rows),
        "results": rows,
    }
    table = pl.DataFrame([_cells(row) for row in rows], schema=_COLUMNS)
    buffer = io.BytesIO()
    table.write_csv(buffer)
    write_atomic(out / "fleet.csv", buffer.getvalue())
    write_atomic(out / "fleet.html", fleet_page(content).encode())
    write_atomic(out / FLEET, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def _waiting(name: str, out: Path) -> dict[str, Any]:
    return {"target": name, "state": "waiting", "verdict": None, "error": None, "out": str(out / name)}


def _cells(row: dict[str, Any]) -> dict[str, Any]:
    """One row of the CSV."""
    gain = row.get("expected_gain") or {}
    low, high = gain.get("interval", (None, None))
    flat = {name: row.get(name) for name in _COLUMNS}
    return flat | {
        "expected_gain": gain.get("value"),
        "gain_low": low,
        "gain_high": high,
        "prints_to_label": "; ".join(row.get("prints_to_label") or ()) or None,
    }
