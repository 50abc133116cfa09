"""The calls of predict for the terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from adaptprint.reporting.formats import clean, count, pair, percent, plural, signed, span
from adaptprint.reporting.tables import add, cut, noted, number, quiet_table

_MOST_ROWS = 40
_ABSTAINS = "unsure"


def predict_view(
    rows: Sequence[Mapping[str, Any]],
    prints: Sequence[Mapping[str, Any]],
    notes: Sequence[str] = (),
    together: Mapping[str, Any] | None = None,
) -> RenderableType:
    """Prints first, then frames; of more than 40 rows only the beginning. ``together``: of transductive calls."""
    parts: list[RenderableType] = []
    if prints:
        parts += [_prints(prints), Text("")]
    if rows and not (prints and len(rows) > _MOST_ROWS):
        parts += [_frames(rows), Text("")]
    parts.append(Text(_summary(rows), "dim"))
    if together:
        classes = [name[2:] for name in rows[0] if name.startswith("p_")]
        parts += [Text(line, "dim") for line in _together(together, classes)]
    return Group(*parts, *noted(notes))


def _prints(prints: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = quiet_table(cut("print"), cut("printer"), number("frames"), cut("call"))
    for row in prints[:_MOST_ROWS]:
        add(table, row.get("print"), row.get("printer"), count(row.get("n_frames")), _call(row))
    return Group(table, *_rest(len(prints)))


def _frames(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = quiet_table(cut("frame"), cut("call"))
    for row in rows[:_MOST_ROWS]:
        add(table, row.get("name"), _call(row))
    return Group(table, *_rest(len(rows)))


def _call(row: Mapping[str, Any]) -> Text:
    text = f"{clean(row.get('class'))} {percent(row.get('probability'))}"
    return Text(f"{_reason(row)}: {text}", "yellow") if row.get("abstains") else Text(text)


def _reason(row: Mapping[str, Any]) -> str:
    return clean(row.get("reason") or _ABSTAINS)


def _rest(number: int) -> list[RenderableType]:
    left = number - _MOST_ROWS
    return [Text(f"… and {plural(left, 'row')} more; --json gives all", "dim")] if left > 0 else []


def _together(together: Mapping[str, Any], classes: Sequence[str]) -> list[str]:
    """The estimated class shares, and the printer's shift."""
    share, (low, high), shift = together.get("share"), pair(together.get("interval")), together.get("shift")
    if isinstance(share, list):
        return [f"estimated share of {clean(name)}: {percent(one)}" for name, one in zip(classes, share, strict=False)]
    return [
        f"estimated share of {clean(classes[-1])}: {percent(share)} ({span(low, high, percent)})",
        f"this printer moves the log odds by {signed(shift)}",
    ]


def _summary(rows: Sequence[Mapping[str, Any]]) -> str:
    counts = Counter(_reason(row) if row.get("abstains") else clean(row.get("class")) for row in rows)
    shares = [f"{name} {count(number)}" for name, number in counts.most_common()]
    return " · ".join([plural(len(rows), "frame"), *shares])
