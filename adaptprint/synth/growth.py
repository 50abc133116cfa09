"""A print that grows on its plate: the raster that frames look up, advanced in time."""

import numpy as np
from numpy.typing import NDArray

from adaptprint.synth.deposition import Field


class GrowingPrint:
    """A raster of packed cells on which plastic appears as time goes on.

    Args:
        plate: Packed cells of the bare plate; copied.
        finished: The plastic of the whole print.
    """

    def __init__(self, plate: NDArray[np.uint32], finished: Field) -> None:
        self.cells = plate.copy()
        self._finished = finished
        self._laid = 0

    def advance(self, second: float) -> None:
        """Lays everything that is laid up to a time; going back in time changes nothing."""
        end = int(np.searchsorted(self._finished.seconds, second, side="right"))
        if end <= self._laid:
            return
        cells = self._finished.cells[self._laid : end]
        self.cells[cells] = (self.cells[cells] & np.uint32(0xFF000000)) | self._finished.packed[self._laid : end]
        self._laid = end
