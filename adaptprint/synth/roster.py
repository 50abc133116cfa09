"""Which printers a data set shows: presets and random ones, by number or by name."""

from collections.abc import Sequence

from adaptprint.errors import UsageError
from adaptprint.synth.invention import random_printer
from adaptprint.synth.presets import FAMILIES, presets
from adaptprint.synth.printers import Printer


def choose_printers(printers: int | Sequence[str], seed: int, family: str) -> list[Printer]:
    """Resolves the `printers` argument of `render_dataset`.

    Args:
        printers: How many (presets of the family first, then random ones), or names: presets of either family, their
            ids, or `random-<n>`.
        seed: Draws the random printers.
        family: `endoscope` or `portrait`.

    Raises:
        UsageError: The family, a name or the number does not exist.
    """
    if family not in FAMILIES:
        raise UsageError(f"There is no camera family {family!r}.", f"Use one of {', '.join(FAMILIES)}.")
    if isinstance(printers, int):
        if printers < 1:
            raise UsageError(f"printers is {printers}.", "Ask for at least one printer.")
        named = list(presets(family).values())[:printers]
        return named + [random_printer(seed, n, family) for n in range(1, printers - len(named) + 1)]
    names = [printers] if isinstance(printers, str) else list(printers)
    chosen = [_find(name, seed, family) for name in names]
    if not chosen:
        raise UsageError("No printer is asked for.", "Name at least one preset, or give a number.")
    if len({printer.number for printer in chosen}) < len(chosen):
        raise UsageError(f"A printer is asked for twice: {', '.join(names)}.", "Name every printer once.")
    return chosen


def _find(name: str, seed: int, family: str) -> Printer:
    for printer in presets().values():
        if name in (printer.name, printer.number):
            return printer
    head, _, tail = name.partition("-")
    if head == "random" and tail.isdecimal() and int(tail) > 0:
        return random_printer(seed, int(tail), family)
    known = ", ".join(presets())
    raise UsageError(f"There is no printer {name!r}.", f"Use one of {known}, or random-1, random-2 and so on.")
