"""Under-extrusion: it shows in the plastic, and nowhere else."""

from collections import Counter

import numpy as np
import pytest

from adaptprint.synth import presets
from adaptprint.synth.film import film_print, lay_print
from adaptprint.synth.jobs import GOOD, UNDER_EXTRUDED, draw_job
from adaptprint.synth.orders import place_orders
from adaptprint.synth.randomness import stream
from adaptprint.synth.scene import Scene, set_scene
from adaptprint.synth.toolpath import plan_path

PRINTS = range(4)


@pytest.fixture(scope="module", params=["slate", "orchid"])
def scene(request: pytest.FixtureRequest) -> Scene:
    return set_scene(presets()[request.param], 96, 160)


def frames(scene: Scene, number: int, label: int, count: int = 8, laid: bool = True) -> np.ndarray:
    job = draw_job(3, scene.printer.name, scene.printer.habits, number, label)
    return np.stack([frame.pixels for frame in film_print(scene, job, 3, number, count, laid)]).astype(int)


def test_a_bad_print_lays_less_plastic_than_the_good_print_of_the_same_seed(scene: Scene) -> None:
    for number in PRINTS:
        volume, area = {}, {}
        for label in (GOOD, UNDER_EXTRUDED):
            job = draw_job(3, scene.printer.name, scene.printer.habits, number, label)
            path = plan_path(stream(3, "path", scene.printer.name, number), job, 60)
            field = lay_print(scene, job, path, 3, number)
            area[label] = len(np.unique(field.cells))
            volume[label] = (field.packed & 0xFF).sum()
        assert area[UNDER_EXTRUDED] < 0.95 * area[GOOD]
        assert volume[UNDER_EXTRUDED] < 0.9 * volume[GOOD]


def test_good_and_bad_frames_differ_in_nothing_but_the_plastic(scene: Scene) -> None:
    assert (frames(scene, 0, GOOD, laid=False) == frames(scene, 0, UNDER_EXTRUDED, laid=False)).all()
    assert (frames(scene, 0, GOOD) != frames(scene, 0, UNDER_EXTRUDED)).any()


def test_plastic_shows_in_most_frames_of_a_print_but_not_in_all(scene: Scene) -> None:
    shown = []
    for number in PRINTS:
        change = np.abs(frames(scene, number, UNDER_EXTRUDED, 12) - frames(scene, number, UNDER_EXTRUDED, 12, False))
        shown.append((change.max(axis=3) > 24).mean(axis=(1, 2)) > 0.002)
    share = np.mean(shown)
    assert 0.6 < share < 0.95


def test_only_the_flow_of_a_job_knows_the_label() -> None:
    for printer in presets().values():
        for number in PRINTS:
            good = draw_job(0, printer.name, printer.habits, number, GOOD)
            bad = draw_job(0, printer.name, printer.habits, number, UNDER_EXTRUDED)
            assert (good.filament, good.line_width, good.layer_height, good.speed, good.shapes, good.away) == (
                bad.filament, bad.line_width, bad.layer_height, bad.speed, bad.shapes, bad.away
            )  # fmt: skip
            assert bad.flow.ratio < 0.8 < good.flow.ratio


def test_under_extrusion_comes_in_all_strengths() -> None:
    habits = presets()["magpie"].habits
    ratios = [draw_job(seed, "magpie", habits, 0, UNDER_EXTRUDED).flow.ratio for seed in range(200)]
    assert min(ratios) < 0.42
    assert max(ratios) > 0.65


def test_the_colour_of_a_filament_does_not_tell_the_label() -> None:
    counts: Counter[tuple[str, int]] = Counter()
    orders = [order for seed in range(40) for order in place_orders(["frost"], 20, 1, 0.5, seed, "endoscope", None)]
    for order in orders:
        job = draw_job(order.seed, "frost", order.printer.habits, order.number, order.label)
        counts[job.filament.name, order.label] += 1
    for name in presets()["frost"].habits.filaments:
        good, bad = counts[name, GOOD], counts[name, UNDER_EXTRUDED]
        assert bad / (good + bad) == pytest.approx(0.5, abs=0.1)
