"""The result of rehearse for the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from adaptprint.reporting.formats import clean, count, is_number, part, plural, points
from adaptprint.reporting.tables import add, cut, headed, noted, number, quiet_table


def rehearse_view(content: Mapping[str, Any]) -> RenderableType:
    """Expected and true gain of moving the decision, by printer left out, and what verdicts make of it."""
    head = Text.assemble(("rehearsed in  ", "dim"), (clean(content.get("out")), "bold"), overflow="fold")
    facts = (
        f"{plural(content.get('printers'), 'printer')} that the model tried on it was not trained on, "
        f"{plural(content.get('episodes'), 'set')} of prints decided by without labels and scored on others"
    )
    table = quiet_table(cut("printer"), number("sets"), number("expected gain"), number("true gain"))
    for name, row in part(content, "by_printer").items():
        add(table, name, count(row.get("episodes")), points(row.get("expected_gain")), points(row.get("gain")))
    whole = (points(content.get("expected_gain")), points(content.get("gain")))
    add(table, "all", count(content.get("episodes")), *whole, style="bold")
    heard = _heard(content.get("slope"), content.get("widening"))
    parts = [head, Text(facts, "dim"), headed("Points of balanced accuracy by print", table)]
    return Group(*parts, *_recipes(content), Text(""), Text(heard, "dim"), *noted(content.get("notes")))


def _recipes(content: Mapping[str, Any]) -> list[RenderableType]:
    """The recipes that were tried as a whole; nothing where there are none."""
    tried = part(content, "recipes")
    if not tried:
        return []
    heads = ("sets", "gain", "worst printer", "spoken for", "gain", "worst set")
    table = quiet_table(cut("recipe"), *map(number, heads))
    for name, row in tried.items():
        gains = (points(row.get(key)) for key in ("gain", "worst_printer_gain"))
        spoken_for = (points(row.get(key)) for key in ("gain_spoken_for", "worst_gain_spoken_for"))
        add(table, name, count(row.get("sets")), *gains, count(row.get("sets_spoken_for")), *spoken_for)
    return [headed("Recipes tried as a whole; then what witnesses spoke for", table)]


def _heard(slope: Any, widening: Any) -> str:
    if not is_number(slope) or not is_number(widening):
        return ""
    return (
        f"From now on, a verdict on this model takes an expected gain {slope:.2f} times, "
        f"with an interval {widening:.2f} times as wide."
    )
