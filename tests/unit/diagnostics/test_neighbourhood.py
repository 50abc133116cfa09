"""Where the target stands among the source: agreement, mixing, support, affinity, all across prints."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from adaptprint.diagnostics.neighbourhood import Neighbourhood, look_around, stand
from adaptprint.frames.table import FrameTable
from adaptprint.models.memory import SourceFrames

SPREAD = 0.3


class World:
    """Printers whose prints are clouds of frames around centres in a feature space."""

    def __init__(self, make_table: Callable[..., FrameTable], d: int = 6) -> None:
        self.make_table, self.d = make_table, d
        self.rng = np.random.default_rng(0)

    def frames(self, centres: np.ndarray, n_prints: int, n_frames: int, spread: float = SPREAD) -> np.ndarray:
        """(n_prints * n_frames, d): each print's centre is drawn around one of the given centres in turn."""
        around = centres[np.arange(n_prints) % len(centres)]
        prints = around + self.rng.normal(0, spread, (n_prints, self.d))
        cloud = np.repeat(prints, n_frames, 0) + self.rng.normal(0, 0.01, (n_prints * n_frames, self.d))
        return cloud.astype(np.float32)

    def source(self, n_prints: int, n_frames: int, printers: Sequence[str] = ("P1", "P2")) -> SourceFrames:
        # Classes alternate by print, printers by half.
        half = -(-n_prints // len(printers))
        table = self.make_table(
            [(printers[i // half], f"s{i}", ("good", "bad")[i % 2], n_frames) for i in range(n_prints)]
        )
        return SourceFrames(table, np.zeros((len(table), 1, 1, 3), np.uint8), np.zeros(len(table), dtype=bool))

    def target(self, n_prints: int, n_frames: int) -> FrameTable:
        return self.make_table([("T", f"t{i}", None, n_frames) for i in range(n_prints)])


@pytest.fixture
def world(make_table: Callable[..., FrameTable]) -> World:
    return World(make_table)


GOOD_AND_BAD = 2 * np.eye(6)[:2]


def look(
    world: World, target_centres: np.ndarray, predicted: int | None = None, n_target: int = 12, n_source: int = 40
) -> Neighbourhood:
    source = world.source(n_source, 4)
    labels = source.table.label_codes(["good", "bad"])
    calls = np.repeat(np.arange(n_target) % len(target_centres), 5)
    if predicted is not None:
        calls[:] = predicted
    return look_around(
        source,
        world.frames(GOOD_AND_BAD, n_source, 4),
        labels,
        world.target(n_target, 5),
        world.frames(target_centres, n_target, 5),
        calls,
        2,
    )


def test_a_target_like_the_source_is_supported_mixed_and_in_agreement(world: World) -> None:
    found = look(world, GOOD_AND_BAD)
    assert found.label_agreement.value > 0.9
    assert found.support.value > 0.8
    assert 0.7 < found.domain_mixing.value < 1.3
    assert found.domain_mixing.low <= found.domain_mixing.value <= found.domain_mixing.high


def test_a_target_far_away_is_neither_supported_nor_mixed(world: World) -> None:
    found = look(world, 2 * np.eye(6)[3:5])
    assert found.support.value == 0
    assert found.domain_mixing.value < 0.1


def test_calls_against_the_neighbours_do_not_agree(world: World) -> None:
    assert look(world, GOOD_AND_BAD[:1], predicted=1).label_agreement.value < 0.1
    assert look(world, GOOD_AND_BAD[:1], predicted=0).label_agreement.value > 0.9


@pytest.mark.parametrize(("n_target", "n_source"), [(6, 60), (60, 12), (30, 30)])
def test_mixing_does_not_depend_on_how_many_frames_each_domain_has(world: World, n_target: int, n_source: int) -> None:
    found = look(world, GOOD_AND_BAD, n_target=n_target, n_source=n_source)
    assert 0.6 < found.domain_mixing.value < 1.4


def test_affinity_names_the_printer_that_the_target_looks_like(world: World) -> None:
    source = world.source(8, 4, printers=("far", "near"))
    centres = np.concatenate([2 * np.eye(6)[[0] * 4], 2 * np.eye(6)[[1] * 4]])
    features = world.frames(centres, 8, 4)
    target = world.frames(2 * np.eye(6)[1:2], 3, 5)
    found = look_around(
        source, features, np.zeros(32, dtype=np.int64), world.target(3, 5), target, np.zeros(15, dtype=np.int64), 2
    )
    assert list(found.printer_affinity) == ["far", "near"]
    assert found.printer_affinity["near"] == 1.0
    assert sum(found.printer_affinity.values()) == pytest.approx(1)


def test_support_is_measured_from_print_to_print_not_from_frame_to_frame(world: World) -> None:
    """Frames of one print are near-copies; if they counted, no other print would ever be near enough."""
    source = world.source(60, 15)
    features = world.frames(GOOD_AND_BAD[:1], 60, 15)
    target = world.frames(GOOD_AND_BAD[:1], 60, 2)
    found = stand(source.table, features, np.zeros(900, dtype=np.int64), target, 2)
    assert found.supported.mean() > 0.8
    inside_a_print = 1 - np.dot(features[0], features[1]) / np.linalg.norm(features[0]) / np.linalg.norm(features[1])
    assert found.limit > 20 * inside_a_print


def test_support_ends_where_the_source_s_own_prints_end(world: World) -> None:
    source = world.source(60, 15)
    features = world.frames(GOOD_AND_BAD[:1], 60, 15)
    own = stand(source.table, features, np.zeros(900, dtype=np.int64), features, 2)
    assert own.supported.all()
    fresh = world.frames(GOOD_AND_BAD[:1], 200, 1)
    found = stand(source.table, features, np.zeros(900, dtype=np.int64), fresh, 2)
    assert found.supported.tolist() == (found.distance <= found.limit).tolist()
    assert 0.75 < found.supported.mean() <= 1


def test_each_frame_knows_its_nearest_source_frame_and_its_votes(world: World) -> None:
    source = world.source(2, 6)
    features = world.frames(GOOD_AND_BAD, 2, 6, spread=0)
    labels = source.table.label_codes(["good", "bad"])
    found = stand(source.table, features, labels, features[[3, 9]], 2)
    assert found.nearest.tolist() == [3, 9]
    # Ten neighbours: the six of the own cluster and four of the other.
    np.testing.assert_allclose(found.votes, [[0.6, 0.4], [0.4, 0.6]])
    assert found.distance == pytest.approx([1, 1], abs=0.05)


def test_near_copies_inside_a_target_print_do_not_pass_for_separation(world: World) -> None:
    """Two prints of each domain around one centre: mixed, though every frame's nearest frames are its own print's."""
    source = world.source(30, 10)
    found = look_around(
        source,
        world.frames(GOOD_AND_BAD[:1], 30, 10),
        np.zeros(300, dtype=np.int64),
        world.target(30, 10),
        world.frames(GOOD_AND_BAD[:1], 30, 10),
        np.zeros(300, dtype=np.int64),
        2,
    )
    assert 0.75 < found.domain_mixing.value < 1.25


def test_mixing_leaves_out_the_own_print_alone_and_expects_what_is_left(world: World) -> None:
    """Each target print has one source print at its place: all ten neighbours are source, 24 of 36 would be chance."""
    found = look_around(
        world.source(2, 12),
        world.frames(GOOD_AND_BAD, 2, 12, spread=0),
        np.repeat([0, 1], 12),
        world.target(2, 12),
        world.frames(GOOD_AND_BAD, 2, 12, spread=0),
        np.repeat([0, 1], 12),
        2,
    )
    assert found.domain_mixing.value == pytest.approx(36 / 24)


def test_a_tiny_source_and_a_tiny_target_can_be_compared(world: World) -> None:
    source = world.source(2, 1)
    found = look_around(
        source,
        world.frames(GOOD_AND_BAD, 2, 1),
        np.array([0, 1]),
        world.target(1, 1),
        world.frames(GOOD_AND_BAD, 1, 1),
        np.array([0]),
        2,
    )
    values = [found.label_agreement.value, found.domain_mixing.value, found.support.value]
    assert np.isfinite(values).all()
