"""Lists for the terminal: the targets of a batch, the recipes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from adaptprint.reporting.formats import clean, duration, plural
from adaptprint.reporting.tables import add, cut, fixed, labelled, noted, number, quiet_table

_VERDICTS = {"ship": "green", "keep-source": "blue", "need-labels": "yellow"}


def batch_view(content: Mapping[str, Any]) -> RenderableType:
    """The summary of batch."""
    results = content.get("results") or ()
    table = quiet_table(cut("target"), fixed("verdict"), number("time"), cut("out"))
    for result in results:
        error = result.get("error")
        verdict = Text("failed", "red") if error else _verdict(result.get("verdict"))
        add(
            table,
            result.get("target"),
            verdict,
            duration(result.get("seconds")),
            _first_line(error) if error else result.get("out"),
        )
    counts = Counter("failed" if result.get("error") else clean(result.get("verdict")) for result in results)
    summary = [plural(len(results), "target"), *(f"{number} {name}" for name, number in counts.most_common())]
    return Group(table, Text(""), Text(" · ".join(summary), "dim"), *noted(content.get("notes")))


def recipes_view(recipes: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Names and summaries."""
    return labelled((Text(clean(recipe.get("name")), "bold"), Text(clean(recipe.get("summary")))) for recipe in recipes)


def _verdict(verdict: Any) -> Text:
    return Text(clean(verdict), _VERDICTS.get(str(verdict), ""))


def _first_line(error: Any) -> str:
    return str(error).split("\n", 1)[0]
