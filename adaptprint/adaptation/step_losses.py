"""What one training step works on, and how its losses weigh."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


@dataclass(frozen=True)
class StepBatch:
    """One joint batch behind the trunk.

    Attributes:
        source: (n, d) features of the source frames.
        target: (m, d) features of the target frames, from the same forward pass.
        labels: (n,) int64 class of each source frame.
        lessons: (m, K) what the teacher says of each target frame: its class probabilities times its confidence in
            [0, 1]; rows of zeros teach nothing. ``None`` without a teacher.
    """

    source: Tensor
    target: Tensor
    labels: Tensor
    lessons: Tensor | None = None


@dataclass(frozen=True)
class LossWeights:
    """Weights of a step's losses; the class loss on the source has weight one.

    Attributes:
        align: Of the distance between the domains (CORAL, MMD); the adversary's is λ.
        mcc: Of minimum class confusion.
        lessons: Of the teacher's lessons on target frames.
    """

    align: float = 0.0
    mcc: float = 0.0
    lessons: float = 0.0


def weighted_sum(weights: LossWeights) -> Callable[[Mapping[str, Tensor]], tuple[Tensor, dict[str, Tensor]]]:
    """A weighter in pytorch-adapt's sense.

    Its own ones turn every loss into a Python float, which on a GPU waits for the device once a loss and step; and the
    default one averages, which would shrink the class loss.
    """
    factors = {
        "src_domain_loss": 0.5,
        "target_domain_loss": 0.5,
        "features_confusion_loss": weights.align,
        "joint_confusion_loss": weights.align,
        "mcc_loss": weights.mcc,
        "lesson_loss": weights.lessons,
    }

    def weigh(losses: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        weighted = {name: factors.get(name, 1.0) * loss for name, loss in losses.items()}
        total = torch.stack([*weighted.values()]).sum()
        return total, {name: loss.detach() for name, loss in {**weighted, "total": total}.items()}

    return weigh


def source_class_weights(prior: npt.NDArray[np.float64], floor: float = 0.02) -> npt.NDArray[np.float64]:
    """(K,) weights that give class-balanced source batches the target's class shares in the domain loss.

    With them the discriminator compares like with like (prior-weighted DANN, as in Tachet des Combes et al. 2020,
    Domain Adaptation with Conditional Distribution Matching and Generalized Label Shift). No class is dropped
    altogether: an estimated share of zero is never certain.
    """
    floored = np.maximum(prior, floor)
    return np.asarray(floored / floored.sum() * len(prior), dtype=np.float64)
