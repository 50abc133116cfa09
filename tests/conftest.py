"""Tiny printers, one tiny source model for the whole session, and the command line: what end-to-end tests stand on."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

# One thread everywhere, in subprocesses too: small batches gain nothing from more, and sums keep their order.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# At home every run of a property test draws other examples; what CI finds must be found again.
settings.register_profile("ci", derandomize=True, database=None, deadline=None, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

COLUMNS = ("img_path", "printer_id", "print_id", "has_under_extrusion")
# Rendered printers by the id under which tests know them. 9 is the new one; 01 and 1 are two printers.
PRINTERS = {"01": "onyx", "1": "orchid", "03": "ember", "9": "olive", "10": "gunmetal", "20": "amber"}


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """stdout as the one strict JSON document it must be: no NaN, no Infinity."""
        return json.loads(self.stdout, parse_constant=_refuse_constant)


def pytest_configure() -> None:
    """Lets Ctrl-C through: a shell starts jobs in the background with it ignored, and children inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _refuse_constant(name: str) -> float:
    raise AssertionError(f"{name} is no JSON")


@pytest.fixture(scope="session")
def shoot() -> Callable[..., "list[np.ndarray[Any, np.dtype[np.uint8]]]"]:
    """Renders the frames of one print, (side, side, 3) uint8 each: white plastic, which hardly flows where ``bad``."""
    from adaptprint.synth.film import film_print
    from adaptprint.synth.jobs import FILAMENTS, draw_job
    from adaptprint.synth.presets import presets
    from adaptprint.synth.scene import set_scene

    @lru_cache(maxsize=256)
    def shoot(
        bad: bool, printer: str = "9", number: int = 0, frames: int = 1, side: int = 64
    ) -> "list[np.ndarray[Any, np.dtype[np.uint8]]]":
        preset = presets()[PRINTERS[printer]]
        job = draw_job(0, preset.name, preset.habits, number, int(bad))
        flow = replace(job.flow, ratio=0.35, gaps=0.9) if bad else job.flow
        job = replace(job, filament=FILAMENTS["white PLA"], away=0.0, flow=flow)
        film = film_print(set_scene(preset, side, side), job, 0, number, frames)
        return [frame.pixels for frame in film]

    return shoot


@pytest.fixture(scope="session")
def write_csv() -> Callable[..., Path]:
    """Writes a CSV: the header, then the rows."""

    def write(file: Path, rows: Sequence[Sequence[object]], columns: Sequence[str] = COLUMNS) -> Path:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", newline="", encoding="utf-8") as handle:
            csv.writer(handle).writerows([columns, *rows])
        return file

    return write


@pytest.fixture(scope="session")
def write_printers(shoot: Callable[..., Any], write_csv: Callable[..., Path]) -> Callable[..., Path]:
    """Writes frames of some printers in the competition layout; every other print is under-extruded."""

    def write(root: Path, printers: Sequence[str], prints: int = 6, frames: int = 4) -> Path:
        rows = []
        for printer in printers:
            for number in range(prints):
                for frame, pixels in enumerate(shoot(number % 2 == 1, printer, number, frames)):
                    name = f"{printer}/p{number}/{frame}.jpg"
                    file = root / "images" / name
                    file.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(pixels).save(file, quality=90)
                    rows.append((name, printer, f"{printer}-p{number}", number % 2))
        write_csv(root / "train.csv", rows)
        return root

    return write


@pytest.fixture(scope="session", autouse=True)
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder of this session's own, so that tests neither use nor fill the user's."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADAPTPRINT_CACHE", str(folder))
        yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def known(tmp_path_factory: pytest.TempPathFactory, write_printers: Callable[..., Path]) -> Path:
    """Labelled frames of three known printers."""
    return write_printers(tmp_path_factory.mktemp("known"), ("01", "1", "03"))


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory, write_printers: Callable[..., Path]) -> Path:
    """Frames of one new printer, 6 prints of 4 frames, with labels that adapt must not read."""
    return write_printers(tmp_path_factory.mktemp("new_printer"), ("9",))


@pytest.fixture(scope="session")
def tiny_training() -> tuple[str, ...]:
    """Settings of a training of a few seconds."""
    return (
        "width=64",
        "steps=40",
        "batch_size=8",
        "validate_every=4",
        "ema_decay=0.3",
        "memory_frames=36",
        "viewpoint=0",
    )


@pytest.fixture(scope="session")
def tiny_dann() -> tuple[str, ...]:
    """Settings of an adversarial adaptation of a few seconds."""
    return ("steps=4", "batch_size=4", "snapshots=1", "statistics_frames=8")


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory, known: Path, tiny_training: tuple[str, ...]) -> Iterator[Path]:
    """A tiny source model of the known printers, trained once. Tests that change it work on a copy."""
    from adaptprint import train

    folder = tmp_path_factory.mktemp("source")
    train(known, out=folder / "ckpt", set=tiny_training)
    yield folder / "ckpt"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def source_copy(source: Path, tmp_path: Path) -> Path:
    """The tiny source model, to be damaged."""
    return Path(shutil.copytree(source, tmp_path / "copy_of_source"))


@pytest.fixture(scope="session")
def cli() -> Callable[..., Outcome]:
    """Runs a command in this process, as the terminal would."""
    from typer.testing import CliRunner

    from adaptprint.cli.main import app

    def run(*words: object, stdin: str | None = None) -> Outcome:
        result = CliRunner().invoke(app, [str(word) for word in words], input=stdin)
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture(scope="session")
def start(session_cache: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Starts a command as a process of its own."""

    def start(*words: object, **options: Any) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "adaptprint", *map(str, words)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
        return subprocess.Popen(command, **pipes)

    return start


@pytest.fixture(scope="session")
def fails() -> Callable[..., str]:
    """Checks that a command failed as promised, and returns the line of cause and the line of fix."""

    def check(outcome: Outcome, code: int) -> str:
        assert outcome.code == code, outcome.stderr
        assert outcome.stdout == ""
        lines = outcome.stderr.splitlines()
        assert [line.split(": ")[0] for line in lines[-2:]] == ["error", "fix"], outcome.stderr
        assert sum(line.startswith(("error", "fix")) for line in lines) == 2, outcome.stderr
        assert "Traceback" not in outcome.stderr
        assert all(len(line.split(": ", 1)[1]) > 10 for line in lines[-2:]), outcome.stderr
        return "\n".join(lines[-2:])

    return check


@pytest.fixture(scope="session")
def digests() -> Callable[[Path], dict[str, str]]:
    """SHA-256 of every file of a run or checkpoint whose bytes a seed decides: all but those that tell the time."""
    import hashlib

    def read(folder: Path) -> dict[str, str]:
        timed = {"config.json", "README.md", "report.json", "report.html"}
        files = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.name not in timed]
        return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    return read
