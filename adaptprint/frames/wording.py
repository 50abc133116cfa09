"""Words counts and lists the way notes and errors say them."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl


def plural(count: int, noun: str) -> str:
    """``1 frame``, ``2 frames``; thousands are set apart.

    Examples:
        >>> plural(81060, "frame")
        '81,060 frames'
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def no_frame(count: int, place: str, beyond: str = "") -> str:
    """The beginning of a sentence about frames of which none is of use.

    Examples:
        >>> no_frame(2, "in mk4")
        'None of the 2 frames in mk4 can'
        >>> no_frame(1, "in mk4")
        'The only frame in mk4 cannot'
    """
    return f"The only frame {place} cannot" if count == 1 else f"None of the {count:,} frames {beyond}{place} can"


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names with commas, the rest as a number.

    Examples:
        >>> listed(["a", "b", "c"], most=2)
        'a, b and 1 more'
    """
    text = ", ".join(names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"


def either(names: Sequence[str]) -> str:
    """Names to choose one of.

    Examples:
        >>> either(["good", "stringing", "warping"])
        'good, stringing or warping'
    """
    return " or ".join([*filter(None, [", ".join(names[:-1])]), *names[-1:]])


def shown(text: str | Path) -> str:
    """A path, or words with one in them, that can be written anywhere: each byte that is no UTF-8 becomes a `?`."""
    return str(text).encode("utf-8", "replace").decode("utf-8")


def counts(data: pl.DataFrame) -> str:
    """How many frames, prints and printers a table's data holds."""
    prints = data.select("printer", "print").n_unique()
    printers = data["printer"].n_unique()
    return f"{plural(data.height, 'frame')}, {plural(prints, 'print')}, {plural(printers, 'printer')}"


def are(count: int) -> str:
    """``is`` for one, ``are`` for others."""
    return "is" if count == 1 else "are"


def share(part: int, total: int) -> str:
    """A part of a total in percent, without decimals but never rounded to nothing.

    Examples:
        >>> share(1, 3)
        '33 %'
    """
    percent = 100 * part / max(1, total)
    return "under 1 %" if 0 < percent < 1 else f"{percent:.0f} %"
