"""Which prints of a printer are for testing, and which of the others to adapt on, at any share of bad ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from adaptprint.errors import BadDataError, UsageError

OWN: Literal["own"] = "own"
# A share of bad prints in [0, 1], or the data's own.
Share = float | Literal["own"]
MIN_PRINTS = 4
MIN_ADAPT_PRINTS = 3


@dataclass(frozen=True)
class Prints:
    """The labelled prints of one printer.

    Attributes:
        printer: Its id.
        names: Print ids.
        labels: Class name of each print.
    """

    printer: str
    names: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Halves:
    """Two halves of a printer's prints, as places in :attr:`Prints.names`; no print is in both.

    Attributes:
        test: What every recipe is scored on, whatever the share of bad prints.
        pool: What the prints to adapt on are taken from, in an order that the seed decides.
    """

    test: tuple[int, ...]
    pool: tuple[int, ...]


def parse_shares(text: str) -> tuple[Share, ...]:
    """``0,0.2,1`` or ``own`` to shares of bad prints.

    Raises:
        UsageError: If one is neither ``own`` nor a number from 0 to 1.
    """
    return checked_shares([piece.strip().lower() for piece in text.split(",")])


def checked_shares(shares: Sequence[float | str]) -> tuple[Share, ...]:
    """Shares as numbers, each once.

    Raises:
        UsageError: If one is neither ``own`` nor a number from 0 to 1.
    """
    found: list[Share] = []
    for share in shares:
        try:
            number = OWN if share == OWN else float(share)
        except ValueError:
            number = math.nan
        if number != OWN and not 0 <= number <= 1:
            raise UsageError(
                f"--bad-shares: `{share}` is no share of bad prints",
                "Use numbers from 0 to 1 with commas between, such as 0,0.2,0.5,1, or `own` for the data's own share.",
            )
        found.append(number)
    if not found:
        raise UsageError("--bad-shares is empty", "Name shares such as 0,0.2,0.5,1, or leave it out.")
    return tuple(dict.fromkeys(found))


def halves(prints: Prints, seed: int) -> Halves:
    """Shares each class's prints out evenly between test and pool.

    Raises:
        BadDataError: If the printer has too few prints for two halves.
    """
    if len(prints.names) < MIN_PRINTS:
        raise BadDataError(
            f"printer {prints.printer} has {len(prints.names)} prints; "
            f"{MIN_PRINTS} are needed to adapt on some and test on others",
            "Leave it out with --printer, or add prints.",
        )
    rng = np.random.default_rng([seed, 5])
    test: list[int] = []
    pool: list[int] = []
    turn = 0
    for label in sorted(set(prints.labels)):
        places = rng.permutation([place for place, other in enumerate(prints.labels) if other == label]).tolist()
        # The odd print goes to the test half of one class and the pool of the next.
        n_test = (len(places) + turn) // 2
        turn = 1 - turn if len(places) % 2 else turn
        test += places[:n_test]
        pool += places[n_test:]
    return Halves(tuple(test), tuple(pool))


def prints_to_adapt_on(
    prints: Prints, pool: Sequence[int], share: Share, n_prints: int | None, bad: str
) -> tuple[int, ...]:
    """Takes prints from the pool: fewer than asked for where it cannot give the share, never another share.

    The prints of one class are taken in the pool's order, so that sets of neighbouring shares overlap as far as they
    can, and differ in their share alone.

    Args:
        prints: The printer's prints.
        pool: Places that may be taken.
        share: Wanted share of bad prints.
        n_prints: How many are wanted; ``None`` means as many as the pool holds.
        bad: The class that counts as bad.

    Raises:
        BadDataError: If not even three prints with this share can be taken.
    """
    wanted = len(pool) if n_prints is None else min(n_prints, len(pool))
    worse = [place for place in pool if prints.labels[place] == bad]
    better = [place for place in pool if prints.labels[place] != bad]
    if share == OWN:
        if wanted == len(pool):
            return tuple(pool)
        n_bad = _rounded(len(worse) / len(pool), wanted)
        return (*better[: wanted - n_bad], *worse[:n_bad])
    for size in range(wanted, MIN_ADAPT_PRINTS - 1, -1):
        n_bad = _rounded(share, size)
        if n_bad <= len(worse) and size - n_bad <= len(better):
            return (*better[: size - n_bad], *worse[:n_bad])
    raise BadDataError(
        f"printer {prints.printer} has {len(worse)} bad and {len(better)} good prints to adapt on, "
        f"too few for a bad share of {share:g}",
        f"Leave this share out of --bad-shares, or the printer with --printer; {MIN_ADAPT_PRINTS} prints are needed.",
    )


def _rounded(share: float, size: int) -> int:
    """Prints that make up a share: halves go up."""
    return math.floor(share * size + 0.5)
