"""The tables of compare as Markdown, to be pasted into an issue or a notebook."""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from adaptprint.reporting.comparison_facts import Line, Matrix, caption, failures, lines, matrix, size
from adaptprint.reporting.formats import DASH, clean, sentence

_BY = (("bad share", "share", "bad_share"), ("printer", "printer", "printer"))


def comparison_markdown(content: Mapping[str, Any]) -> str:
    """The page for the content of a comparison.json; names in it may be hostile and stay mere text."""
    parts = ["# Comparison of recipes", f"{_text(size(content))}. {_text(sentence(caption(content)))}"]
    parts += [
        "## What each recipe ends with, over all cells",
        _table(
            ("recipe", "balanced accuracy", "interval", "gain", "interval", "win/tie/loss", "worst cell", "time"),
            [(*_front(line), line.tally, _worst(line), line.time) for line in lines(content, "all")],
        ),
        "## What the verdict ships, over all cells",
        _table(
            ("recipe", "balanced accuracy", "interval", "gain", "interval", "win/tie/loss", "worst cell",
             "ship", "keep-source", "need-labels"),
            [(*_front(line), line.tally, _worst(line), *map(str, line.verdicts))
             for line in lines(content, "all", shipped=True)],
        ),
    ]  # fmt: skip
    for name, level, key in _BY:
        for shipped in (False, True):
            found = matrix(content, level, key, shipped)
            if found.recipes:
                what = "of what ships, " if shipped else ""
                parts += [f"## Gain {what}by {name}", _matrix(found, name)]
    failed = failures(content)
    if failed:
        parts += ["## Failed cells", _bullets(f"{where}: {' '.join(error.split())}" for where, error in failed)]
    if content.get("notes"):
        parts += ["## Notes", _bullets(sentence(note) for note in content["notes"])]
    return "\n\n".join(parts) + "\n"


def _front(line: Line) -> tuple[str, ...]:
    return line.recipe, line.accuracy, line.ends, line.gain.text, line.gain.ends


def _worst(line: Line) -> str:
    return f"{line.worst} ({line.worst_place})" if line.worst_place else line.worst


def _matrix(found: Matrix, name: str) -> str:
    rows = [
        (place, base, *(DASH if gain is None else f"{gain.text} ({gain.ends})" for gain in gains))
        for place, base, gains in found.lines
    ]
    return _table((name, "source-only", *found.recipes), rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column holds names, all others numbers."""
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(
        f"| {' | '.join(cells)} |" for cells in (map(_text, heads), rule, *(map(_text, row) for row in rows))
    )


def _bullets(texts: Any) -> str:
    return "\n".join(f"- {_text(text)}" for text in texts)


def _text(value: Any) -> str:
    """Text that neither Markdown nor HTML takes for more than that."""
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", html.escape(clean(value), quote=False))
