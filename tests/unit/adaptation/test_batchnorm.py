"""BatchNorm statistics: the target's where they are asked for, untouched elsewhere, and apart by domain."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from adaptprint.adaptation.batchnorm import collecting, split_by_domain, take_target_statistics
from adaptprint.frames.pixels import Pixels
from adaptprint.models.device import Compute
from adaptprint.models.embed import to_images
from adaptprint.models.network import PrintNet, copy_state


def stem_maps(network: PrintNet, array: np.ndarray, compute: Compute) -> Tensor:
    """What the first BatchNorm layer sees."""
    with torch.no_grad():
        images = (to_images(array, compute) - network.mean) / network.std
        return network.trunk.conv1(images)


@pytest.fixture
def array(make_pixels: Callable[..., Pixels]) -> np.ndarray:
    array = make_pixels([("T", "a", None, 60), ("T", "b", None, 40)]).array
    array[60:] += 60
    return array


def test_the_first_layer_gets_exactly_the_moments_of_the_frames(
    network: PrintNet, array: np.ndarray, compute: Compute
) -> None:
    rows = np.arange(10, 70)
    take_target_statistics(network, [network.trunk.bn1], array, rows, compute)
    maps = stem_maps(network, array[rows], compute)
    torch.testing.assert_close(network.trunk.bn1.running_mean, maps.mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network.trunk.bn1.running_var, maps.var((0, 2, 3)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batch", [10, 33, 64, 1000])
def test_every_frame_counts_the_same_whatever_the_batch(
    network: PrintNet, array: np.ndarray, compute: Compute, batch: int
) -> None:
    rows = np.random.default_rng(0).permutation(100)[:96]
    take_target_statistics(network, [network.trunk.bn1], array, rows, compute, batch=batch)
    maps = stem_maps(network, array[rows], compute)
    torch.testing.assert_close(network.trunk.bn1.running_mean, maps.mean((0, 2, 3)), rtol=1e-3, atol=1e-3)
    # The variance inside a batch misses what differs between batches: the smaller they are, the more.
    tolerance = 0.15 if batch == 10 else 0.06
    torch.testing.assert_close(network.trunk.bn1.running_var, maps.var((0, 2, 3)), rtol=tolerance, atol=1e-3)


def test_later_layers_see_what_the_new_statistics_before_them_make(
    network: PrintNet, array: np.ndarray, compute: Compute
) -> None:
    rows = np.arange(60)
    take_target_statistics(network, network.early_batch_norms().values(), array, rows, compute)
    network.eval()
    seen: list[Tensor] = []
    network.trunk.layer1[1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        network.features(to_images(array[rows], compute))
    torch.testing.assert_close(network.trunk.layer1[1].running_mean, seen[0].mean((0, 2, 3)), rtol=1e-3, atol=1e-4)


def test_other_layers_and_all_weights_stay_untouched(network: PrintNet, array: np.ndarray, compute: Compute) -> None:
    before = copy_state(network)
    take_target_statistics(network, network.early_batch_norms().values(), array, np.arange(50), compute)
    changed = {name for name, value in copy_state(network).items() if not torch.equal(value, before[name])}
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    early = ("trunk.bn1", "trunk.layer1.1", "trunk.layer2.1")
    assert changed == {f"{layer}.{each}" for layer in early for each in statistics}


@pytest.mark.parametrize("training", [True, False])
def test_momentum_and_mode_are_given_back_even_after_an_error(network: PrintNet, training: bool) -> None:
    norms = [norm for _, norm in network.batch_norms()]
    norms[0].momentum = 0.37
    network.train(training)
    with pytest.raises(ZeroDivisionError), collecting(norms[:2], network):
        raise ZeroDivisionError
    assert [norm.momentum for norm in norms] == [0.37, 0.1, 0.1, 0.1, 0.1]
    assert all(module.training is training for module in network.modules())


def test_only_the_given_layers_are_in_training_mode_while_collecting(network: PrintNet) -> None:
    norms = list(network.early_batch_norms().values())
    with collecting(iter(norms), network):
        assert [module for module in network.modules() if module.training] == norms


def test_no_gradient_is_kept(network: PrintNet, array: np.ndarray, compute: Compute) -> None:
    take_target_statistics(network, [network.trunk.bn1], array, np.arange(5), compute)
    assert not network.trunk.bn1.running_mean.requires_grad
    assert all(weight.grad is None for weight in network.parameters())


@pytest.fixture
def norm() -> nn.BatchNorm2d:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(3)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm.train()


def test_each_domain_is_normalised_by_itself(norm: nn.BatchNorm2d) -> None:
    source, target = torch.randn(4, 3, 5, 5), 3 + 2 * torch.randn(6, 3, 5, 5)
    with split_by_domain([norm], 4):
        joint = norm(torch.cat([source, target]))
    alone = nn.BatchNorm2d(3).train()
    alone.load_state_dict(norm.state_dict())
    torch.testing.assert_close(joint[:4], alone(source))
    torch.testing.assert_close(joint[4:], alone(target))


def test_what_one_domain_shows_does_not_change_the_other_s_output(norm: nn.BatchNorm2d) -> None:
    first, second = torch.randn(4, 3, 5, 5), torch.randn(6, 3, 5, 5)
    with split_by_domain([norm], 4):
        plain = norm(torch.cat([first, second]))
        other_target = norm(torch.cat([first, 9 * second - 5]))
        other_source = norm(torch.cat([7 * first + 1, second]))
    assert torch.equal(plain[:4], other_target[:4])
    assert torch.equal(plain[4:], other_source[4:])
    assert not torch.equal(plain[4:], norm(torch.cat([first, second]))[4:])


def test_running_statistics_follow_the_target_alone(norm: nn.BatchNorm2d) -> None:
    source, target = 100 + torch.randn(4, 3, 5, 5), 3 + 2 * torch.randn(6, 3, 5, 5)
    with split_by_domain([norm], 4):
        norm(torch.cat([source, target]))
    torch.testing.assert_close(norm.running_mean, 0.1 * target.mean((0, 2, 3)))
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * target.var((0, 2, 3)))
    assert norm.num_batches_tracked == 1


def test_gradients_reach_the_weights_from_both_domains(norm: nn.BatchNorm2d) -> None:
    maps = torch.randn(5, 3, 4, 4, requires_grad=True)
    with split_by_domain([norm], 2):
        norm(maps).pow(3).sum().backward()
    assert maps.grad is not None
    assert (maps.grad.abs().sum((1, 2, 3)) > 0).all()
    assert norm.weight.grad is not None


def test_in_evaluation_mode_splitting_changes_nothing(norm: nn.BatchNorm2d) -> None:
    norm.eval()
    maps = torch.randn(5, 3, 4, 4)
    expected = norm(maps)
    with split_by_domain([norm], 2):
        assert torch.equal(norm(maps), expected)


def test_the_layers_are_themselves_again_afterwards_even_after_an_error(norm: nn.BatchNorm2d) -> None:
    with pytest.raises(ZeroDivisionError), split_by_domain(iter([norm]), 2):
        raise ZeroDivisionError
    assert "forward" not in vars(norm)
    maps = torch.randn(5, 3, 4, 4)
    torch.testing.assert_close(norm(maps), torch.batch_norm(
        maps, norm.weight, norm.bias, None, None, True, 0.0, norm.eps, False
    ))  # fmt: skip
