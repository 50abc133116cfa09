"""What the user says of the share of faulty prints, and a polite word where the data hardly allow it."""

import re
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from adaptprint.errors import UsageError

_NUMBER = r"(0(?:\.\d+)?|1(?:\.0+)?|\.\d+)"
# A stated share is a rough word: only what lies further off than this contradicts it.
_SLACK = 0.1
_LEAST_MASS = 0.05
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


UNKNOWN = PriorWord(0.0, 1.0, "unknown")
"""The user said nothing."""


def parse_prior(text: str, origin: str = "--target-prior") -> PriorWord:
    """``unknown``, ``all-good``, ``all-bad``, ``LOW-HIGH`` or ``VALUE`` to a range of the faulty share.

    Args:
        text: What the user wrote.
        origin: Where, for the message.

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
    near = get_close_matches(word, named, n=1)
    meant = f"Did you mean {near[0]}? " if near else ""
    raise UsageError(
        f"{origin} {text} cannot be read",
        f"{meant}Use unknown, all-good, all-bad, a share like 0.3, or a range like 0.1-0.4.",
    )


def doubt(shares: npt.NDArray[np.float64], word: PriorWord) -> str | None:
    """A sentence where less than a twentieth of the posterior lies near the user's range; else ``None``.

    Args:
        shares: (d,) draws from the posterior of the faulty share, as if the user had said nothing.
        word: What the user said; it stands whatever the sentence says.
    """
    inside = (shares >= word.low - _SLACK) & (shares <= word.high + _SLACK)
    if word.is_unknown or inside.mean() >= _LEAST_MASS:
        return None
    low, middle, high = np.quantile(shares, [0.05, 0.5, 0.95])
    return (
        f"--target-prior {word.text} was used as you said; the model's scores alone would suggest {middle:.0%} "
        f"faulty prints ({low:.0%} to {high:.0%}), so it may be worth a second look"
    )
