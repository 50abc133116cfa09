"""Steps without an adversary: distances between the domains, minimum class confusion, lessons."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adaptprint.adaptation.hooks import AdaptationStep
from adaptprint.adaptation.recipe import Align
from adaptprint.adaptation.step_losses import LossWeights, StepBatch

DISTANCES: list[Align] = ["coral", "mmd", "jmmd"]
NAMES = {"coral": "features_confusion_loss", "mmd": "features_confusion_loss", "jmmd": "joint_confusion_loss"}
LABELS = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])


class Toy:
    """Free features of each domain behind a linear classifier; a step leaves their gradients."""

    def __init__(self, source: Tensor, target: Tensor) -> None:
        torch.manual_seed(0)
        self.source, self.target = nn.Parameter(source.clone()), nn.Parameter(target.clone())
        self.classifier = nn.Linear(source.shape[1], 2)

    def step(
        self,
        align: Align = "none",
        weights: tuple[float, float] = (1.0, 1.0),
        /,
        taught: Tensor | None = None,
        has_source: bool = True,
        rate: float = 0.0,
        **losses: float,
    ) -> dict[str, Tensor]:
        learning = [self.source, self.target, *self.classifier.parameters()]
        hook = AdaptationStep(
            align, LossWeights(**losses), self.classifier, None, (self.source.shape[1], 2),
            torch.optim.SGD(learning, lr=rate), torch.tensor(weights), lambda loss: loss.backward(), has_source,
        )  # fmt: skip
        labels, source = (LABELS, self.source) if has_source else (LABELS[:0], self.source[:0])
        torch.manual_seed(3)
        return hook(StepBatch(source * 1.0, self.target * 1.0, labels, taught))

    def class_loss(self) -> Tensor:
        return F.cross_entropy(self.classifier(self.source), LABELS).detach()

    def logits(self) -> Tensor:
        return self.classifier(self.target).detach()


@pytest.fixture
def features() -> Tensor:
    """(8, 3): the two classes lie 4 apart."""
    torch.manual_seed(5)
    return torch.randn(8, 3) * torch.tensor([1.0, 2.0, 0.5]) + 4.0 * LABELS[:, None]


@pytest.fixture
def toy(features: Tensor) -> Toy:
    return Toy(features, features.flip(0) * 1.5 + 1)


def test_without_alignment_only_the_class_loss_is_there(toy: Toy) -> None:
    losses = toy.step("none")
    expected = toy.class_loss()
    assert set(losses) == {"src_c_loss", "total"}
    assert float(losses["src_c_loss"]) == pytest.approx(float(expected), rel=1e-5)
    assert toy.target.grad is None


@pytest.mark.parametrize("align", DISTANCES)
def test_equal_domains_are_no_distance_apart_and_others_are(features: Tensor, toy: Toy, align: Align) -> None:
    same = Toy(features, features.flip(0)).step(align, align=1.0)
    apart = toy.step(align, align=1.0)
    # The estimate of MMD is without bias: of equal samples it is a little below zero.
    assert float(same[NAMES[align]]) < 1e-5
    assert float(apart[NAMES[align]]) > 0.02


def test_coral_looks_at_second_moments_alone(features: Tensor) -> None:
    moved, stretched = Toy(features, features + 7), Toy(features, 2 * features)
    assert float(moved.step("coral", align=1.0)[NAMES["coral"]]) == pytest.approx(0, abs=1e-4)
    difference = 3 * torch.cov(features.T)
    expected = difference.square().sum() / (4 * 3**2)
    assert float(stretched.step("coral", align=1.0)[NAMES["coral"]]) == pytest.approx(float(expected), rel=1e-4)
    assert float(moved.step("mmd", align=1.0)[NAMES["mmd"]]) > 0.1


def test_jmmd_sees_calls_that_mmd_does_not(features: Tensor) -> None:
    """Both domains have the same features; calls that differ between them are seen by the joint distance alone."""

    class Turning(nn.Module):
        """Calls the second domain it is given the other way round, if ``turn`` is -1."""

        def __init__(self, turn: int) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(3.0))
            self.sign, self.turn = turn, turn

        def forward(self, given: Tensor) -> Tensor:
            self.sign *= self.turn
            column = self.sign * self.scale * (given[:, :1] - features[:, :1].mean())
            return torch.cat([-column, column], dim=1)

    def distance(align: Align, turn: int) -> float:
        toy = Toy(features, features)
        toy.classifier = Turning(turn)
        return float(toy.step(align, align=1.0)[NAMES[align]])

    assert distance("mmd", -1) == pytest.approx(distance("mmd", 1), abs=1e-5)
    assert distance("jmmd", -1) > distance("jmmd", 1) + 0.1


@pytest.mark.parametrize("align", DISTANCES)
def test_a_step_brings_the_domains_closer(toy: Toy, align: Align) -> None:
    before = toy.step(align, align=1.0)[NAMES[align]]
    for _ in range(10):
        toy.step(align, align=10.0, rate=0.02)
    assert toy.step(align, align=1.0)[NAMES[align]] < before


@pytest.mark.parametrize("align", DISTANCES)
def test_the_distance_counts_as_much_as_its_weight(toy: Toy, align: Align) -> None:
    once, thrice = (toy.step(align, align=weight) for weight in (1.0, 3.0))
    name = NAMES[align]
    assert float(thrice[name]) == pytest.approx(3 * float(once[name]), rel=1e-4)
    assert float(thrice["total"] - once["total"]) == pytest.approx(2 * float(once[name]), rel=1e-3)


@pytest.mark.parametrize("align", DISTANCES)
def test_the_source_is_compared_at_the_target_s_class_shares(features: Tensor, align: Align) -> None:
    """A target of good prints alone is the source at another share: weighted so, it is hardly apart."""
    good = features[:4].repeat(2, 1)
    plain = Toy(features, good).step(align, (1.0, 1.0), align=1.0)[NAMES[align]]
    weighted = Toy(features, good).step(align, (2.0, 0.0), align=1.0)[NAMES[align]]
    assert weighted < 0.3 * plain


@pytest.mark.parametrize("align", DISTANCES)
def test_at_even_shares_no_frame_is_drawn_again(toy: Toy, align: Align) -> None:
    toy.step(align, (1.0, 1.0), align=1.0)
    state = torch.get_rng_state()
    torch.manual_seed(3)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("align", DISTANCES)
def test_the_class_loss_counts_every_source_frame_once_whatever_the_prior(toy: Toy, align: Align) -> None:
    expected = float(toy.class_loss())
    losses = toy.step(align, (1.9, 0.1), align=1.0)
    assert float(losses.get("c_loss", losses.get("src_c_loss"))) == pytest.approx(expected, rel=1e-5)


def test_class_confusion_is_lowered_and_calls_get_decided(toy: Toy) -> None:
    before = toy.logits().softmax(1).max(1).values.mean()
    first = toy.step(has_source=False, mcc=1.0)["mcc_loss"]
    for _ in range(20):
        toy.step(has_source=False, mcc=1.0, rate=0.5)
    assert 0 < toy.step(has_source=False, mcc=1.0)["mcc_loss"] < 0.8 * first
    assert toy.logits().softmax(1).max(1).values.mean() > before


def test_lessons_are_the_cross_entropy_with_what_is_taught(toy: Toy) -> None:
    lessons = torch.rand(8, 2)
    found = toy.step(taught=lessons, lessons=0.5)
    expected = -0.5 * (lessons * F.log_softmax(toy.logits(), 1)).sum(1).mean()
    assert float(found["lesson_loss"]) == pytest.approx(float(expected), rel=1e-5)
    assert float(found["total"]) == pytest.approx(float(found["lesson_loss"] + found["src_c_loss"]), rel=1e-5)


@pytest.mark.parametrize("taught", [0, 1])
def test_lessons_pull_target_frames_to_the_taught_class(toy: Toy, taught: int) -> None:
    lessons = torch.zeros(8, 2)
    lessons[:4, taught] = 1.0
    before = toy.logits().softmax(1)[:, taught]
    toy.step(taught=lessons, lessons=1.0)
    assert toy.target.grad is not None
    assert (toy.target.grad[:4].abs().sum(1) > 0).all()
    assert (toy.target.grad[4:] == 0).all()  # rows of zeros teach nothing
    with torch.no_grad():
        toy.target -= toy.target.grad
    assert (toy.logits().softmax(1)[:4, taught] > before[:4]).all()


def test_a_recipe_with_lessons_needs_them_in_the_batch(toy: Toy) -> None:
    with pytest.raises(ValueError, match="needs a batch with lessons"):
        toy.step(lessons=1.0)


@pytest.mark.parametrize("align", ["none", *DISTANCES])
def test_a_loss_of_weight_zero_is_not_computed(toy: Toy, align: Align) -> None:
    losses = toy.step(align, taught=torch.rand(8, 2), align=0.0, mcc=0.0, lessons=0.0)
    assert set(losses) == {"src_c_loss", "total"}
    assert toy.target.grad is None


def test_without_source_frames_what_is_taught_is_all_there_is(toy: Toy) -> None:
    lessons = torch.rand(8, 2)
    found = toy.step(taught=lessons, has_source=False, lessons=1.0, mcc=0.5)
    assert set(found) == {"lesson_loss", "mcc_loss", "total"}
    assert float(found["total"]) == pytest.approx(float(found["lesson_loss"] + found["mcc_loss"]), rel=1e-5)
    assert toy.classifier.weight.grad is not None
    assert toy.source.grad is None


@pytest.mark.parametrize("align", ["none", *DISTANCES])
def test_losses_stay_on_the_device_as_detached_tensors(toy: Toy, align: Align) -> None:
    losses = toy.step(align, (1.9, 0.1), taught=torch.rand(8, 2), align=1.0, mcc=1.0, lessons=1.0)
    assert len(losses) == (4 if align == "none" else 5)
    assert all(isinstance(value, Tensor) and not value.requires_grad for value in losses.values())
