"""synth for the terminal: what it counts and what it says at the end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from adaptprint import synth
from adaptprint.reporting.progress import Progress


def test_one_frame_of_one_print_is_no_plural(cli: Callable[..., Any], tmp_path: Path) -> None:
    words = ("synth", tmp_path / "data", "--printers", "onyx", "--prints", 1, "--frames", 1, "--quiet")
    assert cli(*words).stdout == f"1 frame of 1 print on 055 -> {tmp_path / 'data'}\n"


def test_progress_is_told_in_prints(tmp_path: Path) -> None:
    told: list[Progress] = []
    synth(tmp_path / "data", printers=["onyx"], prints=2, frames=1, size=(48, 64), progress=told.append)
    assert {event.stage for event in told} == {"rendering prints"}
    assert told[-1].total == 2
