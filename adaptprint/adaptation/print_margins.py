"""The share of faulty prints from print margins, under an unknown shift and scale of the new printer.

A print's margin is the mean over its frames of ``log p(faulty) - log p(good)``. On the source each class's margins
have a mean and a spread. A new printer moves and stretches them: ``m -> centre + shift + scale * (m - centre)``. Nobody
knows by how much, but how far the source's own printers lie from each other says what to expect. The share is then read
off the target's margins with shift and scale integrated out, so where a share and a shift explain the margins equally
well (all good, or all bad?) the interval says so. The mixture is that of maximum likelihood label shift (Saerens et al.
2002); the printer as a random effect is what is added.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adaptprint.frames.table import Ints

Doubles = npt.NDArray[np.float64]
_MOST = 14.0
_FREEDOM = 5.0
_SHARES = np.linspace(0, 1, 41)
_SHIFTS = np.linspace(-3, 3, 37)
_SCALES = np.linspace(-2.5, 2.5, 9)


@dataclass(frozen=True)
class MarginModel:
    """What margins look like on known printers, and how much a new printer may change that.

    Attributes:
        means: (2,) mean print margin of the good and of the faulty class.
        between: (2,) variance of a print's true margin, inside one printer.
        within: (2,) variance of a frame's margin, inside one print.
        shift_sd: Standard deviation of a new printer's shift, in units of the margin.
        scale_mean: Mean of the logarithm of a new printer's scale.
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


@dataclass(frozen=True)
class Spread:
    """What to expect of a new printer beyond the source's own printers; chosen by measurement (docs/prior.md).

    Attributes:
        inflation: How much wider a new printer's shift spreads than the trained-on printers' do.
        default_shift: Shift that is expected where the source cannot tell, as a part of the gap between the classes.
        default_weight: How many printers that expectation counts for.
        scale_mean: Mean log scale.
        scale_sd: Least standard deviation of the log scale.
    """

    inflation: float = 1.5
    default_shift: float = 0.5
    default_weight: float = 3.0
    scale_mean: float = -0.3
    scale_sd: float = 0.3


@dataclass(frozen=True)
class SharePosterior:
    """Draws from the posterior of a target's prints.

    Attributes:
        shares: (d,) share of faulty prints among the target's, one per draw.
        print_posteriors: (p,) probability that each print is faulty.
        shift: Posterior mean of the printer's shift of the point halfway between the classes, in units of the margin.
        scale: Posterior mean of its scale.
    """

    shares: Doubles
    print_posteriors: Doubles
    shift: float
    scale: float


def log_odds(probabilities: npt.NDArray[np.floating]) -> Doubles:
    """(n,) margins ``log p1 - log p0`` of probabilities (n, 2), kept within +-14: float32 knows no more."""
    logs = np.log(np.maximum(probabilities.astype(np.float64), 1e-12))
    return np.asarray(np.clip(logs[:, 1] - logs[:, 0], -_MOST, _MOST), dtype=np.float64)


def print_margins(margins: Doubles, codes: Ints) -> tuple[Doubles, Ints]:
    """Mean margin (p,) and number of frames (p,) of each print."""
    counts = np.bincount(codes)
    return np.bincount(codes, weights=margins) / counts, counts


def fit_margins(margins: Doubles, labels: Ints, prints: Ints, printers: Ints, spread: Spread = Spread()) -> MarginModel:
    """Fits the model to labelled source frames of both classes.

    Args:
        margins: (n,) log odds.
        labels: (n,) 0 or 1, one label for each print.
        prints: (n,) print codes, each of 0 to p-1 occurring.
        printers: (n,) printer codes.
        spread: What to expect of a new printer.
    """
    values, counts = print_margins(margins, prints)
    first = np.unique(prints, return_index=True)[1]
    label, printer = labels[first], printers[first]
    means, between, within = np.zeros(2), np.zeros(2), np.zeros(2)
    cells: dict[int, list[float]] = {int(code): [np.nan, np.nan] for code in np.unique(printer)}
    noise: dict[int, list[float]] = {int(code): [np.nan, np.nan] for code in np.unique(printer)}
    for k in (0, 1):
        inside = labels == k
        rest = margins[inside] - values[prints[inside]]
        free = len(rest) - int((label == k).sum())
        within[k] = (rest**2).sum() / free if free > 0 else 0.0
        deviations, lost = [], 0
        for code in cells:
            of = (label == k) & (printer == code)
            if of.any():
                cells[code][k] = values[of].mean()
                deviations.append(values[of] - cells[code][k])
                lost += 1
        joined = np.concatenate(deviations)
        total = (joined**2).sum() / max(1, len(joined) - lost) if len(joined) > lost else np.var(values[label == k])
        between[k] = max(total - within[k] * (1 / counts[label == k]).mean(), 0.1 * total, 1e-3)
        means[k] = np.nanmean([cell[k] for cell in cells.values()])
        for code in cells:
            of = (label == k) & (printer == code)
            noise[code][k] = (between[k] + within[k] / counts[of].mean()) / of.sum() if of.any() else np.nan
    gap = max(means[1] - means[0], 1e-3)
    centre = np.array([np.mean(cell) for cell in cells.values()])
    noises = np.array([np.sum(each) / 4 for each in noise.values()])
    known = np.isfinite(centre)
    centre, noises = centre[known], noises[known]
    n = len(centre)
    found = 0.0
    if n > 1:
        others = (centre.sum() - centre) / (n - 1)  # each printer against those that know nothing of it
        found = max(((centre - others) ** 2).sum() * (n - 1) / n - noises.sum(), 0.0)
    default = spread.default_shift * gap
    weight = spread.default_weight
    variance = (found * spread.inflation**2 + weight * default**2) / (max(n - 1, 0) + weight)
    return MarginModel(means, between, within, float(np.sqrt(variance)), spread.scale_mean, spread.scale_sd)


def share_posterior(
    model: MarginModel,
    values: Doubles,
    counts: Ints,
    low: float = 0.0,
    high: float = 1.0,
    draws: int = 2000,
    seed: int = 0,
) -> SharePosterior:
    """The posterior of the share of faulty prints, its prior flat on [low, high].

    Args:
        model: Fitted to the source.
        values: (p,) margins of the target's prints.
        counts: (p,) number of frames of each.
        low: Least share.
        high: Largest share.
        draws: How many to draw.
        seed: Decides the draws.
    """
    shares = np.unique(np.clip(_SHARES, low, high))
    shifts = _SHIFTS * model.shift_sd
    scales = np.exp(model.scale_mean + _SCALES * model.scale_sd)
    prior = -0.5 * (_SHIFTS[:, None] ** 2 + _SCALES[None] ** 2)
    good, bad = (_log_density(model, k, values, counts, shifts, scales) for k in (0, 1))
    with np.errstate(divide="ignore"):
        log_share, log_rest = np.log(shares), np.log1p(-shares)
    joint = np.stack(
        [np.logaddexp(bad + yes, good + no).sum(axis=-1) + prior for yes, no in zip(log_share, log_rest, strict=True)]
    )
    # The ends of the range stand for half a step each.
    if len(shares) > 1:
        joint += np.log(np.gradient(shares) * np.r_[0.5, np.ones(len(shares) - 2), 0.5])[:, None, None]
    weights = np.exp(joint - joint.max())
    weights /= weights.sum()
    rng = np.random.default_rng([seed, 3])
    cells = rng.choice(weights.size, size=draws, p=weights.ravel())
    s, b, a = np.unravel_index(cells, weights.shape)
    with np.errstate(over="ignore"):
        faulty = 1 / (1 + np.exp(good[b, a] - bad[b, a] + (log_rest - log_share)[s][:, None]))
    drawn = (rng.random(faulty.shape) < faulty).mean(axis=1)
    return SharePosterior(
        drawn,
        faulty.mean(axis=0),
        float((weights.sum(axis=(0, 2)) * shifts).sum()),
        float((weights.sum(axis=(0, 1)) * scales).sum()),
    )


def _log_density(
    model: MarginModel, k: int, values: Doubles, counts: Ints, shifts: Doubles, scales: Doubles
) -> Doubles:
    """(shifts, scales, p) log density of the prints' margins if all were of class ``k``, up to a constant."""
    centre = model.means.mean()
    mean = centre + shifts[:, None] + scales[None] * (model.means[k] - centre)
    sd = scales[None, :, None] * np.sqrt(model.between[k] + model.within[k] / counts)
    z = (values - mean[:, :, None]) / sd
    if np.isinf(model.freedom):
        return np.asarray(-0.5 * z**2 - np.log(sd))
    return np.asarray(-(model.freedom + 1) / 2 * np.log1p(z**2 / model.freedom) - np.log(sd))
