"""Distances between domains: what they make of batches that hold the same frames again and again."""

import math

import pytest
import torch
from torch import nn

from adaptprint.adaptation.hooks import AdaptationStep
from adaptprint.adaptation.step_losses import LossWeights, StepBatch


@pytest.mark.parametrize("align", ["coral", "mmd", "jmmd"])
def test_a_batch_drawn_again_from_a_few_frames_has_a_finite_distance(align: str) -> None:
    torch.manual_seed(0)
    classifier = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(classifier.parameters(), lr=0.1)
    # All weight on the second class, of which there is one frame: it is drawn six times.
    step = AdaptationStep(
        align, LossWeights(align=1.0), classifier, None, (4, 2), optimizer, torch.tensor([0.0, 1.0]),
        lambda loss: loss.backward(),
    )  # fmt: skip
    labels = torch.tensor([0, 0, 0, 0, 0, 1])
    source = torch.randn(6, 4, requires_grad=True)
    losses = step(StepBatch(source, torch.randn(6, 4, requires_grad=True), labels))
    assert all(math.isfinite(float(loss)) for loss in losses.values())
    assert torch.isfinite(source.grad).all()
