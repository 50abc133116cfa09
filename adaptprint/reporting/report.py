"""The report of an adaptation: one HTML page that needs nothing but itself."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from adaptprint.reporting import formats
from adaptprint.reporting.figures import training_curves
from adaptprint.reporting.report_facts import report_facts


def render_report(
    content: Mapping[str, Any], trace: Sequence[Mapping[str, Any]], pictures: Sequence[Mapping[str, Any]]
) -> str:
    """The page for the content of a report.json.

    Every name in it may be hostile: the template escapes all text, and the page forbids scripts and requests itself.

    Args:
        content: The content of report.json.
        trace: One row per training step; may be empty.
        pictures: Frames to look at: ``jpeg`` (bytes), ``print``, ``before``, ``after``, ``before_score``,
            ``after_score``.
    """
    environment = Environment(
        loader=PackageLoader("adaptprint.reporting"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("clean", "count", "duration", "percent", "plural", "score", "sentence", "signed"):
        environment.filters[name] = getattr(formats, name)
    environment.filters["prose"] = _prose
    environment.filters["breakable"] = _breakable
    style = files("adaptprint.reporting").joinpath("templates/report.css").read_text(encoding="utf-8")
    return environment.get_template("report.html.j2").render(
        style=Markup(style),  # noqa: S704 - our own file
        curves=training_curves(trace),
        **report_facts(content, pictures),
    )


def _prose(text: str) -> Markup:
    """Escaped text in which `backticks` become code."""
    pieces = str(escape(text)).split("`")
    if len(pieces) % 2 == 0:
        return Markup("`").join(map(Markup, pieces))
    marked = (f"<code>{piece}</code>" if number % 2 else piece for number, piece in enumerate(pieces))
    return Markup("").join(map(Markup, marked))


def _breakable(name: str) -> Markup:
    """An escaped name that may break after its underscores."""
    return Markup(str(escape(name)).replace("_", "_<wbr>"))  # noqa: S704 - escaped here
