"""The comparison as one HTML page that needs nothing but itself."""

from collections.abc import Mapping
from typing import Any

from adaptprint.reporting.comparison_facts import caption, failures, lines, matrix, size
from adaptprint.reporting.comparison_figures import gain_figures
from adaptprint.reporting.page import render_page


def comparison_page(content: Mapping[str, Any]) -> str:
    """The page for the content of a comparison.json; names in it may be hostile."""
    matrices = [
        ("The same in numbers", "Bad share", matrix(content, "share", "bad_share")),
        ("Gain by printer", "Printer", matrix(content, "printer", "printer")),
        ("Gain by printer, of what ships", "Printer", matrix(content, "printer", "printer", shipped=True)),
    ]
    ended = lines(content, "all")
    return render_page(
        "comparison.html.j2",
        ("comparison.css",),
        headline=_headline(content),
        size=size(content),
        n_recipes=len(content.get("recipes") or ()),
        caption=caption(content),
        ended=ended,
        shipped=lines(content, "all", shipped=True),
        figures=gain_figures(content),
        matrices=[found for found in matrices if found[2].recipes],
        failed=failures(content),
        notes=content.get("notes") or (),
        version=content.get("version"),
    )


def _headline(content: Mapping[str, Any]) -> str:
    """The recipe with the largest sure gain, or that there is none."""
    sure = [line for line in lines(content, "all") if line.gain.tone == "better"]
    if not sure:
        return "No recipe gains more than chance over all cells"
    best = max(sure, key=lambda line: line.gain.value)
    return f"{best.recipe} gains most: {best.gain.text} ({best.gain.ends})"
