"""Frames from another place: repeatable, each its own, always the picture that was there."""

import pytest
import torch
from torch import Tensor

from adaptprint.frames import viewpoint
from adaptprint.frames.viewpoint import change_viewpoint

torch.set_num_threads(1)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def slope(n: int = 6, height: int = 24, width: int = 40) -> Tensor:
    """n equal pictures that get lighter to the right."""
    return torch.linspace(0, 1, width).expand(n, 3, height, width).clone()


def test_a_share_of_zero_changes_and_draws_nothing() -> None:
    images, state = slope(), generator()
    assert change_viewpoint(images, state, 0.0) is images
    assert torch.equal(state.get_state(), generator().get_state())


def test_about_the_share_of_the_images_moves_and_the_given_ones_are_not_written_to() -> None:
    images = slope(400, 8, 12)
    before = images.clone()
    moved = change_viewpoint(images, generator(), 0.7)
    assert torch.equal(images, before)
    n_moved = int(((moved - images).abs().amax((1, 2, 3)) > 1e-6).sum())
    assert 240 < n_moved < 320


def test_the_same_generator_state_gives_the_same_bits_and_each_image_moves_its_own_way() -> None:
    first = change_viewpoint(slope(), generator(5))
    assert torch.equal(change_viewpoint(slope(), generator(5)), first)
    assert not torch.equal(change_viewpoint(slope(), generator(6)), first)
    for a in range(6):
        for b in range(a):
            assert (first[a] - first[b]).abs().mean() > 0.005


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_seen_that_was_not_there(seed: int) -> None:
    images = slope()
    moved = change_viewpoint(images, generator(seed))
    assert moved.shape == images.shape
    assert moved.isfinite().all()
    assert moved.min() >= -1e-5
    assert moved.max() <= 1 + 1e-5


def corners(homography: Tensor) -> Tensor:
    """(4, 2) where the corners of the new frame lie in the old one."""
    places = torch.tensor([[-1.0, -1, 1], [1, -1, 1], [-1, 1, 1], [1, 1, 1]]) @ homography.T
    return places[:, :2] / places[:, 2:]


def test_frames_are_seen_from_nearer_and_farther_turned_and_tilted() -> None:
    found = torch.stack([corners(each) for each in viewpoint._homographies(500, 0.6, generator())])
    wide = (found[:, 1] - found[:, 0]).norm(dim=1) / 2
    assert wide.min() < 0.75
    assert wide.max() > 1.4
    turned = torch.atan2(found[:, 1, 1] - found[:, 0, 1], found[:, 1, 0] - found[:, 0, 0])
    assert turned.min() < -0.15 < 0.15 < turned.max()
    # Tilted: the far side is shorter than the near one.
    left = (found[:, 2] - found[:, 0]).norm(dim=1) / (found[:, 3] - found[:, 1]).norm(dim=1)
    assert left.min() < 0.7
    assert left.max() > 1.4


def test_without_its_draws_a_viewpoint_is_the_one_that_was(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_ZOOM", "_TURN", "_TILT", "_STRETCH", "_SHIFT"):
        monkeypatch.setattr(viewpoint, name, 0.0)
    images = torch.rand(3, 3, 9, 16, generator=generator())
    assert torch.equal(viewpoint._homographies(3, 9 / 16, generator()), torch.eye(3).expand(3, 3, 3))
    assert torch.allclose(change_viewpoint(images, generator()), images, atol=1e-5)
