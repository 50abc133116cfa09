"""pytorch-adapt 0.0.83: what a training step takes for granted."""

import inspect
from collections.abc import Mapping
from typing import Any

import pytest
import torch
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
    assert {"opts", "f_hook", "domain_loss_hook", "gradient_reversal", "reducer", "post_g", "weighter"} <= set(known)


def test_features_that_are_given_are_used_and_the_trunk_is_left_alone() -> None:
    inputs = make_inputs()
    make_hook(inputs)(inputs)


def test_features_for_the_domain_loss_are_those_of_both_domains() -> None:
    assert sorted(FeaturesForDomainLossHook().out_keys) == ["src_imgs_features", "target_imgs_features"]


def sum_up(losses: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """A weighter of one's own: the sum, and the losses as they are."""
    return torch.stack([*losses.values()]).sum(), dict(losses)


def test_losses_come_back_under_total_loss_by_name_just_as_the_weighter_gives_them() -> None:
    inputs, seen = make_inputs(), []
    _, losses = make_hook(inputs, weighter=sum_up)({**inputs, "custom_backward": seen.append})
    assert set(losses) == {"total_loss"}
    assert set(losses["total_loss"]) == {"src_domain_loss", "target_domain_loss", "src_c_loss"}
    assert all(isinstance(value, Tensor) for value in losses["total_loss"].values())
    assert float(seen[0].detach()) == pytest.approx(sum(float(loss.detach()) for loss in losses["total_loss"].values()))


def test_its_own_weighter_would_average_and_fetch_floats() -> None:
    inputs, seen = make_inputs(), []
    _, losses = make_hook(inputs)({**inputs, "custom_backward": seen.append})
    assert all(isinstance(value, float) for value in losses["total_loss"].values())
    names = ("src_domain_loss", "target_domain_loss", "src_c_loss")
    mean = sum(losses["total_loss"][name] for name in names) / 3
    assert float(seen[0].detach()) == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize(
    ("build", "names"),
    [
        (lambda shared: ClassifierHook(post=[MCCHook(loss_fn=MCCLoss(T=2.5))], **shared), {"mcc_loss"}),
        (
            lambda shared: AlignerPlusCHook(aligner_hook=AlignerHook(loss_fn=CORALLoss()), **shared),
            {"features_confusion_loss"},
        ),
        (
            lambda shared: AlignerPlusCHook(aligner_hook=JointAlignerHook(loss_fn=quadratic_mmd()), **shared),
            {"joint_confusion_loss"},
        ),
        (
            lambda shared: ClassifierHook(
                post=[BaseLossHook(lambda logits: logits.square().mean(), "own_loss", "logits", domains=["target"])],
                **shared,
            ),
            {"own_loss"},
        ),
    ],
)
def test_other_hooks_name_their_losses_and_take_features_that_are_given(build: Any, names: set[str]) -> None:
    inputs = make_inputs()
    shared = {"opts": [torch.optim.SGD(inputs["C"].parameters(), lr=0.0)], "weighter": sum_up}
    _, losses = build(shared)(inputs)
    found = set(losses["total_loss"])
    assert names <= found
    assert found - names in ({"c_loss"}, {"src_c_loss"})


def test_an_aligner_compares_features_and_a_joint_aligner_features_with_probabilities() -> None:
    seen: list[Any] = []

    def spy(source: Any, target: Any) -> Tensor:
        seen.append((source, target))
        return (source[0] if isinstance(source, list) else source).sum() * 0.0

    for aligner in (AlignerHook, JointAlignerHook):
        inputs = make_inputs()
        shared = {"opts": [torch.optim.SGD(inputs["C"].parameters(), lr=0.0)], "weighter": sum_up}
        AlignerPlusCHook(aligner_hook=aligner(loss_fn=spy), **shared)(inputs)
    (source, target), (joint_source, joint_target) = seen
    assert source is not None
    assert (source.shape, target.shape) == ((4, 6), (3, 6))
    assert [part.shape for part in joint_source] == [(4, 6), (4, 2)]
    assert [part.shape for part in joint_target] == [(3, 6), (3, 2)]
    torch.testing.assert_close(joint_source[1].sum(1), torch.ones(4))


def quadratic_mmd() -> MMDLoss:
    return MMDLoss(kernel_scales=2.0 ** torch.arange(-2, 3), mmd_type="quadratic")


def test_quadratic_mmd_takes_batches_of_different_sizes_alone_and_as_lists() -> None:
    torch.manual_seed(0)
    source, target = torch.randn(8, 6), torch.randn(5, 6) + 3
    near = quadratic_mmd()(source, torch.randn(5, 6))
    assert quadratic_mmd()(source, target) > near
    assert quadratic_mmd()([source, source[:, :2]], [target, target[:, :2]]) > near


def test_coral_is_the_squared_distance_of_covariances() -> None:
    torch.manual_seed(0)
    source, target = torch.randn(8, 3), 2 * torch.randn(6, 3)
    expected = (torch.cov(source.T) - torch.cov(target.T)).square().sum() / (4 * 9)
    torch.testing.assert_close(CORALLoss()(source, target), expected)


def test_class_confusion_is_lower_for_decided_calls() -> None:
    decided, undecided = (scale * torch.tensor([[1.0, -1.0], [-1.0, 1.0]] * 3) for scale in (8.0, 0.1))
    assert MCCLoss(T=2.5)(decided) < 0.1 < MCCLoss(T=2.5)(undecided)


def test_cdan_s_discriminator_sees_features_times_probabilities() -> None:
    inputs = make_inputs()
    torch.manual_seed(1)
    combine = RandomizedDotProduct([6, 2], 16)
    torch.manual_seed(1)
    first, second = torch.randn(6, 16), torch.randn(2, 16)
    features, combined, _ = get_cdan_features_hooks(softmax=True)
    outputs, _ = ChainHook(features, combined)({**inputs, "feature_combiner": combine})
    (source,) = [value for name, value in outputs.items() if name.startswith("src") and value.shape == (4, 16)]
    given = inputs["src_imgs_features"]
    expected = (given @ first) / 16**0.5 * (inputs["C"](given).softmax(1) @ second)
    torch.testing.assert_close(source, expected)
    loss = CDANDomainHook(loss_prefix="", detach_features=False, reverse_labels=False, softmax=True)
    names = {"src_domain_loss", "target_domain_loss"}
    models = {"feature_combiner": combine, "D": nn.Sequential(nn.Linear(16, 1), nn.Flatten(0))}
    assert set(loss({**inputs, **models})[1]) == names


def test_an_optimizer_hook_steps_on_losses_of_one_s_own() -> None:
    inputs = make_inputs()
    before = inputs["C"].weight.detach().clone()
    own = BaseLossHook(lambda logits: logits.square().mean(), "own_loss", "logits", domains=["target"])
    optimizer = OptimizerHook(ChainHook(own), [torch.optim.SGD(inputs["C"].parameters(), lr=0.1)], sum_up)
    _, losses = ChainHook(optimizer, SummaryHook({"total_loss": optimizer}))(inputs)
    assert set(losses["total_loss"]) == {"own_loss"}
    assert not torch.equal(inputs["C"].weight, before)


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
