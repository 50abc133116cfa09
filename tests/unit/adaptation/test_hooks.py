"""One DANN step through pytorch-adapt: who gets which gradient, and what the losses are."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adaptprint.adaptation.hooks import DannStep

Pair = tuple[float, float]


class Toy:
    """A linear trunk, classifier and discriminator; a step leaves its gradients to be looked at."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.trunk, self.classifier = nn.Linear(5, 4), nn.Linear(4, 2)
        self.discriminator = nn.Sequential(nn.Linear(4, 1), nn.Flatten(0))
        self.source, self.target = torch.randn(6, 5), torch.randn(3, 5) + 1
        self.labels = torch.tensor([0, 0, 0, 1, 1, 0])
        self.backward_losses: list[Tensor] = []
        self.modules = nn.ModuleList([self.trunk, self.classifier, self.discriminator])

    def step(self, grl_weight: float, class_weights: Pair = (1.0, 1.0), rate: float = 0.0) -> dict[str, float]:
        optimizer = torch.optim.SGD(self.modules.parameters(), lr=rate)
        hook = DannStep(self.classifier, self.discriminator, [optimizer], torch.tensor(class_weights), self.backward)
        features = self.trunk(torch.cat([self.source, self.target]))
        return hook(features[:6], features[6:], self.labels, grl_weight)

    def backward(self, loss: Tensor) -> None:
        self.backward_losses.append(loss.detach())
        loss.backward()

    def class_loss(self) -> Tensor:
        return F.cross_entropy(self.classifier(self.trunk(self.source)), self.labels)

    def domain_losses(self, class_weights: Pair = (1.0, 1.0)) -> tuple[Tensor, Tensor]:
        weights = torch.tensor(class_weights)[self.labels]
        weights = weights / weights.sum()
        source = F.softplus(self.discriminator(self.trunk(self.source)))
        target = F.softplus(-self.discriminator(self.trunk(self.target)))
        return 0.5 * (weights * source).sum(), 0.5 * target.mean()

    def trunk_gradient_of(self, loss: Tensor) -> Tensor:
        return torch.autograd.grad(loss, self.trunk.weight)[0]


@pytest.fixture
def toy() -> Toy:
    return Toy()


def gradient(module: nn.Module) -> Tensor:
    return torch.cat([weight.grad.flatten() for weight in module.parameters()])


def test_at_weight_zero_the_trunk_feels_the_class_loss_alone(toy: Toy) -> None:
    toy.step(0.0)
    torch.testing.assert_close(toy.trunk.weight.grad, toy.trunk_gradient_of(toy.class_loss()))


@pytest.mark.parametrize("weight", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("class_weights", [(1.0, 1.0), (1.9, 0.1)])
def test_above_zero_the_trunk_climbs_the_domain_loss(toy: Toy, weight: float, class_weights: Pair) -> None:
    toy.step(weight, class_weights)
    domain = toy.trunk_gradient_of(sum(toy.domain_losses(class_weights)))
    expected = toy.trunk_gradient_of(toy.class_loss()) - weight * domain
    torch.testing.assert_close(toy.trunk.weight.grad, expected)


def test_the_discriminator_descends_the_domain_loss_whatever_the_weight(toy: Toy) -> None:
    toy.step(0.0)
    first = gradient(toy.discriminator)
    toy.step(0.9)
    torch.testing.assert_close(gradient(toy.discriminator), first)
    expected = torch.autograd.grad(sum(toy.domain_losses()), toy.discriminator[0].weight)[0]
    torch.testing.assert_close(toy.discriminator[0].weight.grad, expected)


def test_the_classifier_never_feels_the_domains(toy: Toy) -> None:
    toy.step(1.0)
    expected = torch.autograd.grad(toy.class_loss(), toy.classifier.weight)[0]
    torch.testing.assert_close(toy.classifier.weight.grad, expected)


def test_the_weight_may_change_from_step_to_step(toy: Toy) -> None:
    optimizer = torch.optim.SGD(toy.modules.parameters(), lr=0.0)
    hook = DannStep(toy.classifier, toy.discriminator, [optimizer], torch.ones(2), toy.backward)
    gradients = []
    for weight in (0.0, 1.0, 0.0):
        features = toy.trunk(torch.cat([toy.source, toy.target]))
        hook(features[:6], features[6:], toy.labels, weight)
        gradients.append(toy.trunk.weight.grad.clone())
    torch.testing.assert_close(gradients[0], gradients[2])
    assert not torch.allclose(gradients[0], gradients[1])


@pytest.mark.parametrize("class_weights", [(1.0, 1.0), (0.5, 1.5), (2.0, 0.0)])
def test_losses_come_back_by_name_and_weigh_the_source_by_class(toy: Toy, class_weights: Pair) -> None:
    losses = toy.step(0.5, class_weights)
    with torch.no_grad():
        source, target = toy.domain_losses(class_weights)
        class_loss = toy.class_loss()
    assert losses["src_domain_loss"] == pytest.approx(float(source), rel=1e-5)
    assert losses["target_domain_loss"] == pytest.approx(float(target), rel=1e-5)
    assert losses["src_c_loss"] == pytest.approx(float(class_loss), rel=1e-5)
    assert all(type(value) is float for value in losses.values())


def test_the_given_backward_is_called_once_with_the_whole_loss(toy: Toy) -> None:
    losses = toy.step(0.5)
    (loss,) = toy.backward_losses
    named = losses["src_domain_loss"] + losses["target_domain_loss"] + losses["src_c_loss"]
    assert float(loss) == pytest.approx(named, rel=1e-5)


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
    assert many["target_domain_loss"] == pytest.approx(one["target_domain_loss"], rel=1e-5)


def test_the_same_step_gives_the_same_bits(toy: Toy) -> None:
    def run(build: Callable[[], Toy]) -> Tensor:
        toy = build()
        for weight in (0.0, 0.5, 1.0):
            toy.step(weight, rate=0.1)
        return torch.cat([weight.detach().flatten() for weight in toy.modules.parameters()])

    assert torch.equal(run(Toy), run(Toy))
