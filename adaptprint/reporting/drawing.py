"""Small inline SVGs drawn by matplotlib that follow the page's colours and font."""

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Stand-ins that matplotlib can draw with; the page's own colours take their place in the SVG.
_INKS = {
    "#010203": "var(--ink-2)",
    "#010204": "var(--line)",
    "#010205": "var(--accent)",
    "#010206": "var(--now)",
    "#010207": "var(--grey)",
    "#010208": "var(--against)",
}
TEXT, GRID, LINE, NOW, GREY, AGAINST = _INKS
_BOX = (0.13, 0.17, 0.85, 0.78)


def draw(
    label: str,
    salt: str,
    size: tuple[float, float],
    paint: Callable[["Axes"], None],
    box: tuple[float, float, float, float] = _BOX,
) -> Markup:
    """The SVG of one figure; the same call gives the same bytes.

    Args:
        label: Its name for screen readers; may be hostile.
        salt: Makes ids that no other figure of the page has.
        size: Width and height in inches.
        paint: Draws; it must write no text that a user chose.
        box: Left, bottom, width and height of the axes, as parts of the figure.
    """
    # Neither pyplot nor a window: a figure and the SVG writer are all it takes.
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt, "font.size": 9, "path.simplify": True}):
        figure = Figure(figsize=size)
        FigureCanvasSVG(figure)
        paint(figure.add_axes(box))
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    return Markup(_inline(buffer.getvalue(), label))  # noqa: S704 - drawn here, the label escaped


def dress(axes: "Axes") -> None:
    """No frame, quiet grid lines and marks."""
    for side in axes.spines.values():
        side.set_visible(False)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelcolor=TEXT, pad=4)


def _inline(svg: str, label: str) -> str:
    """The bare ``<svg>``: no prolog, no fixed size, the page's colours and font, and a name for screen readers."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'<svg([^>]*?) width="[^"]*"', r"<svg\1", svg, count=1)
    svg = re.sub(r'<svg([^>]*?) height="[^"]*"', r"<svg\1", svg, count=1)
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)
    # Matplotlib's style sheet speaks of every element of whatever page it lands in.
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    # A tenth of a point is finer than any screen.
    svg = re.sub(r'(<use [^>]*?)x="(-?\d+\.\d)\d*" y="(-?\d+\.\d)\d*"', r'\1x="\2" y="\3"', svg)
    for stand_in, ink in _INKS.items():
        svg = svg.replace(stand_in, ink)
    return re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
