"""The features of both domains in two dimensions, before and after, coloured in three ways."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from adaptprint.reporting.drawing import AGAINST, GREY, LINE, draw
from adaptprint.reporting.formats import clean, pair, part, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Content = Mapping[str, Any]
# Told apart by most eyes, and on white as on black.
_PALETTE = (
    "#3b82c4",
    "#d9742b",
    "#3a9a5b",
    "#c5484f",
    "#8d6cc1",
    "#9a6b4f",
    "#d06bb0",
    "#7d8a33",
    "#2fa3ad",
    "#b0892b",
)
_BOX = (0.02, 0.02, 0.96, 0.96)


@dataclass(frozen=True)
class Key:
    """One entry of a legend: its colour in CSS, and a name that may be hostile."""

    ink: str
    name: str


@dataclass(frozen=True)
class Panel:
    """One map: heading, legend, SVG."""

    title: str
    keys: tuple[Key, ...]
    svg: Markup


@dataclass(frozen=True)
class MapRow:
    """The maps of one space: heading, how much of the variance they show, and the panels."""

    title: str
    says: str
    panels: tuple[Panel, ...]


def map_rows(content: Content) -> list[MapRow]:
    """The maps of a report.json; none where it holds no features."""
    found = part(content, "map")
    titles = {"before": "Current model", "after": "Adapted model"}
    if part(found, "before") and not part(found, "after"):
        titles["before"] = "Current and adapted model: the features are the same"
    rows = []
    for when, title in titles.items():
        space = part(found, when)
        points = [pair(point) for point in space.get("points") or ()]
        if points:
            share = [each for each in space.get("explained") or () if each is not None]
            says = f"Two directions of {len(points)} frames' features, {percent(sum(share))} of their variance."
            rows.append(MapRow(title, says, tuple(_panels(content, found, when, points))))
    return rows


def _panels(content: Content, found: Content, when: str, points: Sequence[tuple[float, float]]) -> list[Panel]:
    n_source, classes = int(found.get("n_source") or 0), [str(name) for name in content.get("classes") or ()]
    calls = [str(call) for call in found.get("after_calls" if not part(found, "after") else f"{when}_calls") or ()]
    prints = [str(name) for name in found.get("prints") or ()]
    domains = ["source"] * n_source + ["this printer"] * (len(points) - n_source)
    by_class = dict(zip(classes, (LINE, AGAINST) if len(classes) == 2 else _PALETTE * len(classes), strict=False))
    of_target = list(dict.fromkeys(prints[n_source:]))
    by_print = {name: _PALETTE[place % len(_PALETTE)] for place, name in enumerate(of_target)}
    of_print = ["" if place < n_source else name for place, name in enumerate(prints)]
    domain = {"source": GREY, "this printer": LINE}
    print_keys = [Key(by_print[name], clean(name)) for name in of_target[: len(_PALETTE)]]
    if len(of_target) > len(_PALETTE):
        print_keys.append(Key("transparent", f"and {len(of_target) - len(_PALETTE)} more, colours repeat"))
    return [
        Panel("By domain", _keys(domain), _draw(f"{when} domain", points, domains, domain, n_source)),
        Panel("By call", _keys(by_class), _draw(f"{when} call", points, calls, by_class, n_source)),
        Panel("By print", (Key(_css(GREY), "source"), *print_keys),
              _draw(f"{when} print", points, of_print, {"": GREY, **by_print}, n_source)),
    ]  # fmt: skip


def _keys(inks: Mapping[str, str]) -> tuple[Key, ...]:
    return tuple(Key(_css(ink), clean(name)) for name, ink in inks.items())


def _css(ink: str) -> str:
    return {GREY: "var(--grey)", LINE: "var(--accent)", AGAINST: "var(--against)"}.get(ink, ink)


def _draw(
    salt: str, points: Sequence[tuple[float, float]], groups: Sequence[str], inks: Mapping[str, str], n_source: int
) -> Markup:
    def paint(axes: "Axes") -> None:
        axes.set_axis_off()
        for is_source in (True, False):
            for name, ink in inks.items():
                chosen = [
                    point
                    for place, (point, group) in enumerate(zip(points, groups, strict=False))
                    if group == name and (place < n_source) == is_source
                ]
                if chosen:
                    x, y = zip(*chosen, strict=True)
                    # Source frames lie behind, as rings; the new printer's are filled.
                    style = {"markerfacecolor": "none", "markeredgewidth": 0.7} if is_source else {"markeredgewidth": 0}
                    axes.plot(x, y, "o", markersize=3.4, color=ink, alpha=0.7 if is_source else 0.85, **style)
        axes.margins(0.04)

    return draw(f"Features, {salt}", f"map {salt}", (2.8, 2.2), paint, _BOX)
