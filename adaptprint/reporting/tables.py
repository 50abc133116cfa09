"""The one look of all terminal output: no walls, quiet heads, names cut instead of wrapped, hanging indents."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.style import Style
from rich.table import Column, Table
from rich.text import Text

from adaptprint.reporting.formats import clean, sentence


def cut(head: str) -> Column:
    """A column of names: it gives way first, with an ellipsis."""
    return Column(head, min_width=min(8, max(1, len(head))))


def fixed(head: str) -> Column:
    """A column of words that are never cut."""
    return Column(head, no_wrap=True)


def number(head: str) -> Column:
    """A column of numbers, right-aligned and never cut."""
    return Column(head, justify="right", no_wrap=True)


def quiet_table(*columns: Column) -> Table:
    """An empty table of :func:`cut`, :func:`fixed` and :func:`number` columns."""
    return Table(*columns, box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)


def add(table: Table, *cells: object, style: str | None = None) -> None:
    """Adds a row; anything but :class:`Text` is cleaned first."""
    texts = []
    for column, cell in zip(table.columns, cells, strict=True):
        text = cell.copy() if isinstance(cell, Text) else Text(clean(cell))
        if not column.no_wrap:
            # The column may shrink, its text may not flow.
            text.no_wrap, text.overflow = True, "ellipsis"
        texts.append(text)
    table.add_row(*texts, style=style)


@dataclass(frozen=True)
class Barred:
    """A view with a coloured bar along its left edge."""

    view: RenderableType
    style: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Renders the view two columns narrower."""
        style = Style.parse(self.style)
        for line in console.render_lines(self.view, options.update(width=max(1, options.max_width - 2)), pad=False):
            yield Segment("▌ ", style)
            yield from line
            yield Segment.line()


def headed(head: str, view: RenderableType) -> RenderableType:
    """A view below a heading, after an empty line, two columns in."""
    return Group(Text(""), Text(head, "bold"), Padding(view, (0, 0, 0, 2), expand=False))


def bullets(texts: Iterable[object], style: str = "") -> RenderableType:
    """Sentences with hanging indent."""
    grid = _grid(1)
    for text in texts:
        grid.add_row(Text("·", "dim"), worded(sentence(text), style))
    return grid


def labelled(rows: Iterable[tuple[Text, RenderableType]], gap: int = 2) -> RenderableType:
    """Views beside labels, with hanging indent."""
    grid = _grid(gap)
    for label, view in rows:
        grid.add_row(label, view)
    return grid


def worded(text: str, style: str = "") -> Text:
    """Text in which `backticks` become bold."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return Text(text, style)
    strong = f"{style} bold".strip()
    return Text.assemble(*((piece, strong if place % 2 else style) for place, piece in enumerate(pieces)))


def noted(notes: Sequence[object] | None) -> list[RenderableType]:
    """The notes of a result; nothing where there are none."""
    return [headed("Notes", bullets(notes, style="dim"))] if notes else []


def _grid(gap: int) -> Table:
    grid = Table.grid(padding=(0, gap, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column()
    return grid
