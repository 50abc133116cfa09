"""Where the target stands among the source frames, in one feature space: agreement, mixing, support, affinity.

How each number is measured is in :mod:`~adaptprint.diagnostics.neighbour_measures`, how it is told in
:mod:`~adaptprint.diagnostics.neighbour_facts`.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from adaptprint.adaptation.prior import PriorEstimate
from adaptprint.diagnostics.bootstrap import Interval, print_interval
from adaptprint.diagnostics.neighbour_details import Details, FrameMeasures, affinities, by_class
from adaptprint.diagnostics.neighbour_measures import FrameHashes, hubness, local_outliers, mixing, occurrences
from adaptprint.diagnostics.neighbours import NeighbourIndex, Neighbours, vote
from adaptprint.diagnostics.support import SUPPORT_QUANTILE, K, kth_distance
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.models.embed import Floats
from adaptprint.models.memory import SourceFrames


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
            perfectly mixed inside each class: 0 means apart, 1 mixed.
        support: Share of target frames as near to the source as the source's own prints are to each other
            (their leave-one-print-out .95 quantile).
        printer_affinity: Share of target frames whose nearest source frame comes from each source printer.
        details: Each frame, and what else is shown; ``None`` where only the numbers above are known.
    """

    label_agreement: Interval
    domain_mixing: Interval
    support: Interval
    printer_affinity: dict[str, float]
    details: Details | None = field(default=None, compare=False)


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
    own = index.search(source_features, K, source.print_codes)
    return _standing(found, own, source_labels, n_classes)


def look_around(
    source: SourceFrames,
    source_features: Floats,
    source_labels: Ints,
    target: FrameTable,
    target_features: Floats,
    predicted: Ints,
    n_classes: int,
    seed: int = 0,
    prior: PriorEstimate | None = None,
    hashes: FrameHashes | None = None,
) -> Neighbourhood:
    """Sums up where the target stands: :func:`stand` without near-copies, mixing, outliers and hubs.

    Args:
        source: The m source frames.
        source_features: (m, d) float32.
        source_labels: (m,) int64.
        target: The n target frames.
        target_features: (n, d) float32, same space.
        predicted: (n,) class that the classifier gives each target frame.
        n_classes: K.
        seed: For draws and the bootstrap.
        prior: Class shares of the target; ``None`` expects the domains to mix as if classes did not matter.
        hashes: Of all frames, to tell near-copies; ``None`` leaves out the own print alone.
    """
    codes = target.print_codes
    codes, prints = target.print_codes, source.table.print_codes
    of_source, of_target = (None, None) if hashes is None else (hashes.source, hashes.target)
    index = NeighbourIndex(source_features, prints)
    found = index.search(target_features, K, None, of_target, of_source)
    own = index.search(source_features, K, prints, of_source, of_source)
    standing = _standing(found, own, source_labels, n_classes)
    hubs = occurrences(found, codes, len(source))
    frames = FrameMeasures(
        calls=predicted,
        agrees=standing.votes.argmax(1) == predicted,
        mixing=mixing(
            source.table, source_features, source_labels, target, target_features, n_classes, K, seed, prior, hashes
        ),
        supported=standing.supported,
        outlier_rank=local_outliers(found, own, standing.distance, kth_distance(own)),
        nearest=standing.nearest,
        hub=np.where(standing.nearest >= 0, hubs.mean(0)[standing.nearest], 0.0),
    )
    measures = frames.measures(SUPPORT_QUANTILE)
    affinity = affinities(source.table, standing.nearest, codes, seed)
    return Neighbourhood(
        label_agreement=print_interval(measures["label_agreement"], codes, seed),
        domain_mixing=print_interval(measures["domain_mixing"], codes, seed),
        support=print_interval(measures["support"], codes, seed),
        printer_affinity={printer: share.value for printer, share in affinity.items()},
        details=Details(
            source=source.table,
            target=target,
            frames=frames,
            local_outliers=print_interval(measures["local_outliers"], codes, seed),
            hubs=hubs,
            hubness=hubness(hubs, seed),
            affinity=affinity,
            by_class={name: by_class(values, predicted, codes, n_classes, seed) for name, values in measures.items()},
            exact=index.exact,
            recall=index.recall,
            n_copies=None if hashes is None else hashes.n_copies,
        ),
    )


def _standing(found: Neighbours, own: Neighbours, source_labels: Ints, n_classes: int) -> Standing:
    return Standing(
        nearest=found.rows[:, 0],
        distance=kth_distance(found),
        limit=float(np.quantile(kth_distance(own), SUPPORT_QUANTILE)),
        votes=vote(found, source_labels, n_classes),
    )
