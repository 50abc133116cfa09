"""The share of faulty prints from print margins, under an unknown shift and scale of the new printer.

A print's margin is the mean over its frames of ``log p(faulty) - log p(good)``. On the source each class's margins
have a mean and a spread. A new printer moves the good class by a shift, stretches the gap from it to the faulty class
by a scale, and widens the spread of one class at the expense of the other's. The good class is the anchor, since what
a new printer hides is the evidence of faults. Nobody knows by how much, but how far the source's own printers lie from
each other says what to expect. The share is then read off the target's margins with all that integrated out, so where
a share and a shift explain the margins equally well (all good, or all bad?) the interval says so. The mixture is that
of maximum likelihood label shift (Saerens et al. 2002); the printer as a random effect is what is added.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adaptprint.frames.table import Ints

Doubles = npt.NDArray[np.float64]
_MOST = 14.0
_FREEDOM = 5.0
INFLATION = 2.0
USUAL_SHIFT = 0.2
USUAL_SCALE = 0.3
USUAL_WEIGHT = 3.0
SCALE_MEAN = -0.2
RATIO_SD = 0.3
_ANGLES = np.linspace(0, 1, 25)
_SHIFTS = np.linspace(-3, 3, 25)
_SCALES = np.linspace(-2.2, 2.2, 7)
_RATIOS = np.linspace(-1.5, 1.5, 5)
_DRAWS = 2000


@dataclass(frozen=True)
class MarginModel:
    """What margins look like on known printers, and how much a new printer may change that.

    Attributes:
        means: (2,) mean print margin of the good and of the faulty class.
        between: (2,) variance of a print's true margin, inside one printer.
        within: (2,) variance of a frame's margin, inside one print.
        shift_sd: Standard deviation of a new printer's shift, in units of the margin.
        scale_mean: Mean of the logarithm of a new printer's gap over the source's.
        scale_sd: Its standard deviation.
        freedom: Degrees of freedom of the t distribution of margins.
    """

    means: Doubles
    between: Doubles
    within: Doubles
    shift_sd: float
    scale_mean: float
    scale_sd: float
    freedom: float = _FREEDOM

    @property
    def gap(self) -> float:
        """Distance between the means of the faulty and the good class."""
        return float(self.means[1] - self.means[0])


@dataclass(frozen=True)
class Spread:
    """What to expect of a new printer beside what the source's own show; chosen by measurement (docs/prior.md).

    Attributes:
        inflation: A new printer's shift spreads this much wider than that of printers that were trained on.
        shift: Standard deviation of the shift where the source cannot tell, as a part of the gap between the classes.
        scale: Standard deviation of the log scale where the source cannot tell.
        weight: How many printers these two count for.
        scale_mean: Mean log scale: a new printer's classes lie the closer.
    """

    inflation: float = INFLATION
    shift: float = USUAL_SHIFT
    scale: float = USUAL_SCALE
    weight: float = USUAL_WEIGHT
    scale_mean: float = SCALE_MEAN


DEFAULT_SPREAD = Spread()


@dataclass(frozen=True)
class SharePosterior:
    """Draws from the posterior of a target's prints.

    Attributes:
        shares: (d,) share of faulty prints among the target's, one per draw.
        print_posteriors: (p,) probability that each print is faulty.
        shift: Posterior mean of how far the point halfway between the classes has moved, in units of the margin.
        scale: Posterior mean of its scale.
        means: (d, 2) mean margin of this printer's good and faulty prints, one row per draw.
        spreads: (d, 2) scale of their t distributions, for prints with as many frames as the target's usual ones.
    """

    shares: Doubles
    print_posteriors: Doubles
    shift: float
    scale: float
    means: Doubles
    spreads: Doubles


def log_odds(probabilities: npt.NDArray[np.floating]) -> Doubles:
    """(n,) margins ``log p1 - log p0`` of probabilities (n, 2), kept within +-14: float32 knows no more."""
    logs = np.log(np.maximum(probabilities.astype(np.float64), 1e-12))
    return np.asarray(np.clip(logs[:, 1] - logs[:, 0], -_MOST, _MOST), dtype=np.float64)


def print_margins(margins: Doubles, codes: Ints) -> tuple[Doubles, Ints]:
    """Mean margin (p,) and number of frames (p,) of each print."""
    counts = np.bincount(codes)
    return np.bincount(codes, weights=margins) / counts, counts


def fit_margins(
    margins: Doubles, labels: Ints, prints: Ints, printers: Ints, spread: Spread = DEFAULT_SPREAD
) -> MarginModel:
    """Fits the model to labelled source frames of both classes.

    Args:
        margins: (n,) log odds.
        labels: (n,) 0 or 1, the same for all frames of a print.
        prints: (n,) print codes 0 to p-1, each of which occurs.
        printers: (n,) printer codes.
        spread: What to expect of a new printer.
    """
    values, counts = print_margins(margins, prints)
    first = np.unique(prints, return_index=True)[1]
    label, printer = labels[first], np.unique(printers[first], return_inverse=True)[1]
    sizes = np.bincount(2 * printer + label, minlength=2 * (printer.max() + 1)).reshape(-1, 2)
    sums = np.bincount(2 * printer + label, weights=values, minlength=sizes.size).reshape(-1, 2)
    cells = np.divide(sums, sizes, out=np.full(sizes.shape, np.nan), where=sizes > 0)
    means, between, within = np.nanmean(cells, axis=0), np.zeros(2), np.zeros(2)
    for k in (0, 1):
        of = label == k
        rest = (margins - values[prints])[labels == k]
        within[k] = (rest**2).sum() / max(1, len(rest) - of.sum())
        free = of.sum() - (sizes[:, k] > 0).sum()
        # With hardly two prints a printer, the spread inside printers is not seen, and that of all stands for it.
        inside = ((values - cells[printer, label])[of] ** 2).sum() / free if free > 2 else values[of].var()
        between[k] = max(inside - within[k] * (1 / counts[of]).mean(), inside / 10, 1e-3)
    noise = (between + within / counts.mean()) / np.maximum(sizes, 1)
    whole = (sizes > 0).all(axis=1)
    gap = max(float(means[1] - means[0]), 1e-3)
    shift = _expected_variance(cells[whole].mean(axis=1), noise[whole].sum(axis=1) / 4, spread.shift * gap, spread)
    gaps = (cells[whole, 1] - cells[whole, 0]) / gap
    scale = _expected_variance(gaps, noise[whole].sum(axis=1) / gap**2, spread.scale, spread)
    return MarginModel(
        means, between, within, spread.inflation * float(np.sqrt(shift)), spread.scale_mean, float(np.sqrt(scale))
    )


def _expected_variance(values: Doubles, noise: Doubles, default: float, spread: Spread) -> float:
    """How far a printer's value lies from the mean of the others', squared; shrunk to ``default`` squared.

    Args:
        values: (q,) one of each source printer.
        noise: (q,) their variance by the chance of which prints were seen.
        default: What is expected where there are few printers.
        spread: Says how many printers the default counts for.
    """
    n = len(values)
    found = 0.0
    if n > 1:
        others = (values.sum() - values) / (n - 1)
        found = max(0.0, float(((values - others) ** 2 - noise).sum()))
    return (found + spread.weight * default**2) / ((n if n > 1 else 0) + spread.weight)


def share_posterior(
    model: MarginModel,
    values: Doubles,
    counts: Ints,
    low: float = 0.0,
    high: float = 1.0,
    seed: int = 0,
    known: Ints | None = None,
) -> SharePosterior:
    """The posterior of the share of faulty prints.

    Its prior is Beta(1/2, 1/2) inside the range: prints that are all alike are more usual than chance would have it.

    Args:
        model: Fitted to the source.
        values: (p,) margins of the target's prints.
        counts: (p,) number of frames of each.
        low: Least share.
        high: Largest share.
        seed: Decides the draws.
        known: (p,) class of each print whose label is known, -1 for the others.
    """
    # Equal steps of the angle are equal parts of a Beta(1/2, 1/2).
    ends = np.arcsin(np.sqrt([low, high]))
    shares = np.sin(ends[0] + _ANGLES * (ends[1] - ends[0])) ** 2 if low < high else np.array([low])
    shifts, scales = _SHIFTS * model.shift_sd, np.exp(model.scale_mean + _SCALES * model.scale_sd)
    good, bad = (_log_density(model, k, values, counts, shifts, scales) for k in (0, 1))
    usual = np.median(counts)
    if known is not None:
        good[..., known == 1] = bad[..., known == 0] = -np.inf
    most = np.maximum(good, bad)
    likely_good, likely_bad = np.exp(good - most), np.exp(bad - most)
    prior = -0.5 * (_SHIFTS[:, None, None] ** 2 + _SCALES[:, None] ** 2 + _RATIOS**2)
    with np.errstate(divide="ignore"):
        likelihood = [np.log(share * likely_bad + (1 - share) * likely_good).sum(axis=-1) for share in shares]
    joint = np.stack(likelihood) + most.sum(axis=-1) + prior
    weights = np.exp(joint - joint.max())
    if len(shares) > 1:
        weights[[0, -1]] /= 2
    weights /= weights.sum()
    rng = np.random.default_rng([seed, 3])
    cells = rng.choice(weights.size, size=_DRAWS, p=weights.ravel())
    share, *moved = np.unravel_index(cells, weights.shape)
    drawn = shares[share, None]
    joint_bad = drawn * likely_bad[tuple(moved)]
    faulty = joint_bad / (joint_bad + (1 - drawn) * likely_good[tuple(moved)])
    scale = float(weights.sum(axis=(0, 1, 3)) @ scales)
    return SharePosterior(
        (rng.random(faulty.shape) < faulty).mean(axis=1),
        faulty.mean(axis=0),
        float(weights.sum(axis=(0, 2, 3)) @ shifts + (scale - 1) * model.gap / 2),
        scale,
        np.stack([_means(model, k, shifts, scales)[tuple(moved[:2])] for k in (0, 1)], axis=1),
        np.stack([_spreads(model, k, usual)[moved[2]] for k in (0, 1)], axis=1),
    )


def least_sure(posteriors: Doubles, number: int) -> Ints:
    """Places of the prints whose class is least sure, at most ``number``; those that come first, among equals.

    Args:
        posteriors: (p, K) probability of each class for each print.
        number: How many.
    """
    return np.argsort(posteriors.max(axis=1), kind="stable")[:number]


def _means(model: MarginModel, k: int, shifts: Doubles, scales: Doubles) -> Doubles:
    """(shifts, scales) mean margin of class ``k``; the good class is the anchor: a printer hides evidence of faults."""
    return np.asarray(model.means[0] + shifts[:, None] + k * scales * model.gap)


def _spreads(model: MarginModel, k: int, counts: Ints | float) -> Doubles:
    """(ratios,) or, for counts (p,), (ratios, p) spread of the margins of class ``k``."""
    widened = np.exp((RATIO_SD if k else -RATIO_SD) * _RATIOS)
    return np.asarray(np.multiply.outer(widened, np.sqrt(model.between[k] + model.within[k] / counts)))


def _log_density(
    model: MarginModel, k: int, values: Doubles, counts: Ints, shifts: Doubles, scales: Doubles
) -> Doubles:
    """(shifts, scales, ratios, p) log density of the margins if all prints were of class ``k``, up to a constant."""
    sd = _spreads(model, k, counts)
    z = (values - _means(model, k, shifts, scales)[:, :, None, None]) / sd
    return np.asarray(-(model.freedom + 1) / 2 * np.log1p(z**2 / model.freedom) - np.log(sd))
