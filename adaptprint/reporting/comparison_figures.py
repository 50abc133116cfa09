"""Gain over source-only by share of bad prints, one small figure for each recipe, all on one scale."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from adaptprint.reporting.comparison_facts import Gain, gain_of, rows_of, share_name
from adaptprint.reporting.drawing import GREY, LINE, NOW, TEXT, draw, dress
from adaptprint.reporting.formats import is_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHIPS = 0.16  # how far beside the recipe's own mean that of what ships stands
_DOTS = -0.16


@dataclass(frozen=True)
class GainFigure:
    """A finished figure: the recipe, a sentence, SVG."""

    title: str
    says: str
    svg: Markup


@dataclass(frozen=True)
class _Column:
    """What stands above one share: the mean of what the recipe ends with, of what ships, and every printer."""

    share: str
    ended: Gain
    shipped: Gain
    printers: tuple[float, ...]


def gain_figures(content: Mapping[str, Any]) -> list[GainFigure]:
    """One figure for each recipe but the baseline; the same content gives the same bytes."""
    over_printers, each = rows_of(content, "share"), rows_of(content, "share-printer")
    recipes = dict.fromkeys(str(row.get("recipe")) for row in over_printers)
    columns = {
        recipe: [
            _Column(
                share_name(row.get("bad_share")), gain_of(row), gain_of(row, "shipped_"),
                tuple(
                    other["gain"] for other in each
                    if other.get("recipe") == recipe and other.get("bad_share") == row.get("bad_share")
                    and is_number(other.get("gain"))
                ),
            )
            for row in over_printers if row.get("recipe") == recipe
        ]
        for recipe in recipes if recipe != "source-only"
    }  # fmt: skip
    limits = _limits([column for found in columns.values() for column in found])
    return [
        GainFigure(recipe, _says(found), _draw(recipe, f"gain-{number}", found, limits))
        for number, (recipe, found) in enumerate(columns.items())
    ]


def _limits(columns: Sequence[_Column]) -> tuple[float, float]:
    """One scale for all figures, zero always on it."""
    values = [
        value
        for column in columns
        for value in (column.ended.low, column.ended.high, column.shipped.low, column.shipped.high, *column.printers)
        if is_number(value)
    ]
    low, high = min([-0.02, *values]), max([0.02, *values])
    return low - 0.06 * (high - low), high + 0.06 * (high - low)


def _says(columns: Sequence[_Column]) -> str:
    told = [f"{column.ended.text} at {column.share}" for column in columns]
    return f"Mean gain {', '.join(told)}; what ships {', '.join(column.shipped.text for column in columns)}."


def _draw(recipe: str, salt: str, columns: Sequence[_Column], limits: tuple[float, float]) -> Markup:
    def paint(axes: "Axes") -> None:
        dress(axes)
        axes.axhline(0, color=TEXT, linewidth=0.9)
        for place, column in enumerate(columns):
            axes.plot(
                [place + _DOTS] * len(column.printers), column.printers, "o",
                markersize=4, markerfacecolor="none", markeredgecolor=GREY, markeredgewidth=0.9,
            )  # fmt: skip
            _mean(axes, place + _SHIPS, column.shipped, NOW, 1.4, 4.5)
            _mean(axes, place, column.ended, LINE, 2.2, 6)
        axes.set_xticks(range(len(columns)), [column.share for column in columns])
        axes.set_xlim(-0.6, len(columns) - 0.4)
        axes.set_ylim(*limits)
        axes.yaxis.set_major_formatter(lambda value, _place: f"{value:+.2f}" if abs(value) > 1e-9 else "0")

    return draw(f"Gain of {recipe} by share of bad prints", salt, (3.6, 2.1), paint)


def _mean(axes: "Axes", place: float, gain: Gain, colour: str, width: float, size: float) -> None:
    if is_number(gain.low) and is_number(gain.high):
        axes.plot([place, place], [gain.low, gain.high], color=colour, linewidth=width, solid_capstyle="round")
    if is_number(gain.value):
        axes.plot([place], [gain.value], "o", color=colour, markersize=size)
