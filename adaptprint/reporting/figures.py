"""Training curves as small inline SVGs that follow the page's colours."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from adaptprint.reporting.drawing import LINE, TEXT, draw, dress
from adaptprint.reporting.formats import is_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
    def paint(axes: "Axes") -> None:
        stride = max(1, len(steps) // _MOST_POINTS)
        axes.plot(steps[::stride], values[::stride], color=LINE, alpha=0.3, linewidth=0.8)
        axes.plot(steps[::stride], _smooth(values)[::stride], color=LINE, linewidth=1.6)
        if panel.guide is not None:
            axes.axhline(panel.guide, color=TEXT, linewidth=0.8, linestyle=(0, (3, 3)))
        _dress(axes, panel)

    return draw(panel.title, panel.key, (3.6, 1.7), paint)


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
    dress(axes)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
