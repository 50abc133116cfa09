"""Features and logits of many frames, in the mode that ships."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from adaptprint.frames.pixels import Pixels
from adaptprint.models.device import Compute
from adaptprint.models.embed import Embedding, embed, to_images
from adaptprint.models.network import PrintNet
from adaptprint.reporting.progress import Progress


def test_pixels_become_images_between_zero_and_one() -> None:
    frames = np.zeros((2, 4, 6, 3), np.uint8)
    frames[1, 3, 5] = (255, 51, 0)
    images = to_images(frames, Compute(torch.device("cpu"), "fp32"))
    assert images.shape == (2, 3, 4, 6)
    assert images.dtype == torch.float32
    torch.testing.assert_close(images[1, :, 3, 5], torch.tensor([1.0, 0.2, 0.0]))
    assert images[0].abs().max() == 0
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert frames[1, 3, 5].tolist() == [255, 51, 0]


def test_frames_are_seen_in_evaluation_mode_whatever_the_batch(
    make_network: Callable[..., PrintNet], make_pixels: Callable[..., Pixels], compute: Compute
) -> None:
    network, array = make_network().train(), make_pixels().array
    whole = embed(network, array, compute, batch_size=64)
    parts = embed(network, array, compute, batch_size=5)
    assert network.training
    np.testing.assert_allclose(whole.features, parts.features, atol=1e-5)
    np.testing.assert_allclose(whole.logits, parts.logits, atol=1e-5)
    network.eval()
    with torch.no_grad():
        images = to_images(array, compute)
        np.testing.assert_allclose(whole.features, network.features(images).numpy(), atol=1e-5)
        np.testing.assert_allclose(whole.logits, network(images).numpy(), atol=1e-5)


def test_the_same_call_gives_the_same_bits_and_changes_no_statistics(
    make_network: Callable[..., PrintNet], make_pixels: Callable[..., Pixels], compute: Compute
) -> None:
    network, array = make_network(), make_pixels().array
    before = {name: value.clone() for name, value in network.state_dict().items()}
    first, second = (embed(network, array, compute) for _ in range(2))
    assert np.array_equal(first.logits, second.logits)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not network.training


def test_no_frames_give_an_empty_embedding_of_the_right_width(
    make_network: Callable[..., PrintNet], compute: Compute
) -> None:
    found = embed(make_network(n_classes=3), np.zeros((0, 32, 32, 3), np.uint8), compute)
    assert found.features.shape == (0, 8)
    assert found.probabilities.shape == (0, 3)


def test_progress_is_told_to_the_last_frame(
    make_network: Callable[..., PrintNet], make_pixels: Callable[..., Pixels], compute: Compute
) -> None:
    told: list[Progress] = []
    embed(make_network(), make_pixels().array, compute, batch_size=15, progress=told.append, stage="looking")
    assert [(event.stage, event.done, event.total) for event in told] == [
        ("looking", 15, 32),
        ("looking", 30, 32),
        ("looking", 32, 32),
    ]


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_probabilities_sum_to_one_however_large_the_logits(scale: float) -> None:
    logits = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32) * scale
    found = Embedding(logits, logits).probabilities
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)
    expected = torch.softmax(torch.from_numpy(logits), 1).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
