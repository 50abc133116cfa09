"""Rules about labels and counts: labels inside a print, frames without label, one class, too few prints."""

import polars as pl

from adaptprint.frames.findings import MOST_EXAMPLES, Finding
from adaptprint.frames.inspection import Inspection
from adaptprint.frames.wording import are, plural

FEWEST_PRINTS = 3
"""Fewer prints of a printer allow no split and no interval."""


def labels_vary_inside_print(seen: Inspection) -> Finding | None:
    """Prints with frames of several classes."""
    mixed = seen.table.prints.filter(pl.col("n_labels") > 1)
    if mixed.is_empty():
        return None
    return Finding(
        "labels-vary-inside-print",
        "warning",
        mixed.height,
        f"{plural(mixed.height, 'print')} of {seen.table.prints.height:,} hold frames of several classes.",
        "If a print is one class as a whole, correct its labels; otherwise votes by print are switched off.",
        _print_names(mixed),
    )


def partly_labelled(seen: Inspection) -> Finding | None:
    """Frames without a label among labelled ones."""
    missing = seen.table.data["label"].null_count()
    if missing in (0, len(seen.table)):
        return None
    rows = seen.table.data["label"].is_null().arg_true().to_list()
    return Finding(
        "partly-labelled",
        "note",
        missing,
        f"{plural(missing, 'frame')} of {len(seen.table):,} {are(missing)} without label.",
        "Label them, or remove their rows before training or evaluating.",
        seen.examples(rows),
    )


def one_class(seen: Inspection) -> Finding | None:
    """Labels that are all the same."""
    if len(seen.table.classes) != 1:
        return None
    only = seen.table.classes[0]
    return Finding(
        "one-class",
        "warning",
        len(seen.table) - seen.table.data["label"].null_count(),
        f"Every labelled frame is of the class {only}.",
        "Training needs at least two classes; for adapting it is fine.",
    )


def too_few_prints(seen: Inspection) -> Finding | None:
    """Printers with fewer than three prints."""
    counts = seen.table.prints.group_by("printer", maintain_order=True).len("prints")
    few = counts.filter(pl.col("prints") < FEWEST_PRINTS)
    if few.is_empty():
        return None
    shown = few.head(MOST_EXAMPLES).iter_rows()
    return Finding(
        "too-few-prints",
        "warning",
        few.height,
        f"{plural(few.height, 'printer')} of {counts.height:,} {'has' if few.height == 1 else 'have'} "
        f"fewer than {FEWEST_PRINTS} prints; frames of one print are near-copies and count once.",
        "Add prints, or check that frames of different prints carry different print ids.",
        tuple(f"{printer}: {plural(prints, 'print')}" for printer, prints in shown),
    )


def _print_names(prints: pl.DataFrame) -> tuple[str, ...]:
    rows = prints.select("printer", "print").head(MOST_EXAMPLES).iter_rows()
    return tuple(f"{printer}/{name}" for printer, name in rows)


TABLE_RULES = (labels_vary_inside_print, partly_labelled, one_class, too_few_prints)
