"""Tiny printers, one tiny source model for the whole session, and the command line: what end-to-end tests stand on."""

import csv
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

# One thread everywhere, in subprocesses too: small batches gain nothing from more, and sums keep their order.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np
import pytest
from PIL import Image

TRAIN = ("width=64", "steps=8", "batch_size=8", "validate_every=4")
DANN = ("steps=4", "batch_size=4", "snapshots=2", "statistics_frames=8")
COLUMNS = ("img_path", "printer_id", "print_id", "has_under_extrusion")
# How each printer's camera colours what it sees (red, green, blue).
TINTS = {"01": (1.0, 0.9, 0.8), "02": (0.8, 1.0, 0.9), "03": (0.9, 0.8, 1.0), "9": (0.6, 0.7, 0.7), "10": (0.7, 0.6, 0.8)}


def paint(bad: bool, tint: Sequence[float], seed: int, side: int = 64) -> np.ndarray:
    """One frame (side, side, 3) uint8: a solid layer, or one with gaps between its lines where ``bad``."""
    rng = np.random.default_rng(seed)
    rows = (np.arange(side) + int(rng.integers(8)))[:, None] * np.ones((1, side))
    layer = np.where(bad & (rows % 8 < 4), 50.0, 170.0) + rng.normal(0, 12, (side, side))
    return (layer[..., None] * np.asarray(tint)).clip(0, 255).astype(np.uint8)


def write_printers(root: Path, printers: Sequence[str], prints: int = 6, frames: int = 4, seed: int = 0) -> Path:
    """Labelled frames in the competition layout; every other print is under-extruded."""
    rows = []
    for printer in printers:
        for number in range(prints):
            bad = number % 2
            for frame in range(frames):
                name = f"{printer}/p{number}/{frame}.jpg"
                file = root / "images" / name
                file.parent.mkdir(parents=True, exist_ok=True)
                own = seed + 10_000 * list(TINTS).index(printer) + 100 * number + frame
                Image.fromarray(paint(bool(bad), TINTS[printer], own)).save(file, quality=90)
                rows.append((name, printer, f"{printer}-p{number}", bad))
    write_csv(root / "train.csv", COLUMNS, rows)
    return root


def write_csv(file: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([columns, *rows])


@pytest.fixture(scope="session", autouse=True)
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder of this session's own, so that tests neither use nor fill the user's."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADAPTPRINT_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled frames of three known printers."""
    return write_printers(tmp_path_factory.mktemp("known"), ("01", "02", "03"))


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames of one new printer, in the competition layout, with labels."""
    return write_printers(tmp_path_factory.mktemp("target"), ("9",))


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory, known: Path) -> Iterator[Path]:
    """A tiny source model of the known printers. Tests that change it work on a copy."""
    from adaptprint import train

    folder = tmp_path_factory.mktemp("source")
    train(known, out=folder / "ckpt", set=TRAIN)
    yield folder / "ckpt"
    shutil.rmtree(folder, ignore_errors=True)
