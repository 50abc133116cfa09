"""The report of an adaptation: one HTML page that needs nothing but itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from adaptprint.reporting.figures import training_curves
from adaptprint.reporting.map_figures import map_rows
from adaptprint.reporting.page import render_page
from adaptprint.reporting.report_facts import report_facts


def render_report(content: Mapping[str, Any], trace: Sequence[Mapping[str, Any]], pictures: Mapping[str, bytes]) -> str:
    """The page for the content of a report.json; names in it may be hostile.

    Args:
        content: The content of report.json.
        trace: One row per training step; may be empty.
        pictures: JPEGs by the file names that the content speaks of.
    """
    facts = report_facts(content, pictures)
    return render_page(
        "report.html.j2", ("exhibits.css",), curves=training_curves(trace), maps=map_rows(content), **facts
    )
