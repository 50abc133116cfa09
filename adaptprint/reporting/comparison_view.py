"""The table of compare for the terminal: the mean first, then printer by printer."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from adaptprint.reporting.formats import clean, count, is_number, pair, score, signed, span
from adaptprint.reporting.tables import add, cut, headed, noted, number, quiet_table

_HEADS = ("prints", "bal. acc", "interval", "gain", "interval")


def comparison_view(content: Mapping[str, Any]) -> RenderableType:
    """The result of compare."""
    rows = [row for row in content.get("rows") or () if isinstance(row, Mapping)]
    overall = [row for row in rows if row.get("printer") is None]
    printers = list(dict.fromkeys(str(row["printer"]) for row in rows if row.get("printer") is not None))
    parts: list[RenderableType] = []
    if overall:
        parts.append(headed("All printers left out", _rows(overall)))
    for printer in printers:
        group = [row for row in rows if row.get("printer") is not None and str(row["printer"]) == printer]
        parts.append(headed(f"Printer {clean(printer)}", _rows(group)))
    unit = clean(content.get("unit") or "print")
    parts += [Text(""), Text(f"balanced accuracy by {unit}, gain over source-only, 90% intervals over prints", "dim")]
    return Group(*parts, *noted(content.get("notes")))


def _rows(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = quiet_table(cut("recipe"), *map(number, _HEADS))
    for row in rows:
        low, high = pair(row.get("interval"))
        gain_low, gain_high = pair(row.get("gain_interval"))
        add(
            table,
            row.get("recipe"),
            count(row.get("n_prints")),
            score(row.get("balanced_accuracy")),
            span(low, high, partial(score, digits=2)),
            Text(signed(row.get("gain"), 3), _colour(gain_low, gain_high)),
            span(gain_low, gain_high, signed),
        )
    return table


def _colour(low: Any, high: Any) -> str:
    """Colour only where the interval leaves zero out."""
    if is_number(low) and low > 0:
        return "green"
    return "red" if is_number(high) and high < 0 else ""
