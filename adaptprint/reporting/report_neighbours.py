"""Neighbours and validators for the report: what is known by name with its meaning, and whatever else is there."""

from collections.abc import Mapping
from typing import Any

from adaptprint.reporting.formats import DASH, clean, count, is_number, pair, part, score, span

Content = Mapping[str, Any]
Row = dict[str, Any]

_MEANINGS = {
    "label_agreement": (
        "Label agreement",
        "Share of target frames whose call is also the majority label of their nearest source frames.",
    ),
    "domain_mixing": (
        "Domain mixing",
        "0: the new printer's frames stand apart from the source's; 1: the two are mixed. Adaptation aims at this, "
        "so a rise in the adapted space proves nothing by itself.",
    ),
    "support": (
        "Support",
        "Share of target frames as near to the source as the source's own prints are to each other.",
    ),
}
# Shown below a row's name, not in a column of their own.
_BESIDE = ("name", "says", "meaning", "assumption", "cites", "applies")


def neighbour_rows(neighbours: Content) -> list[Row]:
    """One row for each measure with a value, in both spaces side by side."""
    spaces = part(neighbours, "frozen"), part(neighbours, "adapted")
    keys = dict.fromkeys([*_MEANINGS, *(key for space in spaces for key in space)])
    return [_neighbour_row(key, spaces) for key in keys if any("value" in part(space, key) for space in spaces)]


def _neighbour_row(key: str, spaces: tuple[Content, Content]) -> Row:
    cells = []
    for space in spaces:
        low, high = pair(part(space, key).get("interval"))
        cells.append({"value": part(space, key).get("value"), "low": low, "high": high})
    said = next((text for space in spaces for text in [_meaning(part(space, key))] if text), "")
    title, meaning = _MEANINGS.get(key, (_title(key), said))
    return {"title": title, "meaning": meaning, "frozen": cells[0], "adapted": cells[1]}


def validator_table(found: Any) -> Row:
    """Label-free scores of models, one row each; the columns are whatever numbers and words the rows hold."""
    rows = _named(found)
    columns = list(dict.fromkeys(key for row in rows for key, value in row.items() if _shown(key, value)))
    return {
        "columns": [_title(column) for column in columns],
        "rows": [
            {
                "name": row.get("name"),
                "says": _meaning(row),
                "assumes": row.get("assumption"),
                "cites": row.get("cites"),
                "applies": row.get("applies") is not False,
                "cells": [_cell(row.get(column)) for column in columns],
            }
            for row in rows
        ],
    }


def _named(found: Any) -> list[Content]:
    """Rows of a list, or of a mapping from names."""
    if isinstance(found, Mapping):
        each = [(name, value if isinstance(value, Mapping) else {"value": value}) for name, value in found.items()]
        return [{"name": name, **value} for name, value in each]
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, (list, tuple)) else []


def _shown(key: str, value: Any) -> bool:
    if key in _BESIDE:
        return False
    return isinstance(value, (str, bool)) or is_number(value) or any(is_number(end) for end in pair(value))


def _meaning(row: Content) -> str:
    return str(row.get("says") or row.get("meaning") or "")


def _cell(value: Any) -> str:
    low, high = pair(value)
    if is_number(low):
        return span(low, high, score)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value)
    if is_number(value):
        return score(value)
    return clean(value) if isinstance(value, str) else DASH


def _title(key: str) -> str:
    words = clean(key).replace("_", " ")
    return words[:1].upper() + words[1:]
