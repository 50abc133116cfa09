"""One adversarial step through pytorch-adapt: who gets which gradient, and what the losses are."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adaptprint.adaptation.hooks import COMBINED_WIDTH, AdaptationStep
from adaptprint.adaptation.recipe import Align
from adaptprint.adaptation.step_losses import LossWeights, StepBatch

Pair = tuple[float, float]


class Toy:
    """A linear trunk, classifier and discriminator; a step leaves its gradients to be looked at."""

    def __init__(self, align: Align = "dann") -> None:
        torch.manual_seed(0)
        self.align: Align = align
        self.trunk, self.classifier = nn.Linear(5, 4), nn.Linear(4, 2)
        width = 4 if align == "dann" else COMBINED_WIDTH
        self.discriminator = nn.Sequential(nn.Linear(width, 1), nn.Flatten(0))
        self.source, self.target = torch.randn(6, 5), torch.randn(3, 5) + 1
        self.labels = torch.tensor([0, 0, 0, 1, 1, 0])
        self.backward_losses: list[Tensor] = []
        self.modules = nn.ModuleList([self.trunk, self.classifier, self.discriminator])

    def hook(self, class_weights: Pair = (1.0, 1.0), rate: float = 0.0) -> AdaptationStep:
        optimizer = torch.optim.SGD(self.modules.parameters(), lr=rate)
        weights = torch.tensor(class_weights)
        torch.manual_seed(1)
        return AdaptationStep(
            self.align, LossWeights(), self.classifier, self.discriminator, (4, 2), optimizer, weights, self.backward
        )

    def batch(self) -> StepBatch:
        features = self.trunk(torch.cat([self.source, self.target]))
        return StepBatch(features[:6], features[6:], self.labels)

    def step(self, grl_weight: float, class_weights: Pair = (1.0, 1.0), rate: float = 0.0) -> dict[str, Tensor]:
        return self.hook(class_weights, rate)(self.batch(), grl_weight)

    def backward(self, loss: Tensor) -> None:
        self.backward_losses.append(loss.detach())
        loss.backward()

    def class_loss(self) -> Tensor:
        return F.cross_entropy(self.classifier(self.trunk(self.source)), self.labels)

    def seen_by_discriminator(self, images: Tensor) -> Tensor:
        features = self.trunk(images)
        if self.align == "dann":
            return features
        torch.manual_seed(1)
        first, second = torch.randn(4, COMBINED_WIDTH), torch.randn(2, COMBINED_WIDTH)
        return (features @ first) / COMBINED_WIDTH**0.5 * (self.classifier(features).softmax(1) @ second)

    def domain_losses(self, class_weights: Pair = (1.0, 1.0)) -> tuple[Tensor, Tensor]:
        weights = torch.tensor(class_weights)[self.labels]
        weights = weights / weights.sum()
        source = F.softplus(self.discriminator(self.seen_by_discriminator(self.source)))
        target = F.softplus(-self.discriminator(self.seen_by_discriminator(self.target)))
        return 0.5 * (weights * source).sum(), 0.5 * target.mean()

    def gradient_of(self, loss: Tensor, weight: Tensor | None = None) -> Tensor:
        return torch.autograd.grad(loss, self.trunk.weight if weight is None else weight)[0]


@pytest.fixture(params=["dann", "cdan"])
def toy(request: pytest.FixtureRequest) -> Toy:
    return Toy(request.param)


def gradient(module: nn.Module) -> Tensor:
    return torch.cat([weight.grad.flatten() for weight in module.parameters()])


def test_at_weight_zero_the_trunk_feels_the_class_loss_alone(toy: Toy) -> None:
    toy.step(0.0)
    torch.testing.assert_close(toy.trunk.weight.grad, toy.gradient_of(toy.class_loss()))


@pytest.mark.parametrize("weight", [0.3, 2.5])
@pytest.mark.parametrize("class_weights", [(1.0, 1.0), (1.9, 0.1)])
def test_above_zero_the_trunk_climbs_the_domain_loss(toy: Toy, weight: float, class_weights: Pair) -> None:
    toy.step(weight, class_weights)
    domain = toy.gradient_of(sum(toy.domain_losses(class_weights)))
    expected = toy.gradient_of(toy.class_loss()) - weight * domain
    torch.testing.assert_close(toy.trunk.weight.grad, expected)


def test_the_prior_s_weights_change_the_gradient_of_the_domain_loss_alone(toy: Toy) -> None:
    found = []
    for class_weights in ((1.0, 1.0), (1.9, 0.1)):
        toy.step(1.0, class_weights)
        found.append((gradient(toy.trunk), gradient(toy.discriminator)))
    assert all(not torch.allclose(one, other, atol=1e-3) for one, other in zip(*found, strict=True))
    toy.step(0.0, (1.0, 1.0))
    plain = gradient(toy.trunk)
    toy.step(0.0, (1.9, 0.1))
    torch.testing.assert_close(gradient(toy.trunk), plain)


def test_the_discriminator_descends_the_domain_loss_whatever_the_weight(toy: Toy) -> None:
    toy.step(0.0)
    first = gradient(toy.discriminator)
    toy.step(0.9)
    torch.testing.assert_close(gradient(toy.discriminator), first)
    expected = toy.gradient_of(sum(toy.domain_losses()), toy.discriminator[0].weight)
    torch.testing.assert_close(toy.discriminator[0].weight.grad, expected)


def test_of_dann_the_classifier_never_feels_the_domains() -> None:
    toy = Toy("dann")
    toy.step(1.0)
    torch.testing.assert_close(toy.classifier.weight.grad, toy.gradient_of(toy.class_loss(), toy.classifier.weight))


def test_of_cdan_the_discriminator_sees_what_is_called() -> None:
    """The same features called otherwise look different to it; DANN's would look the same."""
    losses = {}
    for align in ("dann", "cdan"):
        toy = Toy(align)
        before = toy.step(0.0)["target_domain_loss"]
        with torch.no_grad():
            toy.classifier.weight.mul_(-3)
        losses[align] = float((toy.step(0.0)["target_domain_loss"] - before).abs())
    assert losses["dann"] == pytest.approx(0, abs=1e-6)
    assert losses["cdan"] > 1e-3


def test_the_discriminator_s_logits_are_those_of_the_step_without_dropout(toy: Toy) -> None:
    hook = toy.hook()
    features = toy.trunk(toy.target)
    expected = toy.discriminator(toy.seen_by_discriminator(toy.target))
    toy.discriminator.insert(0, nn.Dropout(0.9))
    found = hook.domain_logits(features)
    torch.testing.assert_close(found, expected.detach())
    assert not found.requires_grad
    assert toy.discriminator.training


def test_the_weight_may_change_from_step_to_step(toy: Toy) -> None:
    hook = toy.hook()
    gradients = []
    for weight in (0.0, 1.0, 0.0):
        hook(toy.batch(), weight)
        gradients.append(toy.trunk.weight.grad.clone())
    torch.testing.assert_close(gradients[0], gradients[2])
    assert not torch.allclose(gradients[0], gradients[1])


@pytest.mark.parametrize("class_weights", [(1.0, 1.0), (0.5, 1.5), (2.0, 0.0)])
def test_losses_come_back_by_name_and_weigh_the_source_by_class(toy: Toy, class_weights: Pair) -> None:
    losses = toy.step(0.5, class_weights)
    with torch.no_grad():
        source, target = toy.domain_losses(class_weights)
        class_loss = toy.class_loss()
    assert float(losses["src_domain_loss"]) == pytest.approx(float(source), rel=1e-5)
    assert float(losses["target_domain_loss"]) == pytest.approx(float(target), rel=1e-5)
    assert float(losses["src_c_loss"]) == pytest.approx(float(class_loss), rel=1e-5)


def test_losses_stay_on_the_device_as_detached_tensors(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetching a number waits for a GPU; a step must not do so once a loss."""

    def refuse(*_: object) -> float:
        raise AssertionError("a loss was fetched from the device")

    for name in ("item", "tolist", "__float__"):
        monkeypatch.setattr(Tensor, name, refuse)
    losses = toy.step(0.5)
    monkeypatch.undo()
    assert all(isinstance(value, Tensor) and not value.requires_grad for value in losses.values())


def test_the_given_backward_is_called_once_with_the_whole_loss(toy: Toy) -> None:
    losses = toy.step(0.5)
    (loss,) = toy.backward_losses
    named = losses["src_domain_loss"] + losses["target_domain_loss"] + losses["src_c_loss"]
    assert float(loss) == pytest.approx(float(named), rel=1e-5)
    assert float(losses["total"]) == float(loss)


def test_a_step_lowers_the_class_loss_and_forgets_the_gradients_of_the_step_before(toy: Toy) -> None:
    before = float(toy.class_loss().detach())
    toy.step(0.0)
    first = gradient(toy.trunk).clone()
    toy.step(0.0, rate=0.05)
    torch.testing.assert_close(gradient(toy.trunk), first)
    assert float(toy.class_loss().detach()) < before


def test_batches_of_different_sizes_weigh_both_domains_the_same(toy: Toy) -> None:
    one = toy.step(0.5)
    toy.target = toy.target.repeat(4, 1)
    many = toy.step(0.5)
    assert float(many["target_domain_loss"]) == pytest.approx(float(one["target_domain_loss"]), rel=1e-5)


@pytest.mark.parametrize("align", ["dann", "cdan"])
def test_the_same_step_gives_the_same_bits(align: Align) -> None:
    def run(build: Callable[[Align], Toy]) -> Tensor:
        toy = build(align)
        for weight in (0.0, 0.5, 1.0):
            toy.step(weight, rate=0.1)
        return torch.cat([weight.detach().flatten() for weight in toy.modules.parameters()])

    assert torch.equal(run(Toy), run(Toy))
