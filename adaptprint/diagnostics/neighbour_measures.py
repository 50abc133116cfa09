"""How neighbours are counted: near-copies, mixing against what class shares let expect, local outliers, hubs."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from adaptprint.adaptation.prior import PriorEstimate
from adaptprint.diagnostics.bootstrap import N_DRAWS, Interval
from adaptprint.diagnostics.neighbours import NeighbourIndex, Neighbours
from adaptprint.frames.near_copies import NEAR_BITS, Hashes, bits_apart, copies_elsewhere, difference_hash
from adaptprint.frames.sampling import balanced_rows
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.models.embed import Floats, Frames

Doubles = npt.NDArray[np.float64]
_MAX_MIXING_FRAMES = 2000
_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601 luma
_LEAST_DISTANCE = 1e-6
# Where more pairs of frames of different prints than this look alike, that is what this camera's frames look like.
_MOST_COPIES = 0.02
_MAX_COMPARED = 1000


@dataclass(frozen=True)
class FrameHashes:
    """Difference hashes of source and target frames, by which near-copies in different prints are told.

    Attributes:
        source: (m,) uint64.
        target: (n,) uint64.
        source_prints: (m,) int64 print codes.
        target_prints: (n,) int64 print codes; no print is in both domains.
    """

    source: Hashes
    target: Hashes
    source_prints: Ints
    target_prints: Ints

    @cached_property
    def n_copies(self) -> int:
        """Target frames with a near-copy in another print of either domain."""
        prints = np.concatenate([self.target_prints + self.source_prints.max(initial=-1) + 1, self.source_prints])
        found = copies_elsewhere(np.concatenate([self.target, self.source]), prints)
        return int((found[: len(self.target)] >= 0).sum())


def frame_hashes(
    source: FrameTable, source_frames: Frames, target: FrameTable, target_frames: Frames
) -> FrameHashes | None:
    """Hashes of all frames; ``None`` where they tell nothing, since the camera sees mostly the machine.

    Args:
        source: The m source frames.
        source_frames: (m, h, w, 3) uint8.
        target: The n target frames, in none of the source's prints.
        target_frames: (n, h, w, 3) uint8.
    """
    found = FrameHashes(_hashed(source_frames), _hashed(target_frames), source.print_codes, target.print_codes)
    for hashes, prints in ((found.source, found.source_prints), (found.target, found.target_prints)):
        rows = np.linspace(0, len(hashes) - 1, min(len(hashes), _MAX_COMPARED)).astype(np.int64)
        across = prints[rows, None] != prints[rows]
        near = bits_apart(hashes[rows, None], hashes[rows]) <= NEAR_BITS
        if across.any() and near[across].mean() > _MOST_COPIES:
            return None
    return found


def _hashed(frames: Frames) -> Hashes:
    hashes = [difference_hash((frame.astype(np.float32) @ _GREY).round().astype(np.uint8)) for frame in frames]
    return np.array(hashes, dtype=np.uint64)


@dataclass(frozen=True)
class Mixing:
    """How the domains mix around each of n target frames.

    Attributes:
        observed: (n,) share of source frames among its neighbours in both domains.
        expected: (n,) that share if the domains were perfectly mixed inside each class.
    """

    observed: Doubles
    expected: Doubles

    @property
    def ratio(self) -> Doubles:
        """(n,) observed over expected."""
        return self.observed / self.expected


def mixing(
    source: FrameTable,
    source_features: Floats,
    source_labels: Ints,
    target: FrameTable,
    target_features: Floats,
    n_classes: int,
    k: int,
    seed: int,
    prior: PriorEstimate | None,
    hashes: FrameHashes | None,
) -> Mixing:
    """Neighbours of every target frame among equally many frames of both domains, its own print left out.

    Two domains that agree about each class still do not mix evenly where one has more of a class: of a target without
    faulty frames, the source's faulty ones are nobody's neighbours. The class shares of the target's prints say what
    to expect instead.

    Args:
        source: The m source frames.
        source_features: (m, d) float32.
        source_labels: (m,) int64.
        target: The n target frames.
        target_features: (n, d) float32, same space.
        n_classes: K.
        k: Neighbours.
        seed: Decides which frames are drawn.
        prior: Class shares of the target, and each print's where they are known; ``None`` expects the domains to mix
            as if there were one class.
        hashes: Of all frames; near-copies do not count.
    """
    size = min(len(source), len(target), _MAX_MIXING_FRAMES)
    source_rows = balanced_rows([source.print_codes], size, seed)
    target_rows = balanced_rows([target.print_codes], size, seed)
    codes, first = target.print_codes, source.prints.height
    prints = np.concatenate([source.print_codes[source_rows], codes[target_rows] + first])
    index = NeighbourIndex(np.concatenate([source_features[source_rows], target_features[target_rows]]), prints)
    asked, indexed = None, None
    if hashes is not None:
        asked, indexed = hashes.target, np.concatenate([hashes.source[source_rows], hashes.target[target_rows]])
    found = index.search(target_features, k, codes + first, asked, indexed)
    exists = found.rows >= 0
    observed = ((found.rows < size) & exists).sum(1) / np.maximum(exists.sum(1), 1)
    classes = np.eye(n_classes)[source_labels[source_rows]] if prior is not None else np.ones((size, 1))
    shares = _print_shares(prior, target.prints.height)
    of_source, drawn = classes.sum(0), np.bincount(codes[target_rows], minlength=len(shares))
    of_target = (shares * drawn[:, None]).sum(0) - shares * drawn[:, None]
    # A frame is of class c with the print's share; among frames of c, the source has its part.
    part = of_source / np.maximum(of_source + np.maximum(of_target, 0), 1e-12)
    return Mixing(observed, np.maximum((shares * part).sum(1), 1e-3)[codes])


def _print_shares(prior: PriorEstimate | None, n_prints: int) -> Doubles:
    """(p, K) probability of each class for each print; one class where nothing is known."""
    if prior is None:
        return np.ones((n_prints, 1))
    if prior.print_posteriors is not None:
        return prior.print_posteriors
    return np.tile(prior.shares, (n_prints, 1))


def local_outliers(found: Neighbours, own: Neighbours, distance: Doubles, own_distance: Doubles) -> Doubles:
    """(n,) share of source frames that stand closer to their neighbours than each target frame does, in [0, 1].

    A frame's distance counts in units of that of its neighbours, so that a sparse corner of the source asks for less
    nearness than a dense one: the local outlier factor on plain distances (Breunig et al. 2000, LOF; simplified as in
    Schubert et al. 2014). The source's own frames are measured likewise, each one's print left out.

    Args:
        found: Source neighbours of the n target frames.
        own: Source neighbours of the m source frames in other prints.
        distance: (n,) distance of each target frame to its last neighbour.
        own_distance: (m,) that of each source frame.
    """
    factors, own_factors = _factors(found, distance, own_distance), _factors(own, own_distance, own_distance)
    ranks = np.searchsorted(np.sort(own_factors), factors, side="left") / max(1, len(own_factors))
    return np.asarray(ranks, dtype=np.float64)


def _factors(found: Neighbours, distance: Doubles, own_distance: Doubles) -> Doubles:
    exists = found.rows >= 0
    around = (own_distance[found.rows] * exists).sum(1) / np.maximum(exists.sum(1), 1)
    return np.asarray(distance / np.maximum(around, _LEAST_DISTANCE), dtype=np.float64)


def occurrences(found: Neighbours, codes: Ints, n_source: int) -> Doubles:
    """(p, m) share of each print's frames that have each source frame among their neighbours.

    Args:
        found: Source neighbours of the n target frames.
        codes: (n,) print of each, from 0 to p - 1.
        n_source: m.
    """
    counts, frames = np.zeros((int(codes.max(initial=-1)) + 1, n_source)), np.bincount(codes)
    queries, places = np.nonzero(found.rows >= 0)
    np.add.at(counts, (codes[queries], found.rows[queries, places]), 1.0)
    return np.asarray(counts / frames[:, None], dtype=np.float64)


def hubness(by_print: Doubles, seed: int = 0, level: float = 0.9) -> Interval:
    """Skewness of how often source frames are neighbours (Radovanović et al. 2010, Hubs in Space), over prints.

    Prints drawn twice make every draw more uneven than the data, so the draws' spread is taken, about the value.

    Args:
        by_print: (p, m) as from :func:`occurrences`; prints weigh alike.
        seed: Decides the bootstrap over prints.
        level: Coverage of the interval.
    """
    n = len(by_print)
    weights = np.random.default_rng([seed, 4]).multinomial(n, np.full(n, 1 / n), size=N_DRAWS) / n
    value, draws = float(_skewness(by_print.mean(0, keepdims=True))[0]), _skewness(weights @ by_print)
    low, high = np.quantile(draws - draws.mean() + value, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, min(value, float(low)), max(value, float(high)))


def _skewness(values: Doubles) -> Doubles:
    """(r,) third standardised moment of each row; 0 where all values are equal."""
    off = values - values.mean(1, keepdims=True)
    spread = np.sqrt((off**2).mean(1))
    flat = spread < 1e-12
    return np.where(flat, 0.0, (off**3).mean(1) / np.where(flat, 1.0, spread) ** 3)
