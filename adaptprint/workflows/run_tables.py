"""The tables of a run folder: frames.csv, prints.csv, and the small writers for JSON and TOML."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import tomlkit

from adaptprint.diagnostics.examine import Examination
from adaptprint.diagnostics.neighbour_facts import frame_facts
from adaptprint.diagnostics.support import mostly_outside
from adaptprint.frames.table import FrameTable
from adaptprint.models.memory import SourceFrames
from adaptprint.models.metrics import decide, mean_by_print, print_probabilities
from adaptprint.workflows.abstention import OUTSIDE
from adaptprint.workflows.scores import Scores


def frame_rows(
    table: FrameTable, classes: list[str], threshold: float, scores: Scores, source: SourceFrames | None
) -> pl.DataFrame:
    """One row per target frame: calls and scores before and after, and the nearest source frame."""
    standing = scores.standing
    data = table.data.select("name", "printer", "print", "time").with_columns(
        *_calls("before", classes, threshold, scores.before),
        *_calls("after", classes, threshold, scores.after),
    )
    if standing is None or source is None:
        return data
    nearest = source.table.data.select("name", "printer", "label")[standing.nearest]
    agrees = standing.votes.argmax(1) == decide(scores.after, threshold)
    return data.with_columns(
        nearest["name"].alias("nearest_source_frame"),
        nearest["printer"].alias("nearest_source_printer"),
        nearest["label"].alias("nearest_source_label"),
        pl.Series("source_distance", standing.distance.round(5)),
        pl.Series("agrees_with_neighbours", agrees),
        pl.Series("flag", np.where(standing.supported, "", OUTSIDE)),
    )


def neighbour_rows(examination: Examination) -> pl.DataFrame:
    """One row per examined frame: its neighbours in the source model's space and in the candidate's."""
    classes = examination.evidence.classes
    frozen, adapted = (pl.DataFrame(frame_facts(one, classes)) for one in (examination.frozen, examination.adapted))
    if frozen.is_empty():
        return frozen
    shared = ["name", "print", "call"]
    return frozen.select(shared).hstack(
        [
            column.alias(f"{space}_{column.name}")
            for space, data in (("frozen", frozen), ("adapted", adapted))
            for column in data.drop(shared)
        ]
    )


def print_rows(table: FrameTable, classes: list[str], threshold: float, scores: Scores) -> pl.DataFrame:
    """One row per target print: calls and scores before and after, and whether most of it is unlike the source."""
    codes, standing = table.print_codes, scores.standing
    data = table.prints.select("printer", "print", "n_frames").with_columns(
        *_calls("before", classes, threshold, print_probabilities(scores.before, codes)),
        *_calls("after", classes, threshold, print_probabilities(scores.after, codes)),
    )
    if standing is None:
        return data
    outside = ~standing.supported
    return data.with_columns(
        pl.Series("source_distance", mean_by_print(standing.distance[:, None], codes)[:, 0].round(5)),
        pl.Series("outside_share", mean_by_print(outside[:, None].astype(float), codes)[:, 0].round(4)),
        pl.Series("flag", np.where(mostly_outside(outside, codes), OUTSIDE, "")),
    )


def _calls(when: str, classes: list[str], threshold: float, probabilities: "np.ndarray[Any, Any]") -> list[pl.Series]:
    calls = decide(probabilities, threshold)
    return [
        pl.Series(f"{when}_class", classes)[calls],
        pl.Series(f"{when}_score", probabilities[np.arange(len(calls)), calls].astype(float).round(5)),
    ]


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes indented UTF-8 JSON."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_json_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes one strict JSON document per line: a number that is none, as a loss of a failed step, is null."""
    finite = ({key: None if _is_no_number(value) else value for key, value in row.items()} for row in rows)
    path.write_text("".join(json.dumps(row, allow_nan=False) + "\n" for row in finite), encoding="utf-8")


def _is_no_number(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def write_toml(path: Path, header: str, values: Mapping[str, Any]) -> None:
    """Writes a flat TOML file below a comment."""
    document = tomlkit.document()
    for line in header.splitlines():
        document.add(tomlkit.comment(line))
    for key, value in values.items():
        if value is not None:
            document.add(key, tomlkit.item(value))
    path.write_text(tomlkit.dumps(document), encoding="utf-8")
