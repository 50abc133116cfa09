"""Two principal components for people to look at."""

import numpy as np

from adaptprint.workflows.feature_map import feature_map


def clouds() -> tuple[np.ndarray, np.ndarray]:
    """Source and target in two directions, with a little noise."""
    rng = np.random.default_rng(0)
    source = np.eye(16)[0] + rng.normal(0, 0.02, (20, 16))
    return source.astype(np.float32), (np.eye(16)[1] + rng.normal(0, 0.02, (30, 16))).astype(np.float32)


def test_what_lies_apart_in_the_features_lies_apart_on_the_map() -> None:
    source, target = clouds()
    found = feature_map(source, target, np.arange(20), np.arange(30))
    points = np.array(found["points"])
    assert points.shape == (50, 2)
    assert points[:20, 0].max() < points[20:, 0].min() or points[:20, 0].min() > points[20:, 0].max()
    assert found["explained"][0] > 0.9
    assert sum(found["explained"]) <= 1


def test_the_map_shows_the_chosen_rows_source_first() -> None:
    source, target = clouds()
    every = np.array(feature_map(source, target, np.arange(20), np.arange(30))["points"])
    some = np.array(feature_map(source, target, np.array([3]), np.array([0, 7]))["points"])
    np.testing.assert_array_equal(some, every[[3, 20, 27]])


def test_length_does_not_matter_as_it_does_not_for_neighbours() -> None:
    source, target = clouds()
    rows = np.arange(20), np.arange(30)
    assert feature_map(source * 7, target, *rows)["points"] == feature_map(source, target, *rows)["points"]


def test_features_without_any_spread_come_to_one_point() -> None:
    same = np.ones((4, 8), np.float32)
    assert set(map(tuple, feature_map(same, same, np.arange(4), np.arange(4))["points"])) == {(0.0, 0.0)}
