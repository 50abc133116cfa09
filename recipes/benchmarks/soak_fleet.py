# part of: python recipes/benchmarks/soak.py
"""A tiny fleet that faults are tried on: how it is started, what it should come to, and what must never be found."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import psutil

import adaptprint

TRAINS = ("steps=6", "batch_size=4", "snapshots=2", "statistics_frames=8")
# Files that tell the time; all others are the same in every run with one seed.
TIMED = frozenset({"config.json", "README.md", "report.json", "report.html"})
OVERVIEW = ("fleet.csv", "fleet.html", "fleet.json")
_PATIENCE = 240.0
_LEAVING = 15.0
_SHOWN = 1500  # characters


@dataclass(frozen=True)
class Ended:
    """How a fleet's process ended.

    Attributes:
        code: Exit code; minus the signal where one killed it.
        said: All of its stderr.
        losses: What must not be: a process that hung or was left over, a traceback.
    """

    code: int
    said: str
    losses: list[str] = field(default_factory=list)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder that does not tell the time."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.name not in TIMED]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def half(run: Path) -> bool:
    """Whether a run folder is there without one of the files that tell the time, which have no digest."""
    told = [run / "report.json", *(run / model / "config.json" for model in ("checkpoint", "candidate"))]
    pages = [run / "report.html", *(run / model / "README.md" for model in ("checkpoint", "candidate"))]
    return run.exists() and not (all(map(is_json, told)) and all(page.is_file() for page in pages))


def is_json(file: Path) -> bool:
    """Whether a file holds JSON, and all of it."""
    try:
        json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


class TinyFleet:
    """Four rendered printers of three prints, a tiny source model, and what an undisturbed fleet makes of them.

    Args:
        work: An empty folder.
        seed: Decides every draw of the soak.
        targets: Printers of the fleet of many.
    """

    names = ("a", "b", "c", "d")

    def __init__(self, work: Path, seed: int, targets: int = 10_000) -> None:
        self.work, self.random, self.targets = work, random.Random(seed), targets
        self.source, self.halls = work / "source", work / "halls"
        known, drawn = work / "known", work / "drawn"
        adaptprint.synth(known, printers=["magpie", "amber", "brass"], prints=4, frames=3, size=(64, 64))
        adaptprint.synth(drawn, printers=["saffron", "dusk", "fog", "onyx"], prints=3, frames=3, size=(64, 64), seed=1)
        adaptprint.train(known, out=self.source, set=["width=64", "steps=20", "batch_size=8"], threads=1)
        self.halls.mkdir()
        for name, folder in zip(self.names, sorted((drawn / "images").iterdir()), strict=True):
            folder.rename(self.halls / name)
        self.file = self.write_file(work / "fleet.toml", self.halls)
        self.run(work / "expected")
        self.expected = {name: digests(work / "expected" / name) for name in self.names}
        self._spans: dict[int, float] = {}

    def write_file(self, file: Path, halls: Path, source: Path | None = None) -> Path:
        """A fleet file: one printer trains, so that it has a state to go on from; the others are quick."""
        trains = ", ".join(f'"{pair}"' for pair in TRAINS)
        file.write_text(
            f'source = "{source or self.source}"\nrecipe = "calibrate"\ntargets = "{halls}"\n\n'
            f'[[target]]\npath = "{halls}/b"\nrecipe = "dann-prior"\nset = [{trains}]\n',
            encoding="utf-8",
        )
        return file

    def run(self, out: Path, file: Path | None = None) -> "adaptprint.BatchResult":
        """The fleet, in this process, undisturbed."""
        return adaptprint.batch(file or self.file, out=out, threads=1)

    @cached_property
    def old(self) -> Path:
        """Finished runs of the same printers with another recipe, which a fleet replaces."""
        adaptprint.adapt_many(self.source, self.halls, out=self.work / "old", recipe="source-only", threads=1)
        return self.work / "old"

    def span(self, parallel: int) -> float:
        """Seconds of an undisturbed fleet, from the moment that it holds its folder."""
        if parallel not in self._spans:
            out = self.fresh("span")
            process = self.start(out, parallel)
            wait_for_start(out, process)
            started = time.monotonic()
            ended = self.wait(process)
            self._spans[parallel] = time.monotonic() - started
            if ended.code or ended.losses or self.half_written(out):
                raise SystemExit(f"an undisturbed fleet fails already: {ended}")
        return self._spans[parallel]

    def fresh(self, name: str) -> Path:
        """An output folder that is not there yet, in a folder of its own."""
        place = self.work / "out" / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        return place / "fleet"

    def start(
        self,
        out: Path,
        parallel: int,
        file: Path | None = None,
        environment: Mapping[str, str] | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> "subprocess.Popen[str]":
        """Starts the fleet as a process of its own, in a session of its own, with Ctrl-C let through."""

        def let_through() -> None:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if prepare is not None:
                prepare()

        words = ["batch", file or self.file, "--out", out, "--max-parallel", parallel, "--threads", parallel]
        return subprocess.Popen(
            [sys.executable, "-m", "adaptprint", *map(str, words)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
            env={**os.environ, **(environment or {})}, preexec_fn=let_through,
        )  # fmt: skip

    def wait(self, process: "subprocess.Popen[str]") -> Ended:
        """Waits for the end of a fleet and of every process that it started."""
        losses = []
        family = _family(process.pid)
        try:
            _, said = process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            family += _family(process.pid)
            os.killpg(process.pid, signal.SIGKILL)
            _, said = process.communicate()
            losses.append(f"it hung for {_PATIENCE:.0f} s")
        losses += [f"process {each} was left over" for each in _still_there([*family, *_session(process.pid)])]
        for word in ("Traceback", "internal error"):
            if word in said:
                losses.append(f"a traceback or an internal error was shown: {said[said.index(word) :][:_SHOWN]}")
        return Ended(process.returncode, said, losses)

    def half_written(self, out: Path, also: Sequence[Mapping[str, str]] = ()) -> list[str]:
        """What run folders are there but not whole; each must be the expected one, or one of ``also``."""
        losses = []
        for name in self.names:
            folder = out / name
            if not folder.exists():
                continue
            if half(folder) or digests(folder) not in (self.expected[name], *also):
                losses.append(f"{name} holds other bytes or half a run")
        if (out / "fleet.json").exists() and not is_json(out / "fleet.json"):
            losses.append("half an overview")
        return losses

    def repeat(self, out: Path, file: Path | None = None) -> list[str]:
        """The same command again, undisturbed: it must end with the expected bytes and nothing else in ``out``."""
        result = self.run(out, file)
        losses = [f"{one.target} failed afterwards: {one.error}" for one in result if one.error]
        losses += [
            f"{name} has other bytes afterwards, or is half a run"
            for name in self.names
            if not (out / name).is_dir() or half(out / name) or digests(out / name) != self.expected[name]
        ]
        found, promised = {file.name for file in out.iterdir()}, {*self.names, *OVERVIEW}
        if found != promised:
            losses.append(f"left in the fleet's folder: {sorted(found ^ promised)}")
        beside = [file.name for file in out.parent.iterdir() if file != out]
        return losses + [f"left beside the fleet's folder: {beside}"] * bool(beside)


def wait_for_start(out: Path, process: "subprocess.Popen[str]") -> None:
    """Until the fleet holds its folder; imports come before that."""
    while process.poll() is None and not (out / ".fleet" / "owner.json").exists():
        time.sleep(0.01)


def workers(process: "subprocess.Popen[str]", seconds: float = 60.0) -> list[psutil.Process]:
    """The working processes of a fleet, once there are any; none where it ended before."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(psutil.Error):
            found = [
                each for each in psutil.Process(process.pid).children() if "spawn_main" in " ".join(each.cmdline())
            ]
            if found:
                return found
        time.sleep(0.02)
    return []


def _still_there(processes: Sequence[psutil.Process]) -> list[int]:
    """Those that do not end within some seconds; they are killed. One that only waits to be buried has ended."""
    deadline = time.monotonic() + _LEAVING
    while left := [each for each in processes if _lives(each)]:
        if time.monotonic() > deadline:
            for each in left:
                with suppress(psutil.Error):
                    each.kill()
            break
        time.sleep(0.1)
    return [each.pid for each in left]


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _family(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return psutil.Process(pid).children(recursive=True)
    return []


def _session(session: int) -> list[psutil.Process]:
    """Whatever still runs in a session: children outlive a parent that was killed."""
    found = []
    for each in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError, PermissionError):
            if each.pid != session and os.getsid(each.pid) == session:
                found.append(each)
    return found
