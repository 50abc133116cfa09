"""Augmentation: as another camera would see it, repeatable, and always a picture."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from adaptprint.frames import augment as augment_module
from adaptprint.frames.augment import augment

torch.set_num_threads(1)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def smooth(n: int = 1, height: int = 32, width: int = 48) -> Tensor:
    """n equal pictures with a light gradient of their own in each channel."""
    rows, columns = torch.linspace(0, 1, height)[:, None], torch.linspace(0, 1, width)[None]
    image = torch.stack([0.3 + 0.4 * rows + 0 * columns, 0.2 + 0.6 * columns + 0 * rows, 0.5 * rows + 0.3 * columns])
    return image.expand(n, 3, height, width).clone()


def test_strength_zero_leaves_the_images_alone() -> None:
    images = smooth(3)
    before, state = images.clone(), generator()
    assert torch.equal(augment(images, state, 0.0), before)
    assert torch.equal(state.get_state(), generator().get_state())


def test_the_given_images_are_not_written_to() -> None:
    images = smooth(4)
    before = images.clone()
    augment(images, generator(), 1.0)
    assert torch.equal(images, before)


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_the_same_generator_state_gives_the_same_bits_whatever_else_was_drawn(strength: float) -> None:
    first = augment(smooth(8), generator(5), strength)
    torch.rand(10)
    np.random.random(3)  # the global generators must not matter
    assert torch.equal(augment(smooth(8), generator(5), strength), first)
    assert not torch.equal(augment(smooth(8), generator(6), strength), first)


def test_equal_frames_of_a_batch_get_different_draws() -> None:
    found = augment(smooth(6), generator(), 0.5)
    for first in range(6):
        for second in range(first):
            assert (found[first] - found[second]).abs().mean() > 0.005


@settings(deadline=None, derandomize=True, database=None, max_examples=40)
@given(st.floats(0.01, 2), st.integers(0, 10**6), st.sampled_from(["noise", "black", "white", "checks"]), st.booleans())
def test_the_result_is_always_a_picture(strength: float, seed: int, kind: str, flip: bool) -> None:
    images = {
        "noise": torch.rand(4, 3, 32, 64, generator=generator(seed)),
        "black": torch.zeros(4, 3, 32, 64),
        "white": torch.ones(4, 3, 32, 64),
        "checks": (torch.arange(32)[:, None] + torch.arange(64) & 1).float().expand(4, 3, 32, 64),
    }[kind]
    found = augment(images, generator(seed), strength, flip)
    assert found.shape == images.shape
    assert found.dtype == torch.float32
    assert found.isfinite().all()
    assert found.min() >= 0
    assert found.max() <= 1


def test_more_strength_changes_more_and_a_little_changes_little() -> None:
    images = smooth(32)
    changes = [float((augment(images, generator(1), s, flip=False) - images).abs().mean()) for s in (0.05, 0.3, 1.0)]
    assert changes == sorted(changes)
    assert changes[0] < 0.02
    assert changes[2] > 0.05


def test_left_and_right_are_swapped_in_half_of_the_frames_only_where_they_may_be() -> None:
    """The green channel rises to the right unless the frame was mirrored."""

    def rising(flip: bool) -> int:
        green = augment(smooth(64), generator(2), 0.2, flip)[:, 1].mean(1)
        return int((green[:, -8:].mean(1) > green[:, :8].mean(1)).sum())

    assert rising(flip=False) == 64
    assert 20 < rising(flip=True) < 44


def test_top_stays_top() -> None:
    red = augment(smooth(64), generator(3), 1.0)[:, 0].mean(2)
    assert (red[:, -6:].mean(1) > red[:, :6].mean(1)).all()


def test_a_part_of_the_frame_is_shown_larger_never_smaller() -> None:
    """A white frame with a black border keeps its white middle; no invented border darkens it."""
    images = torch.zeros(32, 3, 32, 32)
    images[:, :, 8:24, 8:24] = 1
    found = augment(images, generator(4), 0.6)
    light = (found.mean(1) > 0.5).float().mean((1, 2))
    assert light.mean() > 0.25  # the white square is a quarter of the frame


def test_every_frame_stays_in_its_place() -> None:
    dark_and_light = torch.tensor([0.1, 0.9]).repeat(100).view(200, 1, 1, 1).expand(200, 3, 16, 16).clone()
    found = augment(dark_and_light, generator(0), 0.5).mean((1, 2, 3))
    assert found[::2].max() < 0.5 < found[1::2].min()


def test_a_plain_frame_gets_the_noise_of_a_sensor() -> None:
    found = augment(torch.full((64, 3, 16, 16), 0.5), generator(0), 1.0).std((2, 3)).mean(1)
    assert 0.005 < found.median() < 0.03


def test_edges_are_blurred_in_some_frames_and_sharpened_in_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sharpening overshoots beside an edge; nothing else makes a picture of two greys darker or lighter than both."""
    for other in ("_reframe", "_recolour", "_add_noise", "_compress"):
        monkeypatch.setattr(augment_module, other, lambda images, *_: images)
    edge = torch.full((64, 3, 16, 16), 0.3)
    edge[..., 8:] = 0.6
    found = augment(edge, generator(0), 1.0)
    overshoot = found.amax((1, 2, 3)) > 0.61
    jump = (found[..., 8] - found[..., 7]).mean((1, 2))
    assert 10 < overshoot.sum() < 54
    assert (jump[overshoot] > 0.3).all()
    assert (jump[~overshoot] < 0.33).all()
    assert jump.min() < 0.2


def test_some_frames_pass_through_a_real_jpeg() -> None:
    """Only JPEG gives values that are whole 255ths."""
    found = augment(smooth(200, 16, 16), generator(0), 1.0) * 255
    compressed = ((found - found.round()).abs().amax((1, 2, 3)) < 1e-3).sum()
    assert 25 < int(compressed) < 80
