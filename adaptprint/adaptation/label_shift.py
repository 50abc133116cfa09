"""Label shift between source and target prints: MLLS, BBSE and RLLS, which assume that nothing else moved.

They take the class-conditional distributions of the scores to be the source's. A new printer moves these, so all three
are biased there; they are what the margin model (``print_margins``) is compared with, and MLLS serves more than two
classes.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import lsq_linear, minimize
from scipy.special import log_softmax, softmax

from adaptprint.frames.table import Ints

Doubles = npt.NDArray[np.float64]


def calibration(scores: Doubles, labels: Ints) -> Doubles:
    """Temperature and biases that calibrate scores (bias-corrected temperature scaling).

    Alexandari et al. 2020, Maximum Likelihood with Bias-Corrected Calibration is Hard-To-Beat at Label Shift
    Adaptation. Every class counts the same, so calibrated scores are posteriors under balanced classes.

    Args:
        scores: (n, K) log probabilities.
        labels: (n,) classes.

    Returns:
        (K+1,) the log of the inverse temperature, then the biases.
    """
    n_classes = scores.shape[1]
    weights = len(labels) / n_classes / np.maximum(np.bincount(labels, minlength=n_classes), 1)[labels]

    def loss(found: Doubles) -> float:
        likelihood = log_softmax(scores * np.exp(found[0]) + found[1:], axis=1)[np.arange(len(labels)), labels]
        # A standard normal prior keeps few prints, or perfectly told apart ones, from infinite scales.
        return float(-(weights * likelihood).sum() + 0.5 * (found**2).sum())

    return np.asarray(minimize(loss, np.zeros(n_classes + 1), method="L-BFGS-B").x, dtype=np.float64)


def calibrated(scores: Doubles, found: Doubles) -> Doubles:
    """(n, K) posteriors under balanced classes from log probabilities (n, K) and :func:`calibration`."""
    return np.asarray(softmax(scores * np.exp(found[0]) + found[1:], axis=1), dtype=np.float64)


def mlls(posteriors: Doubles, rounds: int = 200) -> Doubles:
    """(K,) class shares by expectation maximisation (Saerens et al. 2002, Adjusting the Outputs of a Classifier).

    Args:
        posteriors: (n, K) under balanced classes.
        rounds: Of EM.
    """
    shares = np.full(posteriors.shape[1], 1 / posteriors.shape[1])
    for _ in range(rounds):
        joint = posteriors * shares
        shares = (joint / np.maximum(joint.sum(axis=1, keepdims=True), 1e-300)).mean(axis=0)
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def confusion(calls: Ints, labels: Ints, n_classes: int) -> Doubles:
    """(K, K) share of each call (row) among the source prints of each class (column)."""
    table = np.zeros((n_classes, n_classes))
    np.add.at(table, (calls, labels), 1.0)
    return np.asarray(table / np.maximum(table.sum(axis=0), 1), dtype=np.float64)


def bbse(table: Doubles, called: Doubles) -> Doubles:
    """(K,) class shares from the shares of calls (Lipton et al. 2018, Detecting and Correcting for Label Shift).

    Args:
        table: Of :func:`confusion`.
        called: (K,) share of each call among the target's prints.
    """
    found = lsq_linear(table, called, bounds=(0, 1)).x
    return np.asarray(found / max(found.sum(), 1e-12), dtype=np.float64)


def rlls(table: Doubles, called: Doubles, n_source: int, n_target: int) -> Doubles:
    """(K,) class shares, pulled to balance by as much as few prints leave open.

    Azizzadenesheli et al. 2019, Regularized Learning for Domain Adaptation under Label Shifts: the deviation of the
    class weights from one is penalised by the sampling error of the equations, here of order ``1/sqrt(n)``.

    Args:
        table: Of :func:`confusion`.
        called: (K,) share of each call among the target's prints.
        n_source: Source prints.
        n_target: Target prints.
    """
    n_classes = len(called)
    joint = table / n_classes
    noise = 1 / np.sqrt(n_source) + 1 / np.sqrt(n_target)
    offset = called - joint.sum(axis=1)
    rows, wanted = np.vstack([joint, 0.1 * noise * np.eye(n_classes)]), np.r_[offset, np.zeros(n_classes)]
    deviation = lsq_linear(rows, wanted, bounds=(-1, n_classes)).x
    shares = np.maximum(1 + deviation, 0) / n_classes
    return np.asarray(shares / shares.sum(), dtype=np.float64)


@dataclass(frozen=True)
class LabelShift:
    """What the three need of the source.

    Attributes:
        calibration: (K+1,), of :func:`calibration`.
        confusion: (K, K), of :func:`confusion`.
        n_source: Number of source prints.
    """

    calibration: Doubles
    confusion: Doubles
    n_source: int

    def posteriors(self, scores: Doubles) -> Doubles:
        """(p, K) posteriors under balanced classes from the prints' mean log probabilities (p, K)."""
        return calibrated(scores, self.calibration)

    def estimates(self, scores: Doubles) -> dict[str, Doubles]:
        """The class shares (K,) of the prints by each method's name, and as the model calls them."""
        called = np.bincount(scores.argmax(axis=1), minlength=scores.shape[1]) / len(scores)
        return {
            "MLLS": mlls(self.posteriors(scores)),
            "BBSE": bbse(self.confusion, called),
            "RLLS": rlls(self.confusion, called, self.n_source, len(scores)),
            "calls": np.asarray(called, dtype=np.float64),
        }


def fit_label_shift(scores: Doubles, labels: Ints) -> LabelShift:
    """Learns from source prints.

    Args:
        scores: (p, K) mean log probabilities.
        labels: (p,) classes.
    """
    table = confusion(scores.argmax(axis=1), labels, scores.shape[1])
    return LabelShift(calibration(scores, labels), table, len(labels))
