"""The target prior: the share of each class among the target's prints, from the user's word and the model's view."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adaptprint.errors import UsageError
from adaptprint.frames.table import FrameTable
from adaptprint.models.embed import Floats
from adaptprint.models.metrics import mean_by_print

_NUMBER = r"(0(?:\.\d+)?|1(?:\.0+)?|\.\d+)"
_RANGE = re.compile(rf"{_NUMBER}-{_NUMBER}")


@dataclass(frozen=True)
class PriorWord:
    """What the user says of the share of faulty prints, as a range in [0, 1]."""

    low: float
    high: float
    text: str

    @property
    def is_unknown(self) -> bool:
        """Whether the user said nothing."""
        return self.low == 0.0 and self.high == 1.0

    def contains(self, share: float, slack: float = 0.0) -> bool:
        """Whether a share lies in the range, give or take ``slack``."""
        return self.low - slack <= share <= self.high + slack


@dataclass(frozen=True)
class PriorEstimate:
    """Estimated class shares of the target.

    Attributes:
        shares: (K,) class shares, sum one.
        low: (K,) lower ends of a 90 % print-bootstrap interval.
        high: (K,) upper ends.
    """

    shares: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]


def parse_prior(text: str) -> PriorWord:
    """``unknown``, ``all-good``, ``all-bad``, ``LOW-HIGH`` or ``VALUE`` to a range of the faulty share.

    Raises:
        UsageError: If the text is none of these.
    """
    word = text.strip().lower()
    named = {"unknown": (0.0, 1.0), "all-good": (0.0, 0.0), "all-bad": (1.0, 1.0)}
    if word in named:
        return PriorWord(*named[word], text=word)
    if match := _RANGE.fullmatch(word):
        low, high = float(match[1]), float(match[2])
        if low <= high:
            return PriorWord(low, high, word)
    elif re.fullmatch(_NUMBER, word):
        return PriorWord(float(word), float(word), word)
    raise UsageError(
        f"--target-prior {text} cannot be read",
        "Use unknown, all-good, all-bad, a share like 0.3, or a range like 0.1-0.4.",
    )


def estimate_prior(
    probabilities: Floats, table: FrameTable, word: PriorWord, by_frame: bool = False, seed: int = 0
) -> PriorEstimate:
    """Class shares over prints as the source model sees them, kept inside the user's range.

    The mean predicted probability per print. It is biased where the printer's domain shift moves all scores one way;
    the interval covers only the chance of which prints were seen.

    Args:
        probabilities: (n, K) of the source model.
        table: The n target frames.
        word: The user's range for class 1; ignored unless K is 2.
        by_frame: Count frames instead of prints, for data whose labels differ inside prints.
        seed: For the bootstrap.
    """
    scores = mean_by_print(probabilities, table.print_codes)
    weights = np.bincount(table.print_codes).astype(float) if by_frame else np.ones(len(scores))
    rng = np.random.default_rng([seed, 3])
    draws = []
    for _ in range(400):
        rows = rng.integers(len(scores), size=len(scores))
        draws.append(np.average(scores[rows], axis=0, weights=weights[rows]))
    shares = np.average(scores, axis=0, weights=weights)
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    if shares.shape[0] == 2 and not word.is_unknown:
        bad = np.clip(np.array([shares[1], low[1], high[1]]), word.low, word.high)
        shares, low, high = (
            np.array([1 - bad[0], bad[0]]),
            np.array([1 - bad[2], bad[1]]),
            np.array([1 - bad[1], bad[2]]),
        )
    return PriorEstimate(shares, low, high)


def source_class_weights(prior: npt.NDArray[np.float64], floor: float = 0.02) -> npt.NDArray[np.float64]:
    """(K,) weights that give class-balanced source batches the target's class shares in the domain loss.

    With them the discriminator compares like with like (prior-weighted DANN, as in Tachet des Combes et al. 2020,
    Domain Adaptation with Conditional Distribution Matching and Generalized Label Shift). No class is dropped
    altogether: an estimated share of zero is never certain.
    """
    floored = np.maximum(prior, floor)
    return np.asarray(floored / floored.sum() * len(prior), dtype=np.float64)
