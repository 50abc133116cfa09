"""Uncertainty over prints: a print is one observation, however many frames it has."""

import numpy as np
import pytest

from adaptprint.diagnostics.bootstrap import by_print, print_interval


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for seed in range(200):
        found = print_interval(rng.normal(size=20), np.arange(20), seed)
        hits += found.low <= 0 <= found.high
    assert 0.82 < hits / 200 < 0.96


def test_copies_of_frames_bring_no_certainty() -> None:
    values, codes = np.array([0.1, 0.5, 0.9, 0.2]), np.array([0, 0, 1, 2])
    once = print_interval(values, codes)
    often = print_interval(np.repeat(values, 50), np.repeat(codes, 50))
    assert once.value == pytest.approx(often.value)
    assert once.to_list() == pytest.approx(often.to_list())


def test_every_print_weighs_the_same() -> None:
    found = print_interval(np.array([1.0] * 99 + [0.0]), np.array([0] * 99 + [1]))
    assert found.value == 0.5


def test_more_prints_bring_certainty() -> None:
    def width(n: int) -> float:
        low, high = print_interval(np.tile([0.0, 1.0], n), np.arange(2 * n)).to_list()
        return high - low

    assert width(100) < width(10) / 2 < width(2)


def test_one_print_is_its_own_interval() -> None:
    found = print_interval(np.array([0.2, 0.4]), np.array([0, 0]))
    assert found.to_list() == [found.value, found.value] == pytest.approx([0.3, 0.3])


def test_a_higher_level_gives_a_wider_interval_around_the_same_value() -> None:
    values, codes = np.random.default_rng(0).random(30), np.arange(30)
    narrow, wide = print_interval(values, codes, level=0.5), print_interval(values, codes, level=0.99)
    assert wide.low < narrow.low < narrow.value == wide.value < narrow.high < wide.high
    exact = print_interval(np.arange(1000.0), np.arange(1000), level=0.9)
    half = 1.645 * np.arange(1000.0).std() / np.sqrt(1000)
    assert exact.to_list() == pytest.approx([499.5 - half, 499.5 + half], abs=3)


def test_the_seed_decides_the_interval() -> None:
    values, codes = np.random.default_rng(0).random(5), np.arange(5)
    assert print_interval(values, codes, 3) == print_interval(values, codes, 3)
    assert print_interval(values, codes, 3) != print_interval(values, codes, 4)


def test_frames_are_averaged_inside_prints() -> None:
    assert by_print(np.array([0.0, 1.0, 5.0]), np.array([0, 0, 1])).tolist() == [0.5, 5.0]


def test_prints_of_which_no_frame_was_drawn_are_left_out() -> None:
    values = np.array([0.0, 1.0, 5.0])
    assert by_print(values, np.array([2, 2, 7])).tolist() == [0.5, 5.0]
    assert print_interval(values, np.array([2, 2, 7])) == print_interval(values, np.array([0, 0, 1]))
