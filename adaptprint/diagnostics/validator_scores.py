"""Label-free scores of one model, as the literature defines them: higher is better for all of them.

What each takes for granted, and whether that holds, is in :mod:`~adaptprint.diagnostics.validators`. Weights are those
of prints: frames of a print are near-copies, so they share its weight, and pairs of one print never count.
"""

import warnings

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import kmeans2
from scipy.special import gammaln

from adaptprint.frames.table import Ints
from adaptprint.models.embed import Floats
from adaptprint.models.metrics import Probabilities

Doubles = npt.NDArray[np.float64]
_TINY = 1e-12
_LLOYD_ROUNDS = 30


def print_weights(codes: Ints) -> Doubles:
    """(n,) weights of frames, sum one: every print weighs the same, and its frames share that."""
    codes = np.unique(codes, return_inverse=True)[1]
    counts = np.bincount(codes)
    return np.asarray(1.0 / (counts[codes] * len(counts)), dtype=np.float64)


def entropies(probabilities: Probabilities) -> Doubles:
    """(n,) entropy in nats of each row (n, K)."""
    p = probabilities.astype(np.float64)
    return np.asarray(-(p * np.log(np.maximum(p, _TINY))).sum(1), dtype=np.float64)


def negative_entropy(probabilities: Probabilities, weights: Doubles) -> float:
    """Minus the mean entropy of predictions, in [-log K, 0] (Grandvalet and Bengio 2004; Morerio et al. 2018)."""
    return -float(weights @ entropies(probabilities))


def information_maximisation(probabilities: Probabilities, weights: Doubles) -> float:
    """Entropy of the mean prediction minus the mean entropy, in [0, log K] (Krause et al. 2010)."""
    mean = (weights @ probabilities.astype(np.float64))[None]
    return float(entropies(mean)[0]) + negative_entropy(probabilities, weights)


def nuclear_norm(probabilities: Probabilities, weights: Doubles) -> float:
    """Nuclear norm of the predictions over their number (Cui et al. 2020, batch nuclear-norm maximisation)."""
    scaled = np.sqrt(weights * len(weights))[:, None] * probabilities.astype(np.float64)
    return float(np.linalg.norm(scaled, "nuc")) / len(weights)


def neighbourhood_density(
    probabilities: Probabilities, codes: Ints, weights: Doubles, temperature: float = 0.05
) -> float | None:
    """Mean entropy of each frame's similarities to the others (Saito et al. 2021, SND), in [0, log n].

    Args:
        probabilities: (n, K).
        codes: (n,) print of each frame: similarities to frames of the own print are left out.
        weights: (n,) sum one.
        temperature: Of the softmax over cosine similarities.

    Returns:
        ``None`` where there is one print only.
    """
    if len(np.unique(codes)) < 2:
        return None
    units = probabilities.astype(np.float64)
    units /= np.maximum(np.linalg.norm(units, axis=1, keepdims=True), _TINY)
    similar = np.where(codes[:, None] == codes, -np.inf, units @ units.T / temperature)
    similar -= similar.max(1, keepdims=True)
    shares = np.exp(similar)
    return float(weights @ entropies(shares / shares.sum(1, keepdims=True)))


def cluster_agreement(features: Floats, calls: Ints, n_classes: int) -> float:
    """Adjusted mutual information of calls with K-means clusters of features (Musgrave et al. 2022), at most 1.

    Clusters start at the centres of the called classes, a class that is never called at zero.

    Args:
        features: (n, d) float32.
        calls: (n,) int64.
        n_classes: K.
    """
    data = features.astype(np.float64)
    centres = np.zeros((n_classes, data.shape[1]))
    for code in np.unique(calls):
        centres[code] = data[calls == code].mean(0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "One of the clusters is empty", UserWarning)
        clusters = kmeans2(data, centres, iter=_LLOYD_ROUNDS, minit="matrix")[1]
    return adjusted_mutual_information(calls, np.asarray(clusters, dtype=np.int64))


def adjusted_mutual_information(left: Ints, right: Ints) -> float:
    """Mutual information of two partitions (n,), adjusted for chance, over the mean of their entropies.

    Vinh, Epps and Bailey 2010, Information Theoretic Measures for Clusterings Comparison. Own code, since importing
    scikit-learn takes a second.
    """
    _, left = np.unique(left, return_inverse=True)
    _, right = np.unique(right, return_inverse=True)
    n = len(left)
    table = np.zeros((left.max() + 1, right.max() + 1))
    np.add.at(table, (left, right), 1.0)
    if table.size == 1:
        return 1.0
    a, b = table.sum(1), table.sum(0)
    outer = np.outer(a, b)
    mutual = float((table / n * np.log(np.maximum(table * n, _TINY) / outer)).sum())
    expected = _expected_information(a, b, n)
    scale = float((entropies(a[None] / n)[0] + entropies(b[None] / n)[0]) / 2)
    return (mutual - expected) / max(scale - expected, float(np.finfo(float).eps))


def _expected_information(a: Doubles, b: Doubles, n: int) -> float:
    """Mean mutual information of random partitions with cluster sizes ``a`` and ``b`` (Vinh et al., equation 24a)."""
    total = 0.0
    for size in a:
        for other in b:
            cell = np.arange(max(1.0, size + other - n), min(size, other) + 1)
            chance = (
                gammaln(size + 1) + gammaln(other + 1) + gammaln(n - size + 1) + gammaln(n - other + 1)
            ) - (
                gammaln(n + 1)
                + gammaln(cell + 1)
                + gammaln(size - cell + 1)
                + gammaln(other - cell + 1)
                + gammaln(n - size - other + cell + 1)
            )  # fmt: skip
            total += float((cell / n * np.log(n * cell / (size * other)) * np.exp(chance)).sum())
    return total


def negative_mmd(source: Floats, target: Floats, source_codes: Ints, target_codes: Ints) -> float | None:
    """Minus the squared maximum mean discrepancy of features, unbiased (Gretton et al. 2012), Gaussian kernel.

    The bandwidth is the median squared distance of source frames. Pairs of one print do not count.

    Args:
        source: (m, d) float32.
        target: (n, d) float32.
        source_codes: (m,) print of each source frame.
        target_codes: (n,) print of each target frame.

    Returns:
        At most about zero; ``None`` where a domain has one print only.
    """
    inside = _squared_distances(source, source)
    width = float(np.quantile(inside, 0.5, method="lower"))
    kernels = []
    for distances, pairs in (
        (inside, source_codes[:, None] != source_codes),
        (_squared_distances(target, target), target_codes[:, None] != target_codes),
        (_squared_distances(source, target), None),
    ):
        kernel = np.exp(-distances / max(width, _TINY))
        if pairs is not None and not pairs.any():
            return None
        kernels.append(float(kernel.mean() if pairs is None else kernel[pairs].mean()))
    return 2 * kernels[2] - kernels[0] - kernels[1]


def _squared_distances(left: Floats, right: Floats) -> Doubles:
    """(n, m) between the rows of both."""
    a, b = left.astype(np.float64), right.astype(np.float64)
    return np.asarray(np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0.0), dtype=np.float64)


def thresholded_confidence(source: Doubles, right: Doubles, target: Doubles, weights: Doubles) -> float:
    """Accuracy on the target as the share of frames with the confidence of right calls (Garg et al. 2022, ATC).

    Args:
        source: (m,) confidence on source frames that training did not see.
        right: (m,) 1 where these are called right, else 0.
        target: (n,) confidence on target frames.
        weights: (n,) sum one.
    """
    # As many source frames lie below the level as are called wrong.
    level = np.sort(source)[min(round(float((1 - right).sum())), len(source) - 1)]
    return float(weights @ (target >= level))


def difference_of_confidences(source: Doubles, right: Doubles, target: Doubles, weights: Doubles) -> float:
    """Accuracy on the source, less what confidence falls by on the target (Guillory et al. 2021, DoC).

    Arguments as for :func:`thresholded_confidence`.
    """
    return float(right.mean() - (source.mean() - weights @ target))
