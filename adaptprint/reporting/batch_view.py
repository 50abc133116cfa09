"""Lists for the terminal: the targets of a batch, the recipes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from adaptprint.reporting.fleet_facts import by_attention, kind_of
from adaptprint.reporting.fleet_table import TONES
from adaptprint.reporting.formats import clean, duration, part, plural, points
from adaptprint.reporting.tables import add, cut, fixed, labelled, noted, number, quiet_table


def batch_view(content: Mapping[str, Any]) -> RenderableType:
    """The summary of batch: who needs attention first."""
    results = by_attention(content.get("results") or ())
    table = quiet_table(cut("target"), fixed("verdict"), number("gain"), number("time"), cut("out"))
    for result in results:
        error = result.get("error")
        kind = kind_of(result)
        add(
            table,
            result.get("target"),
            Text("failed", "red") if error else Text(clean(kind), TONES.get(kind, "")),
            points(part(result, "expected_gain").get("value")),
            "up to date" if result.get("state") == "up-to-date" else duration(result.get("seconds")),
            result.get("cause") or _first_line(error) if error else result.get("out"),
        )
    counts = Counter(kind_of(result) for result in results)
    summary = [plural(len(results), "target"), *(f"{number} {name}" for name, number in counts.most_common())]
    page = content.get("out")
    where = [Text(f"{clean(page)}/fleet.html", "dim")] if page else []
    return Group(table, Text(""), Text(" · ".join(summary), "dim"), *where, *noted(content.get("notes")))


def recipes_view(recipes: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Names and summaries."""
    return labelled((Text(clean(recipe.get("name")), "bold"), Text(clean(recipe.get("summary")))) for recipe in recipes)


def _first_line(error: Any) -> str:
    return str(error).split("\n", 1)[0]
