"""Support: what is farther from the source than the source's own prints are from each other."""

from collections.abc import Callable

import numpy as np
import pytest

from adaptprint.diagnostics.neighbourhood import stand
from adaptprint.diagnostics.support import SourceSupport, mostly_outside

PRINTS = [("P", f"p{i}", "good", 12) for i in range(6)]


@pytest.fixture
def features() -> np.ndarray:
    """(72, 8) source features: every print a narrow cluster, all prints loosely around one direction."""
    rng = np.random.default_rng(0)
    centres = np.eye(8)[0] + rng.normal(0, 0.2, (6, 8))
    return (np.repeat(centres, 12, axis=0) + rng.normal(0, 0.01, (72, 8))).astype(np.float32)


def test_a_new_print_like_the_others_is_inside_and_one_like_none_is_outside(
    make_table: Callable[..., object], features: np.ndarray
) -> None:
    support = SourceSupport.of(make_table(PRINTS), features)
    table = make_table([("T", "alike", None, 1), ("T", "strange", None, 1)])
    new = np.stack([np.eye(8)[0], -np.eye(8)[0]]).astype(np.float32)
    assert support.outside(support.distance(table, new)).tolist() == [False, True]


def test_the_limit_leaves_out_each_frames_own_print(make_table: Callable[..., object], features: np.ndarray) -> None:
    # Within a print frames are a hundred times nearer than between prints.
    assert SourceSupport.of(make_table(PRINTS), features).limit > 0.005


def test_frames_of_a_print_that_the_source_has_are_not_their_own_neighbours(
    make_table: Callable[..., object], features: np.ndarray
) -> None:
    source = make_table(PRINTS)
    support = SourceSupport.of(source, features)
    distance = support.distance(source, features)
    assert np.quantile(distance, 0.95) == pytest.approx(support.limit, abs=1e-6)
    foreign = make_table([("other printer", name, label, n) for _, name, label, n in PRINTS])
    assert support.distance(foreign, features).max() < 0.1 * support.limit


def test_the_limit_is_the_one_that_adaptation_marks_frames_by(
    make_table: Callable[..., object], features: np.ndarray
) -> None:
    source = make_table(PRINTS)
    standing = stand(source, features, np.zeros(72, np.int64), features[:3], 2)
    assert SourceSupport.of(source, features).limit == standing.limit


def test_no_frames_have_no_distance(make_table: Callable[..., object], features: np.ndarray) -> None:
    support = SourceSupport.of(make_table(PRINTS), features)
    assert support.distance(make_table([]), features[:0]).shape == (0,)


def test_a_print_is_outside_if_more_than_half_of_it_is() -> None:
    outside = np.array([True, False, True, True, False, True, False])
    assert mostly_outside(outside, np.array([0, 0, 1, 1, 1, 2, 0])).tolist() == [False, True, True]
