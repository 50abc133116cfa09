"""What a data set asks for: which prints of which printers, good or bad, checked before any work starts."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from adaptprint.errors import UsageError
from adaptprint.synth.film import FRAME_SECONDS
from adaptprint.synth.jobs import PrintJob, draw_job
from adaptprint.synth.printers import Printer
from adaptprint.synth.randomness import stream
from adaptprint.synth.roster import choose_printers

FIRST_PRINT_BEGAN = 1_672_776_000
"""Unix second around which the print ids lie, as in the competition."""

LONGEST_PAUSE = 3600
"""Seconds between two prints of a printer, at most."""


@dataclass(frozen=True)
class PrintOrder:
    """One print to render: all that a worker needs to know.

    Attributes:
        printer: The printer.
        number: Which of its prints, from 0.
        print_id: Unix second at which it begins.
        label: 1 for under-extruded.
        frames: How many frames.
        seed: The data set's seed.
        size: Height and width of the frames, pixels.
    """

    printer: Printer
    number: int
    print_id: str
    label: int
    frames: int
    seed: int
    size: tuple[int, int]

    @property
    def job(self) -> PrintJob:
        """What is printed, and how it flows."""
        return draw_job(self.seed, self.printer.name, self.printer.habits, self.number, self.label)


def place_orders(
    printers: int | Sequence[str],
    prints: int,
    frames: int,
    bad_share: float | Mapping[str, float],
    seed: int,
    family: str,
    size: tuple[int, int] | None,
) -> list[PrintOrder]:
    """Checks a request and spells it out; the arguments are those of `render_dataset`.

    Raises:
        UsageError: An argument does not fit.
    """
    for name, value, least in (("prints", prints, 1), ("frames", frames, 1), ("seed", seed, 0)):
        if value < least:
            raise UsageError(f"{name} is {value}.", f"Use {least} or more.")
    if size is not None and (len(size) != 2 or min(size) < 32 or max(size) > 4096):
        raise UsageError(f"size is {size}.", "Give height and width in pixels, each from 32 to 4096.")
    chosen = choose_printers(printers, seed, family)
    shares = resolve_shares(bad_share, chosen)
    return [order for printer in chosen for order in _deal(printer, shares[printer.name], prints, frames, seed, size)]


def resolve_shares(bad_share: float | Mapping[str, float], printers: Sequence[Printer]) -> dict[str, float]:
    """Returns each printer's share of bad prints by its name; printers that a mapping leaves out get one half.

    Raises:
        UsageError: A share is no share, or belongs to no printer.
    """
    if isinstance(bad_share, Mapping):
        known = {key for printer in printers for key in (printer.name, printer.number)}
        unknown = sorted(set(bad_share) - known)
        if unknown:
            names = ", ".join(printer.name for printer in printers)
            raise UsageError(f"bad_share names printer {unknown[0]!r}, which is not rendered.", f"Use {names}.")
        shares = {p.name: float(bad_share.get(p.name, bad_share.get(p.number, 0.5))) for p in printers}
    else:
        shares = {printer.name: float(bad_share) for printer in printers}
    for name, share in shares.items():
        if not (math.isfinite(share) and 0 <= share <= 1):
            raise UsageError(f"The bad share of printer {name} is {share}.", "Use a share from 0 to 1.")
    return shares


def _deal(
    printer: Printer, share: float, prints: int, frames: int, seed: int, size: tuple[int, int] | None
) -> Iterator[PrintOrder]:
    """Deals labels and times to the prints of a printer; they do not depend on the other printers."""
    rng = stream(seed, "plan", printer.family, printer.name)
    bad = math.floor(share * prints + 0.5)
    order = rng.permutation(prints)
    began = FIRST_PRINT_BEGAN + int(printer.number) * 100_003
    for number in range(prints):
        began += int(frames * FRAME_SECONDS) + 60 + int(rng.integers(0, LONGEST_PAUSE))
        label = int(order[number] < bad)
        yield PrintOrder(printer, number, str(began), label, frames, seed, size or printer.sensor.size)
