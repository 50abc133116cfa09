"""From the content of comparison.json to what its tables show, for the terminal, Markdown and HTML alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adaptprint.reporting.formats import clean, duration, is_number, pair, part, plural, score, signed, span

Content = Mapping[str, Any]
_OVER_ALL = "over all"


@dataclass(frozen=True)
class Gain:
    """A gain and its interval; numbers may be missing."""

    value: Any
    low: Any
    high: Any

    @property
    def tone(self) -> str:
        """``better`` or ``worse`` only where the interval leaves zero out, else ``level``."""
        if is_number(self.low) and self.low > 0:
            return "better"
        return "worse" if is_number(self.high) and self.high < 0 else "level"

    @property
    def text(self) -> str:
        """``+0.044``."""
        return signed(self.value, 3)

    @property
    def ends(self) -> str:
        """``+0.01 to +0.08``."""
        return span(self.low, self.high, signed)


@dataclass(frozen=True)
class Line:
    """One recipe over some cells: of what it ends with, or of what ships."""

    recipe: str
    accuracy: str
    ends: str
    gain: Gain
    tally: str
    worst: str
    worst_place: str
    time: str
    verdicts: tuple[int, int, int]


@dataclass(frozen=True)
class Matrix:
    """Gains of recipes (columns) at places (rows), beside the baseline's balanced accuracy at each place."""

    recipes: tuple[str, ...]
    lines: tuple[tuple[str, str, tuple[Gain | None, ...]], ...]


def lines(content: Content, level: str, shipped: bool = False) -> list[Line]:
    """The recipes over the cells of one level, in order; shipped ones only where they are known."""
    found = [row for row in rows_of(content, level) if not shipped or "shipped_gain" in row]
    return [_line(row, "shipped_" if shipped else "") for row in found]


def rows_of(content: Content, level: str) -> list[Content]:
    """The rows of one level."""
    rows = content.get("rows") or ()
    return [row for row in rows if isinstance(row, Mapping) and row.get("level") == level]


def gain_of(row: Content, prefix: str = "") -> Gain:
    """The gain of a row."""
    return Gain(row.get(f"{prefix}gain"), *pair(row.get(f"{prefix}gain_interval")))


def matrix(content: Content, level: str, key: str, shipped: bool = False) -> Matrix:
    """Gains by ``printer`` or ``bad_share``; the baseline's accuracy is the same for all recipes of a place."""
    rows = rows_of(content, level)
    recipes = tuple(dict.fromkeys(str(row.get("recipe")) for row in rows if row.get("recipe") != "source-only"))
    found = []
    for place in dict.fromkeys(row.get(key) for row in rows):
        here = {str(row.get("recipe")): row for row in rows if row.get(key) == place}
        first = next(iter(here.values()))
        base = _minus(first.get("balanced_accuracy"), first.get("gain"))
        gains = tuple(
            gain_of(here[recipe], "shipped_" if shipped else "") if recipe in here else None for recipe in recipes
        )
        found.append((share_name(place) if key == "bad_share" else clean(place), score(base), gains))
    return Matrix(recipes, tuple(found))


def failures(content: Content) -> list[tuple[str, str]]:
    """Where a cell failed, and cause and fix."""
    cells = [cell for cell in content.get("cells") or () if isinstance(cell, Mapping)]
    return [
        (f"{place_name(cell)}, {clean(cell.get('recipe'))}", str(cell["error"])) for cell in cells if cell.get("error")
    ]


def place_name(cell: Content) -> str:
    """``printer 9, bad share 0.2, seed 0``."""
    share = cell.get("bad_share")
    middle = "" if share in (None, "own") else f", bad share {share_name(share)}"
    return f"printer {clean(cell.get('printer'))}{middle}, seed {clean(cell.get('seed'))}"


def share_name(share: Any) -> str:
    """``0.2``, or ``own``."""
    return f"{share:g}" if is_number(share) else clean(share)


def size(content: Content) -> str:
    """``4 recipes, 4 printers left out, 5 bad shares, 2 seeds: 160 cells``."""
    counts = [
        plural(len(content.get(key) or ()), noun)
        for key, noun in (
            ("recipes", "recipe"), ("printers", "printer"), ("bad_shares", "bad share"), ("seeds", "seed"),
        )
    ]  # fmt: skip
    return f"{', '.join(counts)}: {plural(len(content.get('cells') or ()), 'cell')}"


def caption(content: Content) -> str:
    """What the numbers are, in one line."""
    unit = clean(content.get("unit") or "print")
    return f"balanced accuracy by {unit} on prints not adapted on; gain over source-only; 90% intervals over prints"


def _line(row: Content, prefix: str) -> Line:
    low, high = pair(row.get(f"{prefix}interval"))
    accuracy = row.get("shipped_balanced_accuracy") if prefix else row.get("balanced_accuracy")
    worst = part(row, f"{prefix}worst")
    counts = part(row, "verdicts")
    tally = [row.get(f"{prefix}{name}") for name in ("wins", "ties", "losses")]
    return Line(
        recipe=clean(row.get("recipe")),
        accuracy=score(accuracy),
        ends=span(low, high, lambda end: score(end, 2)),
        gain=gain_of(row, prefix),
        tally="/".join(clean(n) for n in tally),
        worst=signed(worst.get("gain"), 3),
        worst_place=place_name(worst) if worst else "",
        time=duration(row.get("seconds")),
        verdicts=tuple(int(counts.get(name) or 0) for name in ("ship", "keep-source", "need-labels")),  # type: ignore[arg-type]
    )


def _minus(value: Any, other: Any) -> Any:
    return value - other if is_number(value) and is_number(other) else None


def chunks(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """Pieces of at most ``size`` items."""
    return [items[start : start + size] for start in range(0, len(items), size)]
