"""The one place that imports pytorch-adapt: one DANN step through its own hooks.

pytorch-adapt passes source and target through the trunk separately; here both features come from one joint forward
pass and are handed to the hook ready-made, so that BatchNorm sees one batch.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

with warnings.catch_warnings():
    # torchmetrics 0.9.3, which pytorch-adapt pins, imports the deprecated pkg_resources.
    warnings.simplefilter("ignore")
    from pytorch_adapt.hooks import DANNHook, FeaturesForDomainLossHook, GradientReversalHook, MeanReducer
    from pytorch_adapt.hooks.reducers import BaseReducer
    from pytorch_adapt.weighters import SumWeighter


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


class DannStep:
    """One optimisation step of DANN (Ganin et al. 2016, Domain-Adversarial Training of Neural Networks).

    Args:
        classifier: Features (n, d) to logits (n, K).
        discriminator: Features (n, d) to domain logits (n,).
        optimizers: Step over trunk, heads and discriminator.
        class_weights: (K,) float32 weights of the source classes in the domain loss.
        backward: Replaces ``loss.backward()``; clips gradients.
    """

    def __init__(
        self,
        classifier: nn.Module,
        discriminator: nn.Module,
        optimizers: Sequence[torch.optim.Optimizer],
        class_weights: Tensor,
        backward: Callable[[Tensor], None],
    ) -> None:
        features_hook = FeaturesForDomainLossHook()
        self._grl = GradientReversalHook(weight=0.0, apply_to=features_hook.out_keys)
        self._hook = DANNHook(
            opts=list(optimizers),
            f_hook=features_hook,
            gradient_reversal=self._grl,
            reducer=PriorWeightedReducer(class_weights),
            # The default weighter averages the losses, which would shrink the class loss to a third.
            weighter=SumWeighter(weights={"src_domain_loss": 0.5, "target_domain_loss": 0.5, "src_c_loss": 1.0}),
        )
        self._models = {"C": classifier, "D": discriminator}
        self._backward = backward

    def __call__(
        self, source_features: Tensor, target_features: Tensor, labels: Tensor, grl_weight: float
    ) -> dict[str, float]:
        """Backpropagates and steps; returns the weighted losses by name.

        Args:
            source_features: (n, d), from the joint forward pass.
            target_features: (m, d), from the same pass.
            labels: (n,) int64 class of each source frame.
            grl_weight: λ of the gradient reversal layer.
        """
        self._grl.fn.update_weight(grl_weight)
        device = labels.device
        _, losses = self._hook(
            {
                "src_imgs_features": source_features,
                "target_imgs_features": target_features,
                "src_labels": labels,
                "src_domain": torch.zeros(len(source_features), device=device),
                "target_domain": torch.ones(len(target_features), device=device),
                "custom_backward": self._backward,
                "G": None,
                **self._models,
            }
        )
        return dict(losses["total_loss"])
