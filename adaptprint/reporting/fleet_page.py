"""The overview of a fleet as one HTML page that needs nothing but itself."""

from collections.abc import Mapping
from typing import Any

from adaptprint.reporting.fleet_facts import counted, headline, printer_line
from adaptprint.reporting.formats import part
from adaptprint.reporting.page import render_page

_URGENT = ("failed", "need-labels")
_TITLES = {"waiting": "Not run yet", "ship": "New models to use", "keep-source": "Nothing changes"}


def fleet_page(content: Mapping[str, Any]) -> str:
    """The page for the content of a fleet.json; names and paths in it may be hostile."""
    rows = content.get("results") or ()
    lines = [printer_line(row) for row in rows]
    groups = [(title, kind, [line for line in lines if line.kind == kind]) for kind, title in _TITLES.items()]
    return render_page(
        "fleet.html.j2",
        ("comparison.css", "fleet.css"),
        headline=headline(rows),
        tone="question" if any(line.kind in _URGENT for line in lines) else "success",
        counts=counted(rows),
        urgent=[line for line in lines if line.kind in _URGENT],
        groups=[group for group in groups if group[2]],
        n_printers=len(lines),
        n_done=sum(part(content, "counts").get(kind, 0) for kind in ("failed", "need-labels", "ship", "keep-source")),
        created=content.get("created"),
        version=content.get("version"),
    )
