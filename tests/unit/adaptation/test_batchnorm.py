"""BatchNorm statistics: the target's where they are asked for, untouched elsewhere, and apart by domain."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from adaptprint.adaptation.batchnorm import collecting, features_by_domain, not_tracking, take_target_statistics
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
def images() -> Tensor:
    """Four source images, then six brighter target images."""
    torch.manual_seed(1)
    return torch.cat([0.4 * torch.rand(4, 3, 32, 32), 0.3 + 0.7 * torch.rand(6, 3, 32, 32)])


def early_maps(network: PrintNet, images: Tensor, n_source: int) -> Tensor:
    """What the first late layer is given."""
    seen: list[Tensor] = []
    handle = network.trunk.layer3.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    features_by_domain(network, images, n_source)
    handle.remove()
    return seen[0]


def test_each_domain_goes_through_the_early_stages_alone(network: PrintNet, images: Tensor) -> None:
    network.train()
    maps = early_maps(network, images, 4)
    torch.testing.assert_close(maps[:4], network.early(images[:4]))
    torch.testing.assert_close(maps[4:], network.early(images[4:]))
    assert not torch.allclose(maps, network.early(images), atol=1e-3)


def test_what_one_domain_shows_does_not_change_the_other_s_early_maps(network: PrintNet, images: Tensor) -> None:
    network.train()
    source, target = images[:4], images[4:]
    plain = early_maps(network, images, 4)
    other_target = early_maps(network, torch.cat([source, 1 - target]), 4)
    other_source = early_maps(network, torch.cat([1 - source, target]), 4)
    assert torch.equal(plain[:4], other_target[:4])
    assert torch.equal(plain[4:], other_source[4:])


def test_the_late_stages_see_both_domains_together(network: PrintNet, images: Tensor) -> None:
    network.train()
    together = features_by_domain(network, images, 4)
    torch.testing.assert_close(together, network.late(early_maps(network, images, 4)))
    darker = features_by_domain(network, torch.cat([images[:4], 0.2 * images[4:]]), 4)
    assert not torch.allclose(together[:4], darker[:4], atol=1e-3)


def test_running_statistics_of_early_layers_follow_the_target_alone(network: PrintNet, images: Tensor) -> None:
    network.train()
    norm = network.trunk.bn1
    before = norm.running_mean.clone()
    features_by_domain(network, images, 4)
    with torch.no_grad():
        maps = network.trunk.conv1((images[4:] - network.mean) / network.std)
    torch.testing.assert_close(norm.running_mean, 0.9 * before + 0.1 * maps.mean((0, 2, 3)))
    assert norm.num_batches_tracked == 1


def test_gradients_reach_the_early_weights_from_both_domains(network: PrintNet, images: Tensor) -> None:
    network.train()
    images.requires_grad_(True)
    features_by_domain(network, images, 4).pow(3).sum().backward()
    assert images.grad is not None
    assert (images.grad.abs().sum((1, 2, 3)) > 0).all()
    assert network.trunk.bn1.weight.grad is not None


def test_in_evaluation_mode_the_features_are_the_usual_ones(network: PrintNet, images: Tensor) -> None:
    network.eval()
    torch.testing.assert_close(features_by_domain(network, images, 4), network.features(images))


def test_layers_track_again_afterwards_even_after_an_error(network: PrintNet) -> None:
    norms = list(network.early_batch_norms().values())
    norms[0].track_running_stats = False
    with pytest.raises(ZeroDivisionError), not_tracking(iter(norms)):
        raise ZeroDivisionError
    assert [norm.track_running_stats for norm in norms] == [False, True, True]
