"""The soak's checks can fail: each is shown what must never be found."""

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[2] / "recipes" / "benchmarks"
LEAVES_A_CHILD = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stderr=subprocess.DEVNULL)
print("Traceback (most recent call last):", file=sys.stderr)
"""


@pytest.fixture
def soak_fleet(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that judges what is left."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    module = importlib.import_module("soak_fleet")
    monkeypatch.setattr(module, "_LEAVING", 0.5)
    return module


@pytest.fixture
def fleet(soak_fleet: Any) -> Any:
    """One that nothing was rendered for: what an undisturbed fleet comes to is made up."""
    fleet = object.__new__(soak_fleet.TinyFleet)
    fleet.run = lambda out, file=None: [SimpleNamespace(target=name, error=None) for name in fleet.names]
    return fleet


@pytest.fixture
def finished(fleet: Any, soak_fleet: Any, tmp_path: Path) -> Path:
    """The folder of a fleet that ended well."""
    out = tmp_path / "place" / "fleet"
    for name in fleet.names:
        for model in ("checkpoint", "candidate"):
            (out / name / model).mkdir(parents=True)
            (out / name / model / "model.safetensors").write_text(name)
            (out / name / model / "README.md").write_text("a card")
            (out / name / model / "config.json").write_text("{}")
        (out / name / "report.html").write_text("a page")
        (out / name / "report.json").write_text("{}")
    for name in soak_fleet.OVERVIEW:
        (out / name).write_text("{}")
    fleet.expected = {name: soak_fleet.digests(out / name) for name in fleet.names}
    return out


def test_a_fleet_that_ended_well_loses_nothing(fleet: Any, finished: Path) -> None:
    assert fleet.half_written(finished) == []
    assert fleet.repeat(finished) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda out: (out / "a/checkpoint/model.safetensors").write_text("b"),
        lambda out: (out / "a/checkpoint/model.safetensors").unlink(),
        lambda out: (out / "a/new").write_text("of nobody"),
        lambda out: (out / "a/report.json").unlink(),
        lambda out: (out / "a/report.json").write_text('{"verdict": "sh'),
        lambda out: (out / "a/candidate/config.json").unlink(),
        lambda out: (out / "a/report.html").unlink(),
    ],
)
def test_half_a_run_and_other_bytes_are_found(spoil: Callable[[Path], Any], fleet: Any, finished: Path) -> None:
    spoil(finished)
    assert len(fleet.half_written(finished)) == 1
    assert len(fleet.repeat(finished)) == 1


def test_half_an_overview_is_found(fleet: Any, finished: Path) -> None:
    (finished / "fleet.json").write_text('[{"target"')
    assert fleet.half_written(finished) == ["half an overview"]


def test_leftovers_and_failures_are_found(fleet: Any, finished: Path) -> None:
    (finished / ".a.unfinished").mkdir()
    (finished.parent / ".partial").touch()
    fleet.run = lambda out, file=None: [SimpleNamespace(target="a", error="cause")]
    said = " ".join(fleet.repeat(finished))
    assert all(word in said for word in (".a.unfinished", ".partial", "cause"))


@pytest.mark.skipif(sys.platform != "linux", reason="sessions are looked through")
def test_a_process_that_is_left_over_and_a_traceback_are_found(fleet: Any) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LEAVES_A_CHILD], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    ended = fleet.wait(process)
    assert ended.code == 0
    assert len(ended.losses) == 2
    assert "left over" in ended.losses[0]
    assert "traceback" in ended.losses[1]
