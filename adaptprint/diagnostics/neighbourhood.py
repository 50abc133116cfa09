"""Where the target stands among the source frames, in one feature space: agreement, mixing, support, affinity."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adaptprint.diagnostics.bootstrap import Interval, print_interval
from adaptprint.diagnostics.neighbours import NeighbourIndex, vote
from adaptprint.diagnostics.support import SUPPORT_QUANTILE, K, kth_distance
from adaptprint.frames.sampling import balanced_rows
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.models.embed import Floats
from adaptprint.models.memory import SourceFrames

_MAX_MIXING_FRAMES = 2000


@dataclass(frozen=True)
class Standing:
    """Where each of n target frames stands among the source frames of one space.

    Attributes:
        nearest: (n,) row of the nearest source frame.
        distance: (n,) cosine distance to the k-th source neighbour, in [0, 2].
        limit: The .95 quantile of the same distance among the source's own frames, leaving out each one's print.
        votes: (n, K) share of each class among the source neighbours.
    """

    nearest: Ints
    distance: npt.NDArray[np.float64]
    limit: float
    votes: npt.NDArray[np.float64]

    @property
    def supported(self) -> npt.NDArray[np.bool_]:
        """(n,) whether a frame is as near to the source as the source's own prints are to each other."""
        return np.asarray(self.distance <= self.limit)


@dataclass(frozen=True)
class Neighbourhood:
    """What the neighbours say in one space. Means are over prints, intervals from a print bootstrap.

    Attributes:
        label_agreement: Share of target frames whose predicted class is the majority among their source neighbours.
        domain_mixing: Source share among a target frame's neighbours, over the share expected if the domains were
            perfectly mixed: 0 means apart, 1 mixed.
        support: Share of target frames as near to the source as the source's own prints are to each other
            (their leave-one-print-out .95 quantile).
        printer_affinity: Share of target frames whose nearest source frame comes from each source printer.
    """

    label_agreement: Interval
    domain_mixing: Interval
    support: Interval
    printer_affinity: dict[str, float]


def stand(
    source: FrameTable, source_features: Floats, source_labels: Ints, target_features: Floats, n_classes: int
) -> Standing:
    """Looks up each target frame's nearest source frames.

    Args:
        source: The m source frames.
        source_features: (m, d) float32.
        source_labels: (m,) int64.
        target_features: (n, d) float32, same space.
        n_classes: K.
    """
    index = NeighbourIndex(source_features, source.print_codes)
    found = index.search(target_features, K)
    own = kth_distance(index.search(source_features, K, source.print_codes))
    return Standing(
        nearest=found.rows[:, 0],
        distance=kth_distance(found),
        limit=float(np.quantile(own, SUPPORT_QUANTILE)),
        votes=vote(found, source_labels, n_classes),
    )


def look_around(
    source: SourceFrames,
    source_features: Floats,
    source_labels: Ints,
    target: FrameTable,
    target_features: Floats,
    predicted: Ints,
    n_classes: int,
    seed: int = 0,
) -> Neighbourhood:
    """Sums up where the target stands: :func:`stand`, and how far the two domains mix.

    Args:
        source: The m source frames.
        source_features: (m, d) float32.
        source_labels: (m,) int64.
        target: The n target frames.
        target_features: (n, d) float32, same space.
        predicted: (n,) class that the classifier gives each target frame.
        n_classes: K.
        seed: For the bootstrap.
    """
    standing = stand(source.table, source_features, source_labels, target_features, n_classes)
    codes = target.print_codes
    printers = source.table.printer_codes[standing.nearest]
    shares = np.bincount(printers, minlength=len(source.table.printers)) / max(1, len(printers))
    return Neighbourhood(
        label_agreement=print_interval((standing.votes.argmax(1) == predicted).astype(float), codes, seed),
        domain_mixing=_mixing(source, source_features, target, target_features, seed),
        support=print_interval(standing.supported.astype(float), codes, seed),
        printer_affinity={printer: float(share) for printer, share in zip(source.table.printers, shares, strict=True)},
    )


def _mixing(
    source: SourceFrames, source_features: Floats, target: FrameTable, target_features: Floats, seed: int
) -> Interval:
    """Mixing over equally many frames of both domains, neighbours of the own print left out."""
    size = min(len(source), len(target), _MAX_MIXING_FRAMES)
    source_rows = balanced_rows([source.table.print_codes], size, seed)
    target_rows = balanced_rows([target.print_codes], size, seed)
    n_source_prints = source.table.prints.height
    prints = np.concatenate([source.table.print_codes[source_rows], target.print_codes[target_rows] + n_source_prints])
    union = np.concatenate([source_features[source_rows], target_features[target_rows]])
    index = NeighbourIndex(union, prints)
    own = prints[size:]
    found = index.search(target_features[target_rows], K, own)
    exists = found.rows >= 0
    share = ((found.rows < size) & exists).sum(1) / np.maximum(exists.sum(1), 1)
    others = 2 * size - np.bincount(own)[own]
    return print_interval(share / (size / others), target.print_codes[target_rows], seed)
