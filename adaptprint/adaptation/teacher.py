"""Print consensus: all frames of a print vote on its class, and confident prints teach their frames.

The lessons of every class weigh the same in sum, whatever the target's class shares. Without that a target of good
prints would teach "this printer means good", which is the shortest way to lower the loss and ruins the model: a target
that shows one class only teaches nothing.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from adaptprint.frames.table import Ints

_LEAST_MASS = 0.5
"""Confident prints, in sum, below which a class counts as absent."""


@dataclass(frozen=True)
class PrintTeacher:
    """What prints teach.

    Attributes:
        lessons: (p, K) float32: class probabilities of each print times its weight; the mean row sums to one, or all
            are zero where nothing can be taught.
        print_codes: (n,) int64 print of each target frame.
    """

    lessons: npt.NDArray[np.float32]
    print_codes: Ints

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to teach."""
        return not bool(self.lessons.any())

    def of(self, rows: Ints, device: torch.device) -> Tensor:
        """(m, K) float32 lessons of the frames in these rows."""
        return torch.from_numpy(self.lessons[self.print_codes[rows]]).to(device)


def consensus_teacher(posteriors: npt.NDArray[np.float64], print_codes: Ints) -> PrintTeacher:
    """A teacher from what is believed of each print.

    Args:
        posteriors: (p, K) class probabilities of each print. Certain ones, as of labelled prints, teach in full; those
            near 1/K hardly.
        print_codes: (n,) int64 print of each target frame.
    """
    n_classes = posteriors.shape[1]
    confidence = (posteriors.max(1) * n_classes - 1) / (n_classes - 1)
    calls = posteriors.argmax(1)
    mass = np.bincount(calls, weights=confidence, minlength=n_classes)
    lessons = np.zeros(posteriors.shape, dtype=np.float64)
    if mass.min() >= _LEAST_MASS:
        weights = confidence / mass[calls]
        lessons = posteriors * (weights / weights.mean())[:, None]
    return PrintTeacher(lessons.astype(np.float32), print_codes)
