"""The coverage-risk curve: how often calls are wrong when the least trusted ones are left out.

Selective prediction as in Geifman and El-Yaniv 2017 (Selective Classification for Deep Neural Networks): order the
calls by a score, keep the best part (the coverage), and count the errors in it (the risk).
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.5)
Unit = Literal["print", "frame"]
Order = Literal["confidence", "support"]


@dataclass(frozen=True)
class CoverageRisk:
    """One curve.

    Attributes:
        unit: What is called: prints or frames.
        by: What calls are ordered by: the probability of the called class, or nearness to the source.
        n: How many calls there are.
        risks: Share of wrong calls, in [0, 1], at each of :data:`COVERAGES`.
        aurc: Area under the curve: the mean risk over all coverages. An order that knows nothing of errors comes to
            the risk at full coverage; below that it leaves out wrong calls first.
    """

    unit: Unit
    by: Order
    n: int
    risks: tuple[float, ...]
    aurc: float

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        risk = {f"{coverage:g}": each for coverage, each in zip(COVERAGES, self.risks, strict=True)}
        return {"unit": self.unit, "by": self.by, "n": self.n, "risk": risk, "aurc": self.aurc}


def coverage_risk(
    unit: Unit, by: Order, trust: npt.NDArray[np.floating[Any]], wrong: npt.NDArray[np.bool_]
) -> CoverageRisk:
    """The curve of n calls; equally trusted ones are left out together, each with the same part.

    Args:
        unit: What is called.
        by: What ``trust`` is.
        trust: (n,) higher is kept longer; n is 1 or more.
        wrong: (n,) whether the call is wrong.
    """
    _, group = np.unique(-trust, return_inverse=True)
    kept = np.concatenate([[0], np.cumsum(np.bincount(group))])
    errors = np.concatenate([[0.0], np.cumsum(np.bincount(group, weights=wrong))])
    counts = np.arange(1, len(trust) + 1)
    # Between two groups the errors of the second come evenly: the mean over all orders inside it.
    risk = np.interp(counts, kept, errors) / counts
    places = [max(1, round(coverage * len(trust))) - 1 for coverage in COVERAGES]
    return CoverageRisk(unit, by, len(trust), tuple(float(risk[place]) for place in places), float(risk.mean()))
