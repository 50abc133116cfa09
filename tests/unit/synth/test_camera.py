"""Camera and lookup: pixels meet the bed where geometry says."""

import numpy as np
import pytest

from adaptprint.synth import presets
from adaptprint.synth.camera import solve
from adaptprint.synth.gaze import SIDE, word
from adaptprint.synth.printers import Camera


@pytest.mark.parametrize("roll", [0.0, 4.0])
def test_the_ray_through_the_nozzle_tip_meets_the_bed_below_the_nozzle(roll: float) -> None:
    lens = solve(Camera(roll=roll, offset=2.0), 360, 640)
    column, row = lens.tip
    x, y, depth = lens.ground(np.array([row]), np.array([column]))
    assert (x[0], y[0]) == pytest.approx((0.0, 0.0), abs=1e-6)
    assert depth[0] == pytest.approx(45, abs=1)


def test_the_bed_is_sharp_at_the_nozzle_and_soft_in_front() -> None:
    lens = solve(presets()["magpie"].camera, 360, 640)
    _, _, depth = lens.ground(np.array([lens.tip[1], 359.0]), np.array([320.0, 320.0]))
    near_nozzle, near_lens = lens.defocus(depth)
    assert near_nozzle < 0.2
    assert near_lens > 3


def test_raster_words_add_like_positions_and_wrap_around() -> None:
    per_mm = 12.0
    here, step = word(np.array([3.0]), np.array([-5.0]), per_mm), word(np.array([-4.0]), np.array([6.0]), per_mm)
    assert abs(int((here + step)[0]) - int(word(np.array([-1.0]), np.array([1.0]), per_mm)[0])) <= 1 << 16
    around = SIDE / per_mm
    assert word(np.array([3.0 + around]), np.array([-5.0]), per_mm) == here
