"""Training curves as small inline SVGs that follow the page's colours."""

import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from adaptprint.reporting.formats import is_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Stand-ins that matplotlib can draw with; the page's own colours take their place in the SVG.
_INKS = {"#010203": "var(--ink-2)", "#010204": "var(--line)", "#010205": "var(--accent)"}
_TEXT, _GRID, _LINE = _INKS
_MOST_POINTS = 300


@dataclass(frozen=True)
class Panel:
    """One curve of the trace.

    Attributes:
        key: Column of the trace.
        title: Heading.
        says: What a healthy curve looks like, one sentence.
        guide: A level worth a dashed line.
        ticks: Fixed marks of the vertical axis.
    """

    key: str
    title: str
    says: str
    guide: float | None = None
    ticks: tuple[float, ...] = ()


@dataclass(frozen=True)
class Curve:
    """A finished figure: heading, sentence, SVG."""

    title: str
    says: str
    svg: Markup


PANELS = (
    Panel("class_loss", "Class loss", "On labelled source frames; it should stay low while the domains are aligned."),
    Panel("domain_loss", "Domain loss", "Of the discriminator; near 2 ln 2 = 1.39 it can only guess.", 2 * math.log(2)),
    Panel(
        "discriminator_accuracy",
        "Discriminator accuracy",
        "Near 0.5 it cannot tell the printers apart. That alone is no proof of success.",
        0.5,
        (0.5, 0.75, 1.0),
    ),
    Panel("grl_weight", "Reversal weight", "How strongly the gradient is reversed; it ramps up over the run."),
    Panel("gradient_norm", "Gradient norm", "Before clipping; sudden peaks mean unsteady training."),
)


def training_curves(trace: Sequence[Mapping[str, Any]]) -> list[Curve]:
    """One figure for each known column that holds at least two numbers; the same trace gives the same bytes."""
    return [
        Curve(panel.title, panel.says, _draw(panel, steps, values))
        for panel in PANELS
        for steps, values in [_points(trace, panel.key)]
        if len(steps) >= 2
    ]


def _points(trace: Sequence[Mapping[str, Any]], key: str) -> tuple[list[float], list[float]]:
    rows = [row for row in trace if is_number(row.get(key))]
    steps = [float(row["step"]) if is_number(row.get("step")) else index + 1.0 for index, row in enumerate(rows)]
    return steps, [float(row[key]) for row in rows]


def _draw(panel: Panel, steps: list[float], values: list[float]) -> Markup:
    # Neither pyplot nor a window: a figure and the SVG writer are all it takes.
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": panel.key, "font.size": 9, "path.simplify": True}):
        figure = Figure(figsize=(3.6, 1.7))
        FigureCanvasSVG(figure)
        axes = figure.add_axes((0.13, 0.17, 0.85, 0.78))
        stride = max(1, len(steps) // _MOST_POINTS)
        axes.plot(steps[::stride], values[::stride], color=_LINE, alpha=0.3, linewidth=0.8)
        axes.plot(steps[::stride], _smooth(values)[::stride], color=_LINE, linewidth=1.6)
        if panel.guide is not None:
            axes.axhline(panel.guide, color=_TEXT, linewidth=0.8, linestyle=(0, (3, 3)))
        _dress(axes, panel)
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    return Markup(_inline(buffer.getvalue(), panel))  # noqa: S704 - drawn here, from numbers alone


def _smooth(values: list[float]) -> list[float]:
    """Centred running mean over a twentieth of the run: it lags behind nothing."""
    reach, sums = len(values) // 40, [0.0, *accumulate(values)]
    smoothed = []
    for index in range(len(values)):
        start, end = max(0, index - reach), min(len(values), index + reach + 1)
        smoothed.append((sums[end] - sums[start]) / (end - start))
    return smoothed


def _dress(axes: "Axes", panel: Panel) -> None:
    from matplotlib.ticker import MaxNLocator

    if panel.ticks:
        axes.set_ylim(min(panel.ticks) - 0.05, max(panel.ticks))
        axes.set_yticks(panel.ticks)
    else:
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.margins(x=0.01)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelcolor=_TEXT, pad=4)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))


def _inline(svg: str, panel: Panel) -> str:
    """The bare ``<svg>``: no prolog, no fixed size, the page's colours and font, and a name for screen readers."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'<svg([^>]*?) width="[^"]*"', r"<svg\1", svg, count=1)
    svg = re.sub(r'<svg([^>]*?) height="[^"]*"', r"<svg\1", svg, count=1)
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{panel.title}"', 1)
    # Matplotlib's style sheet speaks of every element of whatever page it lands in.
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    for stand_in, ink in _INKS.items():
        svg = svg.replace(stand_in, ink)
    return re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
