"""What a model gets right on some prints: votes by print, frames by class, balanced accuracy by both."""

from typing import Any

import numpy as np
import numpy.typing as npt

from adaptprint.frames.table import FrameTable, Ints
from adaptprint.models.embed import Floats
from adaptprint.models.metrics import balanced_accuracy, decide, print_labels, print_probabilities

Content = dict[str, Any]


def prints_content(table: FrameTable, classes: list[str]) -> Content:
    """Ids, class codes and (p, K) frames of each class, of every print."""
    return {
        "prints": table.prints["print"].to_list(),
        "labels": print_labels(table, classes).tolist(),
        "frames": _by_class(np.ones(len(table), dtype=np.bool_), table, classes).tolist(),
    }


def scores_content(table: FrameTable, probabilities: Floats, classes: list[str], threshold: float) -> Content:
    """What a model gets right: (p,) prints, (p, K) frames of each class, and both as balanced accuracies."""
    labels, calls = table.label_codes(classes), decide(probabilities, threshold)
    content: Content = {
        "right": None,
        "hits": _by_class(calls == labels, table, classes).tolist(),
        "balanced_accuracy": None,
        "balanced_accuracy_by_frame": balanced_accuracy(calls, labels, len(classes)),
    }
    if not table.labels_vary_inside_prints:
        truth = print_labels(table, classes)
        voted = decide(print_probabilities(probabilities, table.print_codes), threshold)
        content["right"] = (voted == truth).astype(int).tolist()
        content["balanced_accuracy"] = balanced_accuracy(voted, truth, len(classes))
    return content


def _by_class(chosen: npt.NDArray[np.bool_], table: FrameTable, classes: list[str]) -> Ints:
    """(p, K) how many of the chosen frames each print has of each class."""
    counts = np.zeros((table.prints.height, len(classes)), dtype=np.int64)
    np.add.at(counts, (table.print_codes[chosen], table.label_codes(classes)[chosen]), 1)
    return counts
