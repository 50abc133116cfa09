"""The one place that imports pytorch-adapt: one training step of any recipe, composed of its hooks.

pytorch-adapt passes source and target through the trunk separately; here both features come from one joint forward
pass and are handed to the hooks ready-made, so that late BatchNorms see one batch.
"""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adaptprint.adaptation.recipe import Align
from adaptprint.adaptation.step_losses import LossWeights, StepBatch, weighted_sum

with warnings.catch_warnings():
    # torchmetrics 0.9.3, which pytorch-adapt pins, imports the deprecated pkg_resources.
    warnings.simplefilter("ignore")
    from pytorch_adapt.hooks import (
        AlignerHook,
        AlignerPlusCHook,
        BaseLossHook,
        ClassifierHook,
        DANNHook,
        FeaturesForDomainLossHook,
        GradientReversalHook,
        JointAlignerHook,
        MCCHook,
        MeanReducer,
    )
    from pytorch_adapt.hooks.cdan import CDANDomainHook, get_cdan_features_hooks
    from pytorch_adapt.hooks.optimizer import OptimizerHook, SummaryHook
    from pytorch_adapt.hooks.reducers import BaseReducer
    from pytorch_adapt.hooks.utils import ChainHook
    from pytorch_adapt.layers import CORALLoss, MCCLoss, MMDLoss, RandomizedDotProduct

COMBINED_WIDTH = 256
"""Width of CDAN's randomised product of features and class probabilities."""

ADVERSARIAL: frozenset[Align] = frozenset({"dann", "cdan"})


class AdaptationStep:
    """One optimisation step: class loss on the source, and whatever the recipe adds.

    Args:
        align: How the domains are aligned.
        weights: Weights of the losses; a loss of weight zero is not computed.
        classifier: Features (n, d) to logits (n, K).
        discriminator: Features to domain logits (n,); needed by the adversarial alignments.
        n_inputs: d and K.
        optimizer: Steps over all weights that learn.
        class_weights: (K,) float32 weights of the source classes wherever domains are compared.
        backward: Replaces ``loss.backward()``; clips gradients.
        has_source: Whether batches hold source frames.
    """

    def __init__(
        self,
        align: Align,
        weights: LossWeights,
        classifier: nn.Module,
        discriminator: nn.Module | None,
        n_inputs: tuple[int, int],
        optimizer: torch.optim.Optimizer,
        class_weights: Tensor,
        backward: Callable[[Tensor], None],
        has_source: bool = True,
    ) -> None:
        self._class_weights, self._backward = class_weights, backward
        self._batch: StepBatch | None = None
        self._grl: Any = None
        self._models: dict[str, Any] = {"G": None, "C": classifier}
        if discriminator is not None:
            self._models["D"] = discriminator
        if align == "cdan":
            self._models["feature_combiner"] = RandomizedDotProduct(list(n_inputs), COMBINED_WIDTH).to(
                class_weights.device
            )
        self._hook = self._compose(align, weights, optimizer, has_source)

    def __call__(self, batch: StepBatch, grl_weight: float = 0.0) -> dict[str, Tensor]:
        """Backpropagates and steps; returns the weighted losses by name, detached and still on the device.

        Args:
            batch: Features, labels and lessons.
            grl_weight: λ of the gradient reversal layer, for the adversarial alignments.
        """
        if self._grl is not None:
            self._grl.fn.update_weight(grl_weight)
        self._batch = batch
        device = batch.labels.device
        inputs = {
            "src_imgs_features": batch.source,
            "target_imgs_features": batch.target,
            "src_labels": batch.labels,
            "src_domain": torch.zeros(len(batch.source), device=device),
            "target_domain": torch.ones(len(batch.target), device=device),
            "custom_backward": self._backward,
            **self._models,
        }
        _, losses = self._hook(inputs)
        return dict(losses["total_loss"])

    @torch.no_grad()
    def domain_logits(self, features: Tensor) -> Tensor:
        """The discriminator's logits (n,) for features (n, d), without dropout: positive means target."""
        discriminator, combine = self._models["D"], self._models.get("feature_combiner")
        if combine is not None:
            features = combine(features, self._models["C"](features).softmax(1))
        discriminator.eval()
        logits: Tensor = discriminator(features)
        discriminator.train()
        return logits

    def _compose(self, align: Align, weights: LossWeights, optimizer: torch.optim.Optimizer, source: bool) -> Any:
        post = self._target_losses(weights)
        shared: dict[str, Any] = {"opts": [optimizer], "weighter": weighted_sum(weights)}
        if align == "none" or (align not in ADVERSARIAL and not weights.align):
            # Without source frames there is no class loss: what prints teach is all there is.
            return ClassifierHook(post=post, **shared) if source else _only(post, **shared)
        if align in ADVERSARIAL:
            features, domain_loss = _domain_loss(align)
            self._grl = GradientReversalHook(weight=0.0, apply_to=features.out_keys)
            reducer = PriorWeightedReducer(self._class_weights)
            return DANNHook(
                f_hook=features, domain_loss_hook=domain_loss, gradient_reversal=self._grl,
                reducer=reducer, post_g=post, **shared,
            )  # fmt: skip
        return AlignerPlusCHook(aligner_hook=self._aligner(align), post=post, **shared)

    def _target_losses(self, weights: LossWeights) -> list[Any]:
        found: list[Any] = []
        if weights.mcc:
            found.append(MCCHook(loss_fn=MCCLoss(T=2.5)))
        if weights.lessons:
            found.append(BaseLossHook(self._lesson_loss, "lesson_loss", "logits", domains=["target"]))
        return found

    def _lesson_loss(self, logits: Tensor) -> Tensor:
        """Cross-entropy of the target logits (m, K) with the teacher's lessons of this batch."""
        if self._batch is None or self._batch.lessons is None:
            raise ValueError("a recipe with lessons needs a batch with lessons")
        return -(self._batch.lessons * F.log_softmax(logits, dim=1)).sum(1).mean()

    def _aligner(self, align: Align) -> Any:
        if align == "coral":
            return AlignerHook(loss_fn=self._at_target_prior(CORALLoss()))
        mmd = self._at_target_prior(MMDLoss(2.0 ** torch.arange(-2, 3), mmd_type="quadratic", dist_func=_distances))
        return AlignerHook(loss_fn=mmd) if align == "mmd" else JointAlignerHook(loss_fn=mmd)

    def _at_target_prior(self, distance: Callable[[Any, Any], Tensor]) -> Callable[[Any, Any], Tensor]:
        """A distance between domains in which source frames are drawn again with the target's class shares."""

        def weighted(source: Any, target: Any) -> Tensor:
            if self._batch is None:
                raise ValueError("a distance needs a batch")
            labels = self._batch.labels
            # All classes weighing the same, nothing has to be drawn again.
            if not bool((self._class_weights != self._class_weights[0]).any()):
                return distance(source, target)
            rows = torch.multinomial(self._class_weights[labels], len(labels), replacement=True)
            if isinstance(source, list):
                return distance([part[rows] for part in source], target)
            return distance(source[rows], target)

        return weighted


class PriorWeightedReducer(BaseReducer):  # type: ignore[misc]
    """Weights each source frame in the domain loss by its class, so that both domains show the same class shares."""

    def __init__(self, class_weights: Tensor) -> None:
        super().__init__(apply_to=["src_domain_loss"], default_reducer=MeanReducer())
        self.class_weights = class_weights

    def call_reducer(self, inputs: dict[str, Any], losses: dict[str, Tensor], apply_to: list[str]) -> tuple[Any, Any]:
        """Reduces the losses named in ``apply_to`` to weighted means."""
        weights = self.class_weights[inputs["src_labels"]]
        for name in apply_to:
            losses[name] = (weights * losses[name]).sum() / weights.sum()
        return {}, losses

    def _out_keys(self) -> list[str]:
        return []


def _distances(first: Tensor, second: Tensor) -> Tensor:
    """Squared distances (n, m), never quite zero.

    Kernels are as wide as the median distance among the source frames, which is zero where most of a batch was drawn
    again from few frames; a loss of NaN would follow.
    """
    found = torch.cdist(first, second).square()
    return found.clamp_min(1e-3 * float(found.detach().mean()) + 1e-12)


def _only(hooks: list[Any], opts: list[torch.optim.Optimizer], weighter: Any) -> Any:
    """Losses on the target alone, and the step."""
    optimizer = OptimizerHook(ChainHook(*hooks), opts, weighter)
    return ChainHook(optimizer, SummaryHook({"total_loss": optimizer}))


def _domain_loss(align: Align) -> tuple[Any, Any]:
    """The hook that makes what the discriminator sees, and the domain loss on it (``None``: DANN's own)."""
    if align == "dann":
        return FeaturesForDomainLossHook(), None
    # CDAN as in pytorch-adapt's CDANNEHook, but with the prior's weights in place of the entropy's.
    features, combined, _ = get_cdan_features_hooks(softmax=True)
    loss = CDANDomainHook(loss_prefix="", detach_features=False, reverse_labels=False, softmax=True)
    return ChainHook(features, combined), loss
