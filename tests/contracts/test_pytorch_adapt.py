"""pytorch-adapt 0.0.83: what the DANN step takes for granted."""

import inspect
from typing import Any

import pytest
import torch
from pytorch_adapt.hooks import DANNHook, FeaturesForDomainLossHook, GradientReversalHook, MeanReducer
from pytorch_adapt.hooks.reducers import BaseReducer
from pytorch_adapt.weighters import SumWeighter
from torch import Tensor, nn


class NeverCalled(nn.Module):
    """A trunk that must not be called, since its features are given."""

    def forward(self, images: Tensor) -> Tensor:
        raise AssertionError("the trunk was called although features were given")


def make_inputs(n: int = 4, m: int = 3) -> dict[str, Any]:
    torch.manual_seed(0)
    trunk = nn.Linear(5, 6)
    return {
        "src_imgs_features": trunk(torch.randn(n, 5)),
        "target_imgs_features": trunk(torch.randn(m, 5)),
        "src_labels": torch.arange(n) % 2,
        "src_domain": torch.zeros(n),
        "target_domain": torch.ones(m),
        "G": NeverCalled(),
        "C": nn.Linear(6, 2),
        "D": nn.Sequential(nn.Linear(6, 1), nn.Flatten(0)),
    }


def make_hook(inputs: dict[str, Any], **changes: Any) -> DANNHook:
    weights = [*inputs["C"].parameters(), *inputs["D"].parameters()]
    return DANNHook(opts=[torch.optim.SGD(weights, lr=0.0)], **changes)


def test_the_dann_hook_takes_the_parts_it_is_given() -> None:
    known = inspect.signature(DANNHook.__init__).parameters
    assert {"opts", "f_hook", "gradient_reversal", "reducer", "weighter"} <= set(known)


def test_features_that_are_given_are_used_and_the_trunk_is_left_alone() -> None:
    inputs = make_inputs()
    make_hook(inputs)(inputs)


def test_features_for_the_domain_loss_are_those_of_both_domains() -> None:
    assert sorted(FeaturesForDomainLossHook().out_keys) == ["src_imgs_features", "target_imgs_features"]


def test_losses_come_back_under_total_loss_by_name_as_floats() -> None:
    inputs = make_inputs()
    outputs, losses = make_hook(inputs)(inputs)
    assert set(losses) == {"total_loss"}
    assert {"src_domain_loss", "target_domain_loss", "src_c_loss"} <= set(losses["total_loss"])
    assert all(isinstance(value, float) for value in losses["total_loss"].values())
    assert isinstance(outputs, dict)


def test_the_default_weighter_averages_and_the_sum_weighter_sums() -> None:
    weights = {"src_domain_loss": 0.5, "target_domain_loss": 0.5, "src_c_loss": 1.0}

    def run(**changes: Any) -> tuple[float, dict[str, float]]:
        inputs, seen = make_inputs(), []
        _, losses = make_hook(inputs, **changes)({**inputs, "custom_backward": seen.append})
        return float(seen[0].detach()), losses["total_loss"]

    mean, _ = run()
    total, weighted = run(weighter=SumWeighter(weights=weights))
    plain = {name: weighted[name] / weight for name, weight in weights.items()}
    assert total == pytest.approx(sum(weighted[name] for name in weights), rel=1e-5)
    assert mean == pytest.approx(sum(plain.values()) / 3, rel=1e-5)


def test_a_custom_backward_replaces_the_loss_s_own() -> None:
    inputs, seen = make_inputs(), []
    make_hook(inputs)({**inputs, "custom_backward": seen.append})
    (loss,) = seen
    assert isinstance(loss, Tensor)
    assert loss.requires_grad
    assert inputs["C"].weight.grad is None


def test_gradient_reversal_can_be_weighted_anew_at_every_step() -> None:
    hook = GradientReversalHook(weight=0.0, apply_to=["features"])
    for weight in (0.0, 0.5, 2.0):
        hook.fn.update_weight(weight)
        features = torch.ones(2, requires_grad=True)
        outputs, _ = hook({"features": features})
        outputs["features"].sum().backward()
        assert features.grad is not None
        assert features.grad.tolist() == [-weight, -weight]


def test_a_reducer_gets_unreduced_losses_and_the_inputs() -> None:
    seen: dict[str, Any] = {}

    class Spy(BaseReducer):
        def call_reducer(self, inputs: dict[str, Any], losses: dict[str, Tensor], apply_to: list[str]) -> Any:
            seen.update(apply_to=list(apply_to), shape=losses["src_domain_loss"].shape, labels=inputs["src_labels"])
            losses["src_domain_loss"] = losses["src_domain_loss"].mean()
            return {}, losses

        def _out_keys(self) -> list[str]:
            return []

    inputs = make_inputs(n=4)
    make_hook(inputs, reducer=Spy(apply_to=["src_domain_loss"], default_reducer=MeanReducer()))(inputs)
    assert seen["apply_to"] == ["src_domain_loss"]
    assert seen["shape"] == (4,)
    assert seen["labels"].tolist() == [0, 1, 0, 1]
