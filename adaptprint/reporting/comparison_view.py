"""The tables of compare for the terminal: over all cells first, then what ships, then by bad share and printer."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from adaptprint.reporting.comparison_facts import Gain, Line, Matrix, caption, chunks, failures, lines, matrix, size
from adaptprint.reporting.formats import DASH, clean
from adaptprint.reporting.tables import add, bullets, cut, headed, noted, number, quiet_table

_COLOURS = {"better": "green", "worse": "red", "level": ""}
# Recipes beside each other on 80 columns, and the width of their heads.
_MOST_RECIPES, _HEAD = 5, 10
_MOST_FAILURES = 10


def comparison_view(content: Mapping[str, Any]) -> RenderableType:
    """The result of compare."""
    parts: list[RenderableType] = []
    overall, shipped = lines(content, "all"), lines(content, "all", shipped=True)
    if overall:
        parts.append(headed("What each recipe ends with, over all cells", _ended(overall)))
    if shipped:
        parts.append(headed("What the verdict ships, over all cells", _shipped(shipped)))
    worst = [line for line in overall if line.worst_place and line.gain.value]
    if worst:
        parts.append(headed("Worst cell of each recipe", _worst(worst)))
    for head, level, key in (("Gain by bad share", "share", "bad_share"), ("Gain by printer", "printer", "printer")):
        found = matrix(content, level, key)
        if len(found.lines) > 1 and found.recipes:
            parts.append(headed(head, _matrix(found, key.replace("_", " "))))
    said = caption(content)
    if content.get("cells"):
        said = f"{size(content)}; {said}"
    parts += [Text(""), Text(said, "dim")]
    return Group(*parts, *_failed(failures(content)), *noted(content.get("notes")))


def _ended(found: Sequence[Line]) -> RenderableType:
    heads = ("bal. acc", "gain", "interval", "win/tie/loss", "worst", "time")
    table = quiet_table(cut("recipe"), *map(number, heads))
    for line in found:
        add(table, line.recipe, line.accuracy, _gain(line.gain), line.gain.ends, line.tally, line.worst, line.time)
    return table


def _shipped(found: Sequence[Line]) -> RenderableType:
    heads = ("gain", "interval", "win/tie/loss", "worst", "ship", "keep", "ask")
    table = quiet_table(cut("recipe"), *map(number, heads))
    for line in found:
        add(table, line.recipe, _gain(line.gain), line.gain.ends, line.tally, line.worst, *line.verdicts)
    return table


def _worst(found: Sequence[Line]) -> RenderableType:
    table = quiet_table(cut("recipe"), number("gain"), cut("cell"))
    for line in found:
        add(table, line.recipe, line.worst, line.worst_place)
    return table


def _matrix(found: Matrix, key: str) -> RenderableType:
    """A row for each place; more recipes than fit go into a table of their own."""
    tables: list[RenderableType] = []
    for places in chunks(range(len(found.recipes)), _MOST_RECIPES):
        heads = [_short(found.recipes[place]) for place in places]
        table = quiet_table(cut(key), number("source-only"), *map(number, heads))
        for name, base, gains in found.lines:
            add(table, name, base, *(_gain(gains[place]) for place in places))
        tables += [Text(""), table] if tables else [table]
    return Group(*tables)


def _failed(found: Sequence[tuple[str, str]]) -> list[RenderableType]:
    if not found:
        return []
    told = [f"{where}: {error.splitlines()[0]}" for where, error in found[:_MOST_FAILURES]]
    if len(found) > _MOST_FAILURES:
        told.append(f"and {len(found) - _MOST_FAILURES} more, in comparison.json")
    return [headed(f"Failed cells: {len(found)}", bullets(told, style="red"))]


def _gain(gain: Gain | None) -> Text:
    return Text(DASH) if gain is None else Text(gain.text, _COLOURS[gain.tone])


def _short(name: str) -> str:
    name = clean(name)
    return name if len(name) <= _HEAD else name[: _HEAD - 1] + "…"
