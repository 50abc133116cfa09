"""Importance weights of source frames: how much more the target holds of their like, and what follows from that."""

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from adaptprint.diagnostics.validator_scores import print_weights
from adaptprint.frames.table import Ints
from adaptprint.models.embed import Floats

Doubles = npt.NDArray[np.float64]
_TINY = 1e-12
_WIDTH = 16
_RIDGE = 1.0
_NEWTON_STEPS = 25


def weighted_accuracy(weights: Doubles, right: Doubles) -> float:
    """Accuracy on the target from weighted source frames, with a control variate (You et al. 2019, DEV).

    Args:
        weights: (m,) density of the target over that of the source.
        right: (m,) 1 where the source frame is called right, else 0.

    Returns:
        One minus their risk; it may leave [0, 1] where weights vary much.
    """
    loss = weights * (1.0 - right)
    variance = float(weights.var(ddof=1))
    slope = -float(np.cov(loss, weights, ddof=1)[0, 1]) / variance if variance > _TINY else 0.0
    return 1.0 - (float(loss.mean()) + slope * float(weights.mean()) - slope)


def density_ratio(source: Floats, target: Floats, source_codes: Ints, target_codes: Ints) -> tuple[Doubles, float]:
    """Density of the target over the source at each source frame, and how well the domains can be told apart.

    A ridge logistic regression on the first principal components tells the domains apart (Bickel et al. 2007); each
    half of the prints is judged by what was learned on the other half.

    Args:
        source: (m, d) float32.
        target: (n, d) float32.
        source_codes: (m,) print of each source frame.
        target_codes: (n,) print of each target frame.

    Returns:
        (m,) weights with mean one, and the balanced accuracy in [0, 1] on prints that were not learned from.
    """
    data = np.concatenate([source, target]).astype(np.float64)
    data -= data.mean(0)
    _, _, axes = np.linalg.svd(data, full_matrices=False)
    data = data @ axes[:_WIDTH].T
    data = np.hstack([data / np.maximum(data.std(0), _TINY), np.ones((len(data), 1))])
    is_target = np.repeat([0.0, 1.0], [len(source), len(target)])
    weights = np.concatenate([print_weights(source_codes), print_weights(target_codes)]) * len(data) / 2
    half = np.concatenate([_halves(source_codes), _halves(target_codes)])
    odds = np.zeros(len(data))
    for part in (0, 1):
        learn, judge = half != part, half == part
        if judge.any() and len(np.unique(is_target[learn])) == 2:
            odds[judge] = data[judge] @ _logistic(data[learn], is_target[learn], weights[learn])
    called = (odds > 0).astype(float)
    right = [float((called == is_target)[is_target == domain].mean()) for domain in (0.0, 1.0)]
    ratio = np.exp(np.clip(odds[: len(source)], -20, 20))
    return ratio / ratio.mean(), sum(right) / 2


def _halves(codes: Ints) -> Ints:
    """(n,) 0 or 1: prints dealt out at random, but always alike."""
    prints, places = np.unique(codes, return_inverse=True)
    return np.asarray(np.random.default_rng(0).permutation(len(prints))[places] % 2, dtype=np.int64)


def _logistic(data: Doubles, labels: Doubles, weights: Doubles) -> Doubles:
    """(d,) coefficients of a ridge logistic regression, by Newton's method."""
    found, ridge = np.zeros(data.shape[1]), _RIDGE * np.eye(data.shape[1])
    for _ in range(_NEWTON_STEPS):
        p = expit(data @ found)
        slope = data.T @ (weights * (p - labels)) + ridge @ found
        bend = (data * (weights * np.maximum(p * (1 - p), 1e-6))[:, None]).T @ data + ridge
        step = np.linalg.solve(bend, slope)
        found -= step
        if np.abs(step).max() < 1e-6:
            break
    return found
