# python recipes/benchmarks/kill.py --rounds 10
"""Kills `adapt` with signal 9 at random moments: the run folder must be absent or whole, and --resume must finish it.

Every second round starts with a finished older run in the same place, to be replaced by --overwrite. After each kill
the folder must be absent, or hold the older run whole, or the new one; the same command with --resume must then end
with the very bytes of a run that was never disturbed. Moments are drawn from the first frame read to the last file
written, one from each of as many equal parts. Ends with 1 if a promise was broken.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import adaptprint
from adaptprint.reporting.progress import Progress

SETTINGS = ("steps=8", "batch_size=4", "snapshots=2", "statistics_frames=8")
# Files that tell the time; all others are the same in every run with one seed.
TIMED = {"config.json", "README.md", "report.json", "report.html"}
# A killed process also reads settings, draws curves and flushes the disk; the end must be within reach.
LATE = 1.2


@dataclass(frozen=True)
class Round:
    """What one kill came to.

    Attributes:
        moment: Seconds from the first frame read to the kill.
        stage: What the process said last.
        left: ``nothing``, ``old run``, ``new run``, or ``BROKEN`` and why.
        scratch: What lay in the hidden folder of unfinished work.
        redone: Training steps that --resume still had to do; ``None`` where the run had been finished.
        ends: ``same bytes``, or ``BROKEN`` and why.
    """

    moment: float
    stage: str
    left: str
    scratch: str
    redone: int | None
    ends: str

    @property
    def ok(self) -> bool:
        """Whether every promise was kept."""
        return "BROKEN" not in self.left + self.ends


def digests(run: Path) -> dict[str, str]:
    """SHA-256 of every file of a run that does not tell the time."""
    files = [file for file in sorted(run.rglob("*")) if file.is_file() and file.name not in TIMED]
    return {str(file.relative_to(run)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


class Soak:
    """Runs one adaptation again and again.

    Args:
        source: A checkpoint.
        target: Frames of one printer.
        work: An empty folder.
        settings: ``key=value`` overrides of the recipe ``dann-prior``.
    """

    def __init__(self, source: Path, target: Path, work: Path, settings: Sequence[str] = SETTINGS) -> None:
        self.source, self.target, self.work, self.settings = source, target, work, settings
        self.out = work / "soak" / "run"
        self.hidden = self.out.parent / f".{self.out.name}.unfinished"
        self.events: list[tuple[float, Progress]] = []
        self.new = digests(self.adapt(work / "reference"))
        self.span = time.monotonic() - self.events[0][0]
        old = work / "old"
        adaptprint.adapt(source, target, out=old, recipe="source-only", threads=1)
        self.old = digests(old)

    def adapt(self, out: Path, resume: bool = False) -> Path:
        """Adapts in this process and notes what it reports."""
        self.events.clear()
        return adaptprint.adapt(
            self.source, self.target, out=out, recipe="dann-prior", set=self.settings, threads=1, resume=resume,
            overwrite=resume, progress=lambda event: self.events.append((time.monotonic(), event)),
        ).out  # fmt: skip

    def round(self, moment: float, over_old: bool) -> Round:
        """Kills a run ``moment`` seconds after its first frame, looks at what is left, and finishes it."""
        shutil.rmtree(self.out.parent, ignore_errors=True)
        if over_old:
            shutil.copytree(self.work / "old", self.out, copy_function=os.link)
        stage = self.start_and_kill(moment, over_old)
        left = self.judge_what_is_left(over_old)
        scratch = ", ".join(sorted(file.name for file in self.hidden.iterdir())) if self.hidden.is_dir() else "gone"
        if left == "new run":
            return Round(moment, stage, left, scratch, None, "same bytes")
        self.adapt(self.out, resume=True)
        redone = sum(event.stage == "adapting" for _, event in self.events)
        ends = "same bytes" if digests(self.out) == self.new else "BROKEN: other bytes after --resume"
        if [file.name for file in self.out.parent.iterdir()] != [self.out.name]:
            ends = f"BROKEN: leftovers beside {self.out}"
        return Round(moment, stage, left, scratch, redone, ends)

    def start_and_kill(self, moment: float, over_old: bool) -> str:
        """Starts adapt as a process of its own and kills it; returns the stage that it had begun."""
        words = ["--source", self.source, "--target", self.target, "--out", self.out, "--recipe", "dann-prior"]
        words += [word for pair in self.settings for word in ("--set", pair)]
        words += ["--threads", "1", *(["--overwrite"] if over_old else [])]
        command = [sys.executable, "-m", "adaptprint", "adapt", *map(str, words)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            first = process.stderr.readline()
            time.sleep(moment)
            process.kill()
            said = [first, *process.stderr]
        begun = [line.removesuffix(" ...\n") for line in said if line.endswith(" ...\n")]
        return begun[-1] if begun else said[-1].strip()

    def judge_what_is_left(self, over_old: bool) -> str:
        """Whether the run folder is absent or whole."""
        if not self.out.exists():
            return "nothing"
        found = digests(self.out)
        if found not in (self.old, self.new):
            return "BROKEN: half a run"
        json.loads((self.out / "report.json").read_text(encoding="utf-8"))
        for model in ("checkpoint", "candidate"):
            adaptprint.load(self.out / model)
        if found == self.new:
            return "new run"
        return "old run" if over_old else "BROKEN: an older run from nowhere"


def soak(
    source: Path, target: Path, work: Path, rounds: int, seed: int = 0, settings: Sequence[str] = SETTINGS
) -> list[Round]:
    """Kills and resumes ``rounds`` times; prints a line for each.

    Args:
        source: A checkpoint.
        target: Frames of one printer.
        work: An empty folder; needs a gigabyte.
        rounds: How many kills.
        seed: Decides the moments.
        settings: ``key=value`` overrides of the recipe ``dann-prior``.
    """
    bench = Soak(source, target, work, settings)
    rng = random.Random(seed)
    print(f"an undisturbed run takes {bench.span:.1f} s from its first frame\n")
    print(f"{'round':>5}  {'killed':>8}  {'during':<30}  {'left':<8}  {'steps redone':<12}  {'ends':<10}  scratch")
    results = []
    for number in range(rounds):
        moment = LATE * bench.span * (number + rng.random()) / rounds
        result = bench.round(moment, over_old=number % 2 == 1)
        results.append(result)
        redone = "finished" if result.redone is None else str(result.redone)
        print(
            f"{number + 1:>5}  {result.moment:>6.2f} s  {result.stage:<30}  {result.left:<8}  {redone:<12}  "
            f"{result.ends:<10}  {result.scratch}",
            flush=True,
        )
    return results


def make_inputs(work: Path) -> tuple[Path, Path]:
    """A small source model of three rendered printers, and frames of a fourth."""
    known, target, source = work / "known", work / "target", work / "source"
    adaptprint.synth(known, printers=["magpie", "amber", "brass"], prints=4, frames=4, size=(64, 64))
    adaptprint.synth(target, printers=["saffron"], prints=6, frames=4, size=(64, 64), seed=1)
    adaptprint.train(known, out=source, set=["width=64", "steps=20", "batch_size=8"], threads=1)
    return source, target


def main() -> None:
    """Runs the soak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="how many kills")
    parser.add_argument("--seed", type=int, default=0, help="decides the moments")
    parser.add_argument("--source", type=Path, help="a checkpoint; else a small one is trained on rendered printers")
    parser.add_argument("--target", type=Path, help="frames of one printer; else a rendered one")
    options = parser.parse_args()
    if (options.source is None) != (options.target is None):
        parser.error("--source and --target go together")
    with tempfile.TemporaryDirectory(prefix="adaptprint-kill-") as folder:
        work = Path(folder)
        source, target = (options.source, options.target) if options.source else make_inputs(work)
        results = soak(source, target, work, options.rounds, options.seed)
    broken = sum(not result.ok for result in results)
    print(f"\n{len(results) - broken} of {len(results)} rounds kept every promise")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
