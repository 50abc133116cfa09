"""What a comparison runs: every recipe on every printer, bad share and seed. Planned before any work is done."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from adaptprint.adaptation.recipe import NamedRecipe
from adaptprint.errors import UsageError
from adaptprint.frames.classes import order_classes
from adaptprint.frames.table import FrameTable
from adaptprint.workflows.comparison_prints import OWN, Prints, Share, halves, prints_to_adapt_on


@dataclass(frozen=True)
class Cell:
    """One recipe on one printer, at one share of bad prints, with one seed.

    Attributes:
        printer: The printer left out.
        share: Share of bad prints among those adapted on, or ``own``.
        seed: Decides the halves and the run.
        recipe: The recipe.
        adapt_prints: Print ids to adapt on.
        test_prints: Print ids to score on, the same for every share and recipe.
    """

    printer: str
    share: Share
    seed: int
    recipe: NamedRecipe
    adapt_prints: tuple[str, ...]
    test_prints: tuple[str, ...]

    @property
    def place(self) -> str:
        """Where it stands in the grid, for people."""
        share = "" if self.share == OWN else f", bad share {self.share:g}"
        return f"{self.recipe.name} on printer {self.printer}{share}, seed {self.seed}"


@dataclass(frozen=True)
class Grid:
    """All cells, those of one printer together, and what the user should know about them."""

    cells: tuple[Cell, ...]
    notes: tuple[str, ...]

    @property
    def printers(self) -> list[str]:
        """The printers left out."""
        return list(dict.fromkeys(cell.printer for cell in self.cells))


def plan(
    table: FrameTable,
    printers: Sequence[str],
    shares: Sequence[Share],
    seeds: Sequence[int],
    recipes: Sequence[NamedRecipe],
    adapt_prints: int | None,
) -> Grid:
    """Draws the prints of every cell.

    Raises:
        UsageError: If two recipes share a name, or bad shares are asked for where they mean nothing.
        BadDataError: If a printer has too few prints.
    """
    names = [recipe.name for recipe in recipes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"two recipes are called `{twice}`", "Give their files different names.")
    bad = _bad_class(table, shares)
    cells: list[Cell] = []
    notes: list[str] = []
    for printer in printers:
        prints = _prints(table, printer)
        fewer: dict[Share, int] = {}
        for seed in seeds:
            half = halves(prints, seed)
            for share in shares:
                taken = prints_to_adapt_on(prints, half.pool, share, adapt_prints, bad)
                if len(taken) < (adapt_prints or len(half.pool)):
                    fewer[share] = min(len(taken), fewer.get(share, len(taken)))
                ids = [tuple(sorted(prints.names[place] for place in places)) for places in (taken, half.test)]
                cells += [Cell(printer, share, seed, recipe, *ids) for recipe in recipes]
        notes += _few_prints(printer, fewer, adapt_prints or len(half.pool))
    return Grid(tuple(cells), tuple(notes))


def _prints(table: FrameTable, printer: str) -> Prints:
    rows = table.prints.filter(pl.col("printer") == printer)
    return Prints(printer, tuple(rows["print"]), tuple(rows["label"]))


def _bad_class(table: FrameTable, shares: Sequence[Share]) -> str:
    """The class that counts as bad: the second of two, as in every model."""
    classes = order_classes(table.classes)
    if all(share == OWN for share in shares):
        return classes[-1]
    if len(classes) != 2:
        raise UsageError(
            f"--bad-shares needs two classes, good and bad; {table.root} has {len(classes)}: {', '.join(classes[:8])}",
            "Leave --bad-shares out: the data's own shares are used.",
        )
    if table.labels_vary_inside_prints:
        raise UsageError(
            "--bad-shares needs one label for each print; here labels differ inside prints",
            "Leave --bad-shares out: the data's own shares are used.",
        )
    return classes[1]


def _few_prints(printer: str, fewer: dict[Share, int], wanted: int) -> list[str]:
    """One sentence where the adaptation half has too few prints; none where it has enough."""
    if not fewer:
        return []
    if list(fewer) == [OWN]:
        return [f"printer {printer}: its adaptation half has {fewer[OWN]} prints, fewer than the {wanted} asked for"]
    counts = ", ".join(f"{n} at {share if share == OWN else format(share, 'g')}" for share, n in fewer.items())
    return [
        f"printer {printer}: fewer than {wanted} prints are adapted on, as its adaptation half has no more for the "
        f"bad share: {counts}"
    ]


def left_out_printers(table: FrameTable, printers: Sequence[str], known: Sequence[str] | None) -> list[str]:
    """The printers to leave out: those named, else all that the source model has not seen.

    Args:
        table: The labelled frames.
        printers: Named by the user; perhaps none.
        known: Printers of the one source model; ``None`` where one is trained without each printer.

    Raises:
        UsageError: If a printer is unknown, or none is left.
    """
    for printer in printers:
        table.of_printer(printer)
    if known is not None:
        fresh = list(dict.fromkeys(printers)) or [printer for printer in table.printers if printer not in known]
        if not fresh:
            raise UsageError(
                "every printer of the data was among the source's own",
                "Name one with --printer, or leave --source out.",
            )
        return fresh
    if len(table.printers) < 2:
        raise UsageError(
            f"{table.root} holds one printer only, so none can be left out",
            "Add labelled printers, or give a source model of other printers with --source.",
        )
    return list(dict.fromkeys(printers)) or table.printers
