"""Where to decide on this printer, so that its next prints are called better, and hardly ever worse than before.

The posterior of :mod:`adaptprint.adaptation.print_margins` says what the margins of good and of faulty prints look
like on the new printer, and how unsure that is. Every decision's balanced accuracy follows from it without a label, and
so does what moving the decision gains, draw by draw. A point lost against the old decision counts as several gained: a
model that was trusted is worth more than one that may be better. So the decision moves as far as the evidence is
one-sided, and where the prints say little it stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr
from torch import Tensor

from adaptprint.adaptation.print_margins import Doubles, MarginModel, SharePosterior

# A point lost weighs as much as this many gained; chosen by measurement (docs/decisions/0015).
LOSS_WEIGHT = 4.0
_STEPS = 121
_DRAWS = 400


@dataclass(frozen=True)
class PrintDecision:
    """A decision by print margins.

    Attributes:
        margin: Prints whose frames' mean of ``log p1 - log p0`` is larger are called faulty; zero is the model as it
            was. Calls bound each frame's number at about 6 and margins at 14, so that a print whose frames contradict
            each other may be called otherwise than its margin says.
        gain: Expected balanced accuracy on the printer's next prints, minus that of deciding at zero; never negative.
        low: 5 % quantile of that gain over the posterior.
        high: 95 % quantile.
        risk: Posterior probability that the decision loses more than one point.
        further: Expected gain beyond ``gain`` if it were known where this printer's classes lie: what labels could add
            at most.
    """

    margin: float
    gain: float
    low: float
    high: float
    risk: float
    further: float = 0.0


def best_decision(model: MarginModel, posterior: SharePosterior, loss_weight: float = LOSS_WEIGHT) -> PrintDecision:
    """The decision between the classes with the highest expected utility: points gained less weighted points lost.

    Args:
        model: Fitted to the source; says how heavy the tails of margins are.
        posterior: Of the target's prints.
        loss_weight: How many points gained a point lost weighs, 1 or more. 1 is the highest expected balanced accuracy.
    """
    means, spreads = posterior.means[:_DRAWS], posterior.spreads[:_DRAWS]
    # Between the classes of the source or of any likely printer; zero, the old decision, is among them.
    ends = min(0.0, float(means[:, 0].min())), max(0.0, float(means[:, 1].max()))
    margins = np.append(np.linspace(*ends, _STEPS), 0.0)
    accuracy = _balanced_accuracy(margins, means, spreads, model.freedom)
    every = accuracy - accuracy[-1]
    best = int((every + (loss_weight - 1) * np.minimum(every, 0)).mean(axis=1).argmax())
    gains = every[best]
    low, high = np.quantile(gains, [0.05, 0.95])
    return PrintDecision(
        margin=float(margins[best]),
        gain=float(gains.mean()),
        low=float(low),
        high=float(high),
        risk=float((gains < -0.01).mean()),
        further=float((every.max(axis=0) - gains).mean()),
    )


def decided_at(state: Mapping[str, Tensor], margin: float) -> dict[str, Tensor]:
    """A binary classifier's state that decides where ``log p1 - log p0`` was ``margin`` before."""
    bias = state["classifier.bias"].clone()
    bias[0] += margin / 2
    bias[1] -= margin / 2
    return {**state, "classifier.bias": bias}


def _balanced_accuracy(margins: Doubles, means: Doubles, spreads: Doubles, freedom: float) -> Doubles:
    """(t, d) balanced accuracy of each of t decisions under each of d draws."""
    below = stdtr(freedom, (margins[:, None, None] - means) / spreads)
    return np.asarray((below[:, :, 0] + 1 - below[:, :, 1]) / 2)
