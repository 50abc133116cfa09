"""Printers: presets one can tell apart, random ones without end, cameras that see their nozzle."""

import numpy as np
import pytest

from adaptprint.synth import presets
from adaptprint.synth.camera import solve
from adaptprint.synth.film import film_print
from adaptprint.synth.invention import random_printer
from adaptprint.synth.jobs import FILAMENTS, GOOD, draw_job
from adaptprint.synth.nozzles import NOZZLES
from adaptprint.synth.printers import Printer
from adaptprint.synth.scene import set_scene
from adaptprint.synth.toolpath import SHAPES

RANDOM = [
    random_printer(seed, number, family)
    for seed in (0, 9)
    for number in (1, 2, 3)
    for family in ("endoscope", "portrait")
]


def picture(printer: Printer) -> np.ndarray:
    """One frame without plastic, as the printer's camera shows it."""
    job = draw_job(0, printer.name, printer.habits, 0, GOOD)
    return next(film_print(set_scene(printer, 72, 128), job, 0, 0, 1, laid=False)).pixels.astype(float)


def test_there_are_at_least_twelve_presets_of_two_families_with_their_own_ids() -> None:
    found = presets()
    assert len(found) >= 12
    assert len(presets("endoscope")) >= 7
    assert len(presets("portrait")) >= 4
    assert len({printer.number for printer in found.values()}) == len(found)
    assert all(len(printer.number) == 3 and printer.number.isdecimal() for printer in found.values())


def test_no_two_presets_look_alike() -> None:
    pictures = [picture(printer) for printer in presets().values()]
    for index, one in enumerate(pictures):
        for other in pictures[:index]:
            assert np.abs(one - other).mean() > 18


def test_a_preset_looks_the_same_in_every_data_set() -> None:
    assert (picture(presets()["amber"]) == picture(presets()["amber"])).all()


@pytest.mark.parametrize(
    "printer", [*presets().values(), *RANDOM], ids=lambda printer: f"{printer.family}-{printer.name}"
)
def test_every_printer_is_whole_and_its_camera_sees_the_nozzle(printer: Printer) -> None:
    assert printer.head.nozzle in NOZZLES
    assert set(printer.habits.filaments) <= set(FILAMENTS)
    assert set(printer.habits.shapes) <= set(SHAPES)
    lens = solve(printer.camera, 360, 640)
    column, row = lens.tip
    assert 0.3 * 640 < column < 0.7 * 640
    low, high = (0.22, 0.5) if printer.family == "endoscope" else (0.6, 0.85)
    assert low * 360 < row < high * 360
    assert lens.horizon < row


def test_random_printers_differ_and_come_again_with_their_seed() -> None:
    assert len(set(RANDOM)) == len(RANDOM)
    assert random_printer(0, 1, "endoscope") == RANDOM[0]


@pytest.mark.parametrize("name", presets("endoscope"))
def test_an_endoscope_picture_grows_brighter_towards_the_lens(name: str) -> None:
    luma = picture(presets()[name]) @ [0.299, 0.587, 0.114]
    bands = [band.mean() for band in np.array_split(luma, 6)]
    assert bands[5] > bands[3]
    assert bands[5] > 95
