"""The signs of drift: silent where nothing or only the share of faulty prints changed, clear where the camera moved."""

from dataclasses import replace

import numpy as np
import pytest

from adaptprint.adaptation.print_margins import MarginModel
from adaptprint.diagnostics.drift import (
    Sign,
    camera_sign,
    margin_sign,
    neighbour_sign,
    packed,
    share_outside,
    unpacked,
    weigh_signs,
)
from adaptprint.diagnostics.neighbours import unit_rows
from adaptprint.models.domain_reference import DomainReference

CHANNELS, WIDTH, FRAMES = 40, 8, 4
CLASS = np.zeros(CHANNELS)
CLASS[:5] = 3.0  # how faulty prints differ from good ones, in the statistics
MODEL = MarginModel(np.array([-2.0, 2.0]), np.full(2, 0.25), np.full(2, 0.5), 0.8, -0.2, 0.3)


def statistics(faulty: np.ndarray, seed: int, moved: float = 0.0) -> np.ndarray:
    """(p, c) of prints: chance, their class, and a move of the camera in other channels."""
    found = np.random.default_rng([seed, 1]).normal(size=(len(faulty), CHANNELS)) + faulty[:, None] * CLASS
    found[:, 20:] += moved
    return found.astype(np.float32)


def features(faulty: np.ndarray, seed: int, moved: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Frames (4 of each print) around the place of their class, and their prints."""
    rng = np.random.default_rng([seed, 2])
    prints = np.repeat(np.arange(len(faulty)), FRAMES)
    places = np.eye(WIDTH)[faulty][prints] + rng.normal(scale=0.1, size=(len(faulty), WIDTH))[prints]
    places[:, 2] += moved
    return unit_rows((places + rng.normal(scale=0.05, size=places.shape)).astype(np.float32)), prints


def margins(faulty: np.ndarray, seed: int, moved: float = 0.0) -> np.ndarray:
    return np.where(faulty, 2.0, -2.0) + moved + np.random.default_rng([seed, 3]).normal(scale=0.5, size=len(faulty))


def calls(faulty: np.ndarray) -> np.ndarray:
    return np.where(faulty[:, None], [0.2, 0.8], [0.8, 0.2])


def reference(faulty: np.ndarray, seed: int = 0) -> DomainReference:
    seen, prints = features(faulty, seed)
    counts = np.full(len(faulty), FRAMES)
    return DomainReference(
        seen, prints, statistics(faulty, seed), calls(faulty), margins(faulty, seed), counts, packed(MODEL)
    )


def known(seed: int = 99, prints: int = 40) -> np.ndarray:
    """(s, c) how prints of a known printer differ: half of them are faulty."""
    found = statistics(np.arange(prints) % 2, seed)
    return (found - found.mean(axis=0)).astype(np.float32)


def signs(then: DomainReference, faulty: np.ndarray, seed: int, moved: float = 0.0, level: float = 0.0) -> list[Sign]:
    seen, prints = features(faulty, seed, moved)
    counts = np.full(len(faulty), FRAMES)
    return [
        camera_sign(then, statistics(faulty, seed, moved), known(), seed),
        neighbour_sign(then, seen, prints, calls(faulty), True, seed),
        margin_sign(then, margins(faulty, seed, level), counts, seed),
    ]


def prints(good: int, faulty: int) -> np.ndarray:
    return np.repeat([0, 1], [good, faulty])


@pytest.mark.parametrize("now", [prints(6, 6), prints(11, 1), prints(1, 11), prints(12, 0), prints(0, 12)])
def test_a_printer_that_did_not_move_is_steady_whatever_the_share_of_faulty_prints(now: np.ndarray) -> None:
    then = reference(prints(8, 8))
    alarms = [sign.moved for seed in range(1, 21) for sign in signs(then, now, seed)]
    assert sum(alarms) <= 1
    assert all(sign.heard for sign in signs(then, now, 1))


def test_a_moved_camera_is_seen_by_statistics_and_neighbours() -> None:
    then = reference(prints(8, 8))
    for now in (prints(6, 6), prints(12, 0)):
        for seed in range(1, 6):
            camera, neighbours, _ = signs(then, now, seed, moved=2.0)
            assert camera.moved
            assert neighbours.moved
            assert camera.interval[0] <= camera.value <= camera.interval[1]


@pytest.mark.parametrize("level", [-2.0, 2.0])
def test_a_moved_level_of_the_margins_is_seen_and_named(level: float) -> None:
    camera, neighbours, level_sign = signs(reference(prints(8, 8)), prints(10, 4), 1, level=level)
    assert level_sign.moved
    assert level_sign.value == pytest.approx(level / MODEL.gap, abs=0.2)
    assert ("higher" if level > 0 else "lower") in level_sign.says
    assert not camera.moved
    assert not neighbours.moved


def test_faulty_prints_where_there_were_none_are_no_drift_of_the_camera() -> None:
    then, now = reference(prints(12, 0)), prints(0, 12)
    assert not any(sign.moved for sign in signs(then, now, 1))
    # What makes the difference: known printers show in which directions prints differ by class.
    assert camera_sign(then, statistics(now, 1), None).moved


def test_prints_without_company_of_their_call_are_not_compared() -> None:
    then = reference(prints(12, 0))
    seen, codes = features(prints(2, 6), 1)
    sign = neighbour_sign(then, seen, codes, calls(prints(2, 6)), True)
    assert not sign.heard
    assert "only 2 recent prints of 8" in sign.says
    assert neighbour_sign(then, seen, codes, calls(prints(2, 6)), False).heard


@pytest.mark.parametrize(("n_then", "n_now"), [(3, 12), (12, 2)])
def test_too_few_prints_say_nothing(n_then: int, n_now: int) -> None:
    found = signs(reference(prints(n_then, 0)), prints(n_now, 0), 1, moved=5.0, level=5.0)
    assert not any(sign.heard or sign.moved for sign in found)
    assert weigh_signs(found) == "unclear"
    assert found[0].to_dict()["value"] is None
    assert all("only" in sign.says for sign in found)


def test_margins_that_say_nothing_are_not_heard() -> None:
    then, none = reference(prints(6, 6)), np.zeros(0)
    counts = np.full(12, FRAMES)
    for silent in (replace(then, margin_model=none), replace(then, margins=none)):
        assert not margin_sign(silent, margins(prints(6, 6), 1), counts).heard
    assert not margin_sign(then, none, counts[:0]).heard


def test_one_sign_is_enough() -> None:
    still = Sign("a", 0.1, (0.0, 0.2), 0.5, False, True, "")
    moved, unheard = replace(still, moved=True), replace(still, heard=False)
    assert weigh_signs([still, moved, unheard]) == "drifted"
    assert weigh_signs([still, unheard]) == "steady"
    assert weigh_signs([unheard]) == "unclear"


def test_the_share_outside_is_counted_against_the_quantile_of_those_inside() -> None:
    inside = np.arange(1.0, 101.0)
    interval = share_outside(inside, np.array([50.0, 70.0, 95.0, 200.0]))
    assert interval.value == 0.5
    assert interval.low < 0.5 < interval.high
    far = share_outside(inside, np.full(4, 500.0))
    assert (far.value, far.low, far.high) == (1.0, 1.0, 1.0)


def test_a_margin_model_survives_packing() -> None:
    back = unpacked(packed(MODEL))
    assert np.array_equal(back.means, MODEL.means)
    assert (back.shift_sd, back.scale_mean, back.scale_sd, back.freedom) == (0.8, -0.2, 0.3, MODEL.freedom)
    assert packed(None).shape == (0,)
