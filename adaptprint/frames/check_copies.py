"""Rules about copies: the same frame twice, near-copies across prints, a print in two printers."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from adaptprint.frames.check_files import FLAT_BELOW
from adaptprint.frames.findings import MOST_EXAMPLES, Finding
from adaptprint.frames.inspection import Inspection
from adaptprint.frames.near_copies import NEAR_BITS, bits_apart, copies_elsewhere
from adaptprint.frames.wording import are, plural, share


def duplicate_inside_print(seen: Inspection) -> Finding | None:
    """The same content twice in one print."""
    prints = seen.table.print_codes
    rows = [row for copies in seen.copies for row in _repeated(copies, prints)]
    if not rows:
        return None
    return Finding(
        "duplicate-inside-print",
        "note",
        len(rows),
        f"{plural(len(rows), 'frame')} {are(len(rows))} an exact copy of another frame of the same print.",
        "Nothing needs to be done: prints count, not frames; many copies mean that the camera stalls.",
        seen.examples(rows),
    )


def duplicate_across_prints(seen: Inspection) -> Finding | None:
    """The same content in several prints."""
    prints = seen.table.print_codes
    shared = [rows for rows in seen.copies if len({int(prints[row]) for row in rows}) > 1]
    if not shared:
        return None
    count = sum(len(rows) for rows in shared)
    return Finding(
        "duplicate-across-prints",
        "warning",
        count,
        f"{plural(count, 'frame')} {are(count)} the same file in several prints: "
        "a split by print cannot keep them apart.",
        "Keep each frame in one print.",
        _pairs(seen, shared, prints.tolist()),
    )


def conflicting_labels(seen: Inspection) -> Finding | None:
    """The same content under different labels."""
    labels = seen.table.data["label"].to_list()
    labelled = [[row for row in rows if labels[row] is not None] for rows in seen.copies]
    clashes = [rows for rows in labelled if len({labels[row] for row in rows}) > 1]
    if not clashes:
        return None
    count = sum(len(rows) for rows in clashes)
    return Finding(
        "conflicting-labels",
        "error",
        count,
        f"{plural(count, 'frame')} {are(count)} the same file under different labels.",
        "Decide on one label for each frame, and remove the copies.",
        _pairs(seen, clashes, labels),
    )


def print_in_two_printers(seen: Inspection) -> Finding | None:
    """The same content, or the same long print id, under two printers."""
    printers = seen.table.printer_codes
    copied = [rows for rows in seen.copies if len({int(printers[row]) for row in rows}) > 1]
    if copied:
        count = sum(len(rows) for rows in copied)
        return Finding(
            "print-in-two-printers",
            "error",
            count,
            f"{plural(count, 'frame')} {are(count)} the same file under two printers: "
            "leaving one printer out would test on what was trained on.",
            "Give each print to the one printer that made it.",
            _pairs(seen, copied, printers.tolist()),
        )
    owners: dict[str, list[str]] = {}
    several = seen.table.prints.filter(pl.col("n_frames") > 1)  # single images are no prints of a known name
    for printer, name in several.select("printer", "print").iter_rows():
        owners.setdefault(name, []).append(printer)
    names = [name for name, by in owners.items() if len(by) > 1]
    if not names:
        return None
    return Finding(
        "print-in-two-printers",
        # Counters such as 1, 2, 3 repeat everywhere; a date or a long name hardly does by chance.
        "warning" if any(len(name) > 5 for name in names) else "note",
        len(names),
        f"{plural(len(names), 'print id')} {are(len(names))} found under several printers.",
        "If these are different prints, all is well; otherwise give each to the printer that made it.",
        tuple(f"{name}: {', '.join(owners[name][:4])}" for name in names[:MOST_EXAMPLES]),
    )


def near_copies_across_prints(seen: Inspection) -> Finding | None:
    """Different files in different prints that look nearly the same."""
    rows = np.array([r for r, look in zip(seen.rows, seen.looks, strict=True) if look.contrast >= FLAT_BELOW])
    if len(rows) == 0:
        return None
    looks = dict(zip(seen.rows, seen.looks, strict=True))
    hashes = np.array([looks[int(row)].gradients for row in rows], dtype=np.uint64)
    partner = copies_elsewhere(hashes, seen.table.print_codes[rows])
    pairs = [(int(row), int(rows[other])) for row, other in zip(rows, partner, strict=True) if other >= 0]
    pairs = [(row, other) for row, other in pairs if looks[row].digest != looks[other].digest]
    if not pairs:
        return None
    return Finding(
        "near-duplicate-across-prints",
        "warning" if len(pairs) > 0.05 * len(seen.rows) else "note",
        len(pairs),
        f"{plural(len(pairs), 'frame')} ({share(len(pairs), len(seen.rows))}) nearly equal one of another "
        "print: parts of one print carry two ids, or the camera sees mostly the machine.",
        "See the examples: if two prints are one, give them one id; otherwise crop to the nozzle (--crop).",
        tuple(" ~ ".join(seen.examples(pair)) for pair in pairs[:MOST_EXAMPLES]),
    )


def near_copies_inside_prints(seen: Inspection) -> Finding | None:
    """How many consecutive frames of a print hardly differ: normal, and why frames are no sample size."""
    if len(seen.looks) < 2:
        return None
    hashes = np.array([look.gradients for look in seen.looks], dtype=np.uint64)
    prints = seen.table.print_codes[np.array(seen.rows)]
    together = prints[1:] == prints[:-1]
    near = int((together & (bits_apart(hashes[1:], hashes[:-1]) <= NEAR_BITS)).sum())
    if near == 0:
        return None
    return Finding(
        "near-duplicate-inside-print",
        "note",
        near,
        f"{share(near, int(together.sum()))} of consecutive frames of a print are near-copies, as is usual.",
        "Nothing needs to be done: adaptprint counts, splits and draws by print.",
    )


def _pairs(seen: Inspection, groups: Sequence[Sequence[int]], owners: Sequence[object]) -> tuple[str, ...]:
    """From each of the first groups of rows, two that differ in their owner."""
    shown = []
    for rows in groups[:MOST_EXAMPLES]:
        other = next(row for row in rows if owners[row] != owners[rows[0]])
        shown.append(" = ".join(seen.examples((rows[0], other))))
    return tuple(shown)


def _repeated(copies: Sequence[int], prints: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[int]:
    """The rows that repeat an earlier one of the same print."""
    met: set[int] = set()
    repeated = []
    for row in copies:
        if int(prints[row]) in met:
            repeated.append(row)
        met.add(int(prints[row]))
    return repeated


COPY_RULES = (
    duplicate_inside_print,
    duplicate_across_prints,
    conflicting_labels,
    print_in_two_printers,
    near_copies_across_prints,
    near_copies_inside_prints,
)
