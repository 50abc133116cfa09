"""Where the decision lies among the prints: one dot a print, by what the current model makes of it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from adaptprint.reporting.advice import stayed
from adaptprint.reporting.formats import clean, is_number, pair, part, percent, plural, points, span

Content = Mapping[str, Any]
Row = dict[str, Any]

_TICKS = (1e-4, 1e-3, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999)
_ROOM = 0.04
# The golden ratio spreads neighbours over the height of a row, the same way every time.
_STEP = 0.618034


def margin_strip(content: Content) -> Row | None:
    """Rows of dots with the old and the new decision, in percent of the width; ``None`` where no margin is known."""
    decision, classes = part(content, "decision"), list(content.get("classes") or ())
    prints = [row for row in content.get("prints") or () if is_number(row.get("before_margin"))]
    if not prints or len(classes) != 2 or not is_number(decision.get("before")):
        return None
    source = [row for row in content.get("source_prints") or () if is_number(row.get("margin"))]
    old, new = decision["before"], decision["after"]
    moved = bool(decision.get("moves_only")) and not stayed(content)
    values = [row["before_margin"] for row in prints] + [row["margin"] for row in source] + [old, new]
    if not moved:
        values += [row["after_margin"] for row in prints if is_number(row.get("after_margin"))]
    place = _scale(min(values), max(values))
    wanted = [str(name) for name in content.get("prints_to_label") or ()]
    lines = [{"x": place(old), "kind": "old"}, *([{"x": place(new), "kind": "fresh"}] if moved else [])]
    rows = [_target_row("This printer", "current model", prints, "before_margin", wanted, place, lines)]
    if not moved and any(row.get("after_margin") != row.get("before_margin") for row in prints):
        fresh = [{"x": place(new), "kind": "fresh"}]
        rows.append(_target_row("This printer", "adapted model", prints, "after_margin", wanted, place, fresh))
    for name in classes:
        dots = [row for row in source if row.get("class") == name]
        if dots:
            rows.append(_source_row(clean(name), dots, place, lines))
    return {
        "rows": rows,
        "ticks": [{"x": place(_margin(p)), "text": percent(p) if 0.001 < p < 0.999 else f"{100 * p:g}%"}
                  for p in _TICKS if min(values) - 0.2 <= _margin(p) <= max(values) + 0.2],
        "moved": moved,
        "fault": classes[1],
        "says": _says(decision, classes[1], stayed(content)),
        "n_changed": sum(row.get("before_class") != row.get("after_class") for row in prints),
    }  # fmt: skip


def _scale(low: float, high: float) -> Any:
    reach = max(high - low, 1e-9)

    def place(margin: float) -> float:
        return round(100 * (_ROOM + (1 - 2 * _ROOM) * (margin - low) / reach), 2)

    return place


def _margin(probability: float) -> float:
    return math.log(probability / (1 - probability))


def _target_row(
    label: str, sub: str, prints: Sequence[Content], key: str, wanted: list[str], place: Any, lines: list[Row]
) -> Row:
    dots = []
    for number, row in enumerate(sorted(prints, key=lambda row: row[key])):
        changed = row.get("before_class") != row.get("after_class")
        call = clean(row.get("before_class"))
        dots.append(
            {
                "x": place(row[key]),
                "y": _height(number),
                "tone": "changed" if changed else "same",
                "wanted": str(row.get("print")) in wanted,
                "title": f"{clean(row.get('print'))}: {call}"
                + (f", then {clean(row.get('after_class'))}" if changed else ""),
            }
        )
    return {"label": label, "sub": sub, "n": plural(len(prints), "print"), "dots": dots, "lines": lines}


def _source_row(name: str, prints: Sequence[Content], place: Any, lines: list[Row]) -> Row:
    dots = [
        {
            "x": place(row["margin"]),
            "y": _height(number),
            "tone": "source",
            "wanted": False,
            "title": f"{clean(row.get('printer'))} {clean(row.get('print'))}",
        }
        for number, row in enumerate(sorted(prints, key=lambda row: row["margin"]))
    ]
    return {"label": name, "sub": "source, known labels", "n": plural(len(prints), "print"), "dots": dots,
            "lines": lines}  # fmt: skip


def _height(number: int) -> float:
    return round(16 + 68 * ((number * _STEP) % 1), 1)


def _rehearsed(printers: Any) -> str:
    if not printers:
        return "This source model was not rehearsed: how true such expectations are of it is not known."
    return f"Rehearsal on {plural(printers, 'printer')} has been heard."


def _says(decision: Content, fault: Any, stays: bool) -> str:
    """What the move is and what is expected of it, one or two sentences."""
    expected = part(decision, "expected")
    if not decision.get("moves_only"):
        return "Both models decide at the same probability; the adapted model places the prints anew."
    old, new = (percent(1 / (1 + math.exp(-decision[key]))) for key in ("before", "after"))
    if stays:
        return f"The decision stays where it is: {old}. Both models are the same."
    low, high = pair(expected.get("interval"))
    return (
        f"The current model calls a print `{clean(fault)}` from {old} on; the adapted one from {new} of the current "
        f"model's scale. Expected gain on this printer's next prints: {points(expected.get('gain'))} points of "
        f"balanced accuracy ({span(low, high, points)}); risk of losing more than one point: "
        f"{percent(expected.get('risk'))}. {_rehearsed(expected.get('rehearsed_printers'))}"
    )
