"""Labelled metrics by frame, print and printer."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from adaptprint.frames.table import FrameTable, Ints

Probabilities = npt.NDArray[np.floating[Any]]
_LEAST_PROBABILITY = 1 / 400


@dataclass(frozen=True)
class Metrics:
    """How well predictions match labels.

    All scores lie in [0, 1]. ``f1`` is that of the fault class in a binary model and equals ``f1_macro`` otherwise.
    ``auroc`` is ``None`` where one class is missing, print scores where labels differ inside a print.
    ``all_positive_f1`` is the F1 of calling every frame faulty: the floor that any model must beat.
    """

    n_frames: int
    n_prints: int
    accuracy: float
    balanced_accuracy: float
    f1: float
    f1_macro: float
    auroc: float | None
    ece: float
    print_accuracy: float | None
    print_balanced_accuracy: float | None
    all_positive_f1: float | None

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return asdict(self)


def mean_by_print(values: Probabilities, codes: Ints) -> npt.NDArray[np.float64]:
    """Mean of ``values`` (n, K) over each print: (p, K) float64, in order of the print codes."""
    counts = np.bincount(codes)
    sums = np.stack([np.bincount(codes, weights=column) for column in values.T], axis=1)
    return np.asarray(sums / counts[:, None], dtype=np.float64)


def print_probabilities(probabilities: Probabilities, codes: Ints) -> npt.NDArray[np.float64]:
    """What all frames of a print say together: (p, K) float64, rows sum to one, in order of the print codes.

    The geometric mean of the frames' probabilities, that is the mean of their log odds, calls more prints right than
    the mean probability does (docs/decisions/0014-how-frames-vote.md): a sure frame says more than an unsure one. No
    frame counts as surer than one in 400, so that a single one cannot outvote many.

    Args:
        probabilities: (n, K) of each frame.
        codes: (n,) print of each, 0 to p-1, each of which occurs.
    """
    logs = mean_by_print(np.log(np.maximum(probabilities, _LEAST_PROBABILITY).astype(np.float64)), codes)
    joint = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(joint / joint.sum(axis=1, keepdims=True), dtype=np.float64)


def recall_by_class(predicted: Ints, labels: Ints, n_classes: int) -> npt.NDArray[np.float64]:
    """(K,) share of each class called right; NaN for a class without examples."""
    counts = np.bincount(labels, minlength=n_classes).astype(float)
    hits = np.bincount(labels[predicted == labels], minlength=n_classes)
    return np.asarray(np.divide(hits, counts, out=np.full(n_classes, np.nan), where=counts > 0), dtype=np.float64)


def balanced_accuracy(predicted: Ints, labels: Ints, n_classes: int) -> float:
    """Mean recall over the classes that occur."""
    return float(np.nanmean(recall_by_class(predicted, labels, n_classes)))


def decide(probabilities: Probabilities, threshold: float = 0.5) -> Ints:
    """Class of each row; in a binary model class 1 needs at least ``threshold``."""
    if probabilities.shape[1] == 2:
        return np.asarray(probabilities[:, 1] >= threshold, dtype=np.int64)
    return np.asarray(probabilities.argmax(axis=1), dtype=np.int64)


def print_labels(table: FrameTable, classes: Sequence[str]) -> Ints:
    """(p,) class index of each print, by majority; -1 where no frame has a known label."""
    index = {name: code for code, name in enumerate(classes)}
    return np.array([index.get(label, -1) for label in table.prints["label"]], dtype=np.int64)


def expected_calibration_error(probabilities: Probabilities, labels: Ints, n_bins: int = 15) -> float:
    """ECE over equal-width confidence bins (Guo et al. 2017, On Calibration of Modern Neural Networks)."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = np.bincount(bins, weights=correct - confidence, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(labels))


def measure(table: FrameTable, probabilities: Probabilities, classes: Sequence[str], threshold: float = 0.5) -> Metrics:
    """Scores predictions against the labels of ``table``.

    Args:
        table: Labelled frames; every label is one of ``classes``.
        probabilities: (n, K), rows in table order.
        classes: Class names in the order of the columns.
        threshold: Least probability of class 1 for calling it, in a binary model.
    """
    from sklearn.metrics import f1_score, roc_auc_score  # a second to import, and only needed here

    labels = table.label_codes(classes)
    n_classes = len(classes)
    predicted = decide(probabilities, threshold)
    present = np.unique(labels)
    binary = n_classes == 2
    auroc = None
    if len(present) == n_classes:
        auroc = float(
            roc_auc_score(labels, probabilities[:, 1])
            if binary
            else roc_auc_score(labels, probabilities, multi_class="ovr", labels=np.arange(n_classes))
        )
    f1_macro = float(f1_score(labels, predicted, labels=present, average="macro", zero_division=0.0))
    print_accuracy = print_balanced = None
    if not table.labels_vary_inside_prints:
        codes = decide(print_probabilities(probabilities, table.print_codes), threshold)
        truth = print_labels(table, classes)
        print_accuracy = float((codes == truth).mean())
        print_balanced = balanced_accuracy(codes, truth, n_classes)
    return Metrics(
        n_frames=len(table),
        n_prints=table.prints.height,
        accuracy=float((predicted == labels).mean()),
        balanced_accuracy=balanced_accuracy(predicted, labels, n_classes),
        f1=float(f1_score(labels, predicted, pos_label=1, zero_division=0.0)) if binary else f1_macro,
        f1_macro=f1_macro,
        auroc=auroc,
        ece=expected_calibration_error(probabilities, labels),
        print_accuracy=print_accuracy,
        print_balanced_accuracy=print_balanced,
        all_positive_f1=float(f1_score(labels, np.ones_like(labels), zero_division=0.0)) if binary else None,
    )


def measure_by_printer(
    table: FrameTable, probabilities: Probabilities, classes: Sequence[str], threshold: float = 0.5
) -> dict[str, Metrics]:
    """:func:`measure` for each printer alone."""
    result = {}
    for code, printer in enumerate(table.printers):
        rows = np.flatnonzero(table.printer_codes == code)
        result[printer] = measure(table.take(rows), probabilities[rows], classes, threshold)
    return result
