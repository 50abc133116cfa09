"""What is shown of a neighbourhood beside the numbers that the verdict uses: each frame, each class, each printer."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adaptprint.diagnostics.bootstrap import Interval, print_interval
from adaptprint.diagnostics.neighbour_measures import Mixing
from adaptprint.frames.table import FrameTable, Ints


@dataclass(frozen=True)
class FrameMeasures:
    """What the neighbours say of each of n target frames.

    Attributes:
        calls: (n,) int64 class that the classifier gives the frame.
        agrees: (n,) bool: the call is the majority label among its source neighbours.
        mixing: Source share among its neighbours in both domains, and the share expected of it.
        supported: (n,) bool: as near to the source as the source's own prints are to each other.
        outlier_rank: (n,) share of the source's own frames that lie nearer to their neighbours, for how dense the
            source is there; their own prints are left out.
        nearest: (n,) row of the nearest source frame; -1 where there is none.
        hub: (n,) share of the target that has this nearest frame among its neighbours.
    """

    calls: Ints
    agrees: npt.NDArray[np.bool_]
    mixing: Mixing
    supported: npt.NDArray[np.bool_]
    outlier_rank: npt.NDArray[np.float64]
    nearest: Ints
    hub: npt.NDArray[np.float64]

    def measures(self, quantile: float) -> dict[str, npt.NDArray[np.float64]]:
        """Each (n,) float64 by its name; local outliers lie beyond ``quantile`` of the source's own frames."""
        return {
            "label_agreement": self.agrees.astype(np.float64),
            "domain_mixing": self.mixing.ratio,
            "support": self.supported.astype(np.float64),
            "local_outliers": (self.outlier_rank > quantile).astype(np.float64),
        }


@dataclass(frozen=True)
class Details:
    """What is shown of a neighbourhood beside the numbers that the verdict may use.

    Attributes:
        source: The source frames' table.
        target: The target frames' table.
        frames: Each frame's measures.
        local_outliers: Share of target frames beyond the .95 quantile of the source's own outlier ranks.
        hubs: (p, m) share of each target print's frames that have each source frame among their neighbours.
        hubness: Skewness over source frames of how often each is a neighbour (Radovanović et al. 2010).
        affinity: Interval of each printer's affinity.
        by_class: Of each measure by name, its interval over the frames called so; ``None`` where no frame is.
        exact: Whether the search for neighbours was exact.
        recall: Share of true neighbours found, measured.
        n_copies: Target frames with a near-copy in another print, source or target, which does not count; ``None``
            where near-copies could not be told.
    """

    source: FrameTable
    target: FrameTable
    frames: FrameMeasures
    local_outliers: Interval
    hubs: npt.NDArray[np.float64]
    hubness: Interval
    affinity: dict[str, Interval]
    by_class: dict[str, tuple[Interval | None, ...]]
    exact: bool
    recall: float
    n_copies: int | None


def affinities(source: FrameTable, nearest: Ints, codes: Ints, seed: int) -> dict[str, Interval]:
    """Share of the target frames whose nearest source frame is each printer's.

    Args:
        source: The source frames.
        nearest: (n,) row of each target frame's nearest source frame; -1 where there is none.
        codes: (n,) print of each target frame.
        seed: For the bootstrap.
    """
    printers = np.where(nearest >= 0, source.printer_codes[nearest], -1)
    return {
        printer: print_interval((printers == code).astype(np.float64), codes, seed)
        for code, printer in enumerate(source.printers)
    }


def by_class(
    values: npt.NDArray[np.float64], calls: Ints, codes: Ints, n_classes: int, seed: int
) -> tuple[Interval | None, ...]:
    """The interval over the frames that are called each class; ``None`` where none is."""
    parts = [np.flatnonzero(calls == code) for code in range(n_classes)]
    return tuple(print_interval(values[rows], codes[rows], seed) if len(rows) else None for rows in parts)
