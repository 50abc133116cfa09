"""Class-conditional BatchNorm moments: they add up to what the layers really see."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from adaptprint.frames.pixels import Pixels
from adaptprint.models.device import Compute
from adaptprint.models.embed import to_images
from adaptprint.models.moments import class_moments, moments_at_prior
from adaptprint.models.network import PrintNet


def pooled(network: PrintNet, array: np.ndarray, compute: Compute) -> dict[str, tuple[Tensor, Tensor]]:
    """Mean and variance of every BatchNorm layer's input over all frames at once."""
    seen: dict[str, Tensor] = {}
    handles = [
        norm.register_forward_pre_hook(lambda _, inputs, name=name: seen.update({name: inputs[0]}))
        for name, norm in network.batch_norms()
    ]
    with torch.no_grad():
        network.features(to_images(array, compute))
    for handle in handles:
        handle.remove()
    return {name: (maps.mean((0, 2, 3)), maps.var((0, 2, 3), correction=0)) for name, maps in seen.items()}


@pytest.fixture
def pixels(make_pixels: Callable[..., Pixels]) -> Pixels:
    return make_pixels([("P", "a", "good", 9), ("P", "b", "bad", 3), ("P", "c", "good", 4)])


def test_at_the_data_s_own_class_shares_they_are_the_moments_of_all_frames(
    make_network: Callable[..., PrintNet], pixels: Pixels, compute: Compute
) -> None:
    network = make_network()
    labels = pixels.table.label_codes(["good", "bad"])
    moments = class_moments(network, pixels.array, labels, np.ones(16), compute, batch_size=5)
    found = moments_at_prior(moments, np.array([13 / 16, 3 / 16]))
    expected = pooled(network, pixels.array, compute)
    assert found.keys() == expected.keys() == {name for name, _ in network.batch_norms()}
    for name, (mean, variance) in expected.items():
        torch.testing.assert_close(found[name][0], mean, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(found[name][1], variance, atol=1e-5, rtol=1e-3)


def test_at_a_prior_of_one_class_they_are_the_moments_of_that_class(
    make_network: Callable[..., PrintNet], pixels: Pixels, compute: Compute
) -> None:
    network = make_network()
    labels = pixels.table.label_codes(["good", "bad"])
    moments = class_moments(network, pixels.array, labels, np.ones(16), compute)
    found = moments_at_prior(moments, np.array([0.0, 1.0]))
    for name, (mean, variance) in pooled(network, pixels.array[labels == 1], compute).items():
        torch.testing.assert_close(found[name][0], mean, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(found[name][1], variance, atol=1e-5, rtol=1e-3)


def test_weights_count_a_frame_as_often_as_they_say(
    make_network: Callable[..., PrintNet], pixels: Pixels, compute: Compute
) -> None:
    network = make_network()
    labels = pixels.table.label_codes(["good", "bad"])
    weights = np.array([3.0] + [1.0] * 14 + [0.0])
    weighted = class_moments(network, pixels.array, labels, weights, compute)
    rows = np.repeat(np.arange(16), weights.astype(int))
    repeated = class_moments(network, pixels.array[rows], labels[rows], np.ones(len(rows)), compute)
    for name, value in repeated.items():
        torch.testing.assert_close(weighted[name], value, atol=1e-5, rtol=1e-4)


def test_a_network_that_runs_in_half_precision_has_the_same_moments(
    make_network: Callable[..., PrintNet], pixels: Pixels
) -> None:
    network = make_network()
    # Flat bright frames: the mean is far from zero, and the variance a small difference of two large moments.
    frames = (225 + pixels.array // 32).astype(np.uint8)
    labels = pixels.table.label_codes(["good", "bad"])
    cpu = torch.device("cpu")
    full, half = (
        class_moments(network, frames, labels, np.ones(16), Compute(cpu, precision), batch_size=3)
        for precision in ("fp32", "bf16")
    )
    prior = np.array([0.5, 0.5])
    expected, found = moments_at_prior(full, prior), moments_at_prior(half, prior)
    assert all(value.dtype == torch.float32 for value in half.values())
    for name, (mean, variance) in expected.items():
        torch.testing.assert_close(found[name][0], mean, rtol=0.02, atol=0.02)
        torch.testing.assert_close(found[name][1], variance, rtol=0.1, atol=2e-4)


def test_a_class_without_frames_has_zeros(
    make_network: Callable[..., PrintNet], pixels: Pixels, compute: Compute
) -> None:
    moments = class_moments(make_network(), pixels.array, np.zeros(16, dtype=np.int64), np.ones(16), compute)
    for value in moments.values():
        assert value.shape[0] == 2
        assert value.isfinite().all()
        assert (value[1] == 0).all()


def test_measuring_leaves_the_network_as_it_was(
    make_network: Callable[..., PrintNet], pixels: Pixels, compute: Compute
) -> None:
    network = make_network().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    class_moments(network, pixels.array, np.zeros(16, dtype=np.int64), np.ones(16), compute)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(norm._forward_pre_hooks for _, norm in network.batch_norms())


def test_a_variance_is_never_negative() -> None:
    moments = {"bn1.mean": torch.tensor([[1.0], [1.0]]), "bn1.second": torch.tensor([[0.9999], [1.0]])}
    _, variance = moments_at_prior(moments, np.array([0.5, 0.5]))["bn1"]
    assert variance.tolist() == [0.0]
