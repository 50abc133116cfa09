"""What all our HTML pages share: one template around them, one style, and filters that escape whatever they show."""

from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from adaptprint.reporting import formats

_FORMATS = ("clean", "count", "duration", "percent", "plural", "score", "sentence", "signed")


def render_page(template: str, styles: tuple[str, ...] = (), **facts: Any) -> str:
    """One HTML page that needs nothing but itself.

    Every name on it may be hostile: the template escapes all text, and the page forbids scripts and requests itself.

    Args:
        template: File name of a template that extends ``page.html.j2``.
        styles: Style sheets beside it, on top of the one all pages have.
        facts: What the template shows.
    """
    folder = files("adaptprint.reporting").joinpath("templates")
    style = "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in ("report.css", *styles))
    page = _environment().get_template(template)
    return page.render(style=Markup(style), **facts)  # noqa: S704 - our own files


@lru_cache(maxsize=1)
def _environment() -> Environment:
    """Made once in a process: to compile the templates takes longer than to fill them."""
    environment = Environment(
        loader=PackageLoader("adaptprint.reporting"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in _FORMATS:
        environment.filters[name] = getattr(formats, name)
    environment.filters["prose"] = _prose
    environment.filters["breakable"] = _breakable
    return environment


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
