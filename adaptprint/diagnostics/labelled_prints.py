"""What a few labelled prints say of a candidate: where it is right and the source model wrong, and the reverse.

Prints that both models call alike tell nothing of which is better. Of those on which they differ one model is right and
the other wrong, so that the candidate's share of right ones has a Beta posterior.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc

from adaptprint.diagnostics.evidence import Evidence
from adaptprint.diagnostics.witnesses import Favours

# Three of three: the smallest number of labels a user is asked for decides where they all say the same.
_SURE = 0.9


@dataclass(frozen=True)
class LabelledPrints:
    """What the labelled prints say.

    Attributes:
        n: How many prints are labelled.
        gained: On how many of them the candidate is right and the source model wrong.
        lost: On how many the source model is right and the candidate wrong.
    """

    n: int
    gained: int
    lost: int

    @property
    def certainty(self) -> float:
        """Probability that the candidate is right on more than half of the prints on which the two differ."""
        return float(1 - betainc(1 + self.gained, 1 + self.lost, 0.5))

    @property
    def decides(self) -> bool:
        """Whether they are enough to ship the candidate."""
        return self.certainty > _SURE

    @property
    def favours(self) -> Favours:
        """Whom they support: the model that is right more often; the source where both are as often."""
        if self.gained > self.lost:
            return "candidate"
        return "source" if self.lost else "neither"

    @property
    def says(self) -> str:
        """The statement in one sentence."""
        return (
            f"of {self.n} labelled print{'s' if self.n > 1 else ''} the candidate calls {self.gained} right that the "
            f"source model calls wrong, and {self.lost} the other way round"
        )


def hear_labels(evidence: Evidence) -> LabelledPrints | None:
    """What the labelled prints say; ``None`` where none is labelled."""
    if evidence.print_labels is None:
        return None
    known = np.flatnonzero(evidence.print_labels >= 0)
    if len(known) == 0:
        return None
    truth = evidence.print_labels[known]
    before, after = (evidence.print_calls(view)[known] == truth for view in (evidence.frozen, evidence.adapted))
    return LabelledPrints(len(known), int((after & ~before).sum()), int((before & ~after).sum()))
