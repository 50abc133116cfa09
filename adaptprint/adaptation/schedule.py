"""How strong the adversary is at each step: the GRL ramp and the discriminator's governor."""

import math


def grl_weight(step: int, steps: int, maximum: float, gamma: float = 10.0) -> float:
    """λ of the gradient reversal layer: rises from 0 to ``maximum`` over the planned steps.

    The ramp of Ganin et al. 2016 (JMLR 17:59, section 5.2.2), ``2 / (1 + exp(-gamma p)) - 1``, with p the share of
    the *planned* steps, so that a short run switches the adversary on as fully as a long one.

    Args:
        step: Step from 0.
        steps: Planned steps in all.
        maximum: λ at the end of the ramp.
        gamma: Steepness.
    """
    share = step / max(1, steps - 1)
    return maximum * (2 / (1 + math.exp(-gamma * share)) - 1)


def governed_rate(accuracy: float) -> float:
    """Factor for the discriminator's learning rate, in [0.05, 1].

    A discriminator that tells the domains apart perfectly gives gradients that say nothing about *how* they differ;
    it is slowed down from an accuracy of .75 on.

    Args:
        accuracy: Running balanced accuracy of the discriminator, in [0, 1].
    """
    return min(1.0, max(0.05, (0.95 - accuracy) / 0.2))
