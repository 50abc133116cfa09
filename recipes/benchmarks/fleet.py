# python recipes/benchmarks/fleet.py
"""What a fleet costs beside single runs, and that every engine writes the same models.

Nine rendered printers and three broken ones (a folder that stayed empty; a camera that answered with its login page; a
list of labelled prints with a class that the model does not know) go through `adapt` one by one, through `batch` in one
process, in two, and on Ray. All must come to the same verdicts, the same bytes of both models, and the same causes of
the three failures, or the script ends with 1. Then the first fleet runs once more: nine are up to date, three fail
again.

Every printer computes on one thread, whatever the engine; each frame was decoded before. Seconds are of whole
processes, start included. `in adapt` is the sum of the seconds that the runs' reports tell. `start` is what a lone run
takes beyond them: for the interpreter, imports, and its end. A fleet's own cost is what its workers had and neither
spent in `adapt` nor on one start each, idle ends of parallel ones included.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from machine import SOURCE, Row, forget_features, refuse_missing, report, use_cache

import adaptprint

PROGRAM = (sys.executable, "-m", "adaptprint")
PRINTERS = ("saffron", "dusk", "olive", "ember", "orchid", "fog", "onyx", "random-1", "random-2")
BROKEN = EMPTY, LOGIN, TYPO = ("camera-off", "camera-login", "label-typo")
MODELS = ("checkpoint/model.safetensors", "candidate/model.safetensors")
_LOGIN_PAGE = b"<html><title>401 Unauthorized</title><body>Log in to see the camera.</body></html>\n"


@dataclass(frozen=True)
class Way:
    """One way of adapting to all printers.

    Attributes:
        name: What it is called in the table.
        wall: Seconds.
        processor: Seconds, children included; ``None`` where the work is done by processes of someone else.
        workers: How many printers it works on at the same time.
        outcomes: By printer: verdict and digests of both models, or the cause.
        in_adapt: Seconds that the reports tell.
    """

    name: str
    wall: float
    processor: float | None
    workers: int
    outcomes: Mapping[str, tuple[str, ...]]
    in_adapt: float


@dataclass(frozen=True)
class Process:
    """What a process took and said."""

    wall: float
    processor: float
    errors: str


def make_fleet(place: Path, prints: int, frames: int) -> None:
    """Renders the printers into ``place/halls``, three of them broken, and writes the labels of one."""
    adaptprint.synth(place / "drawn", printers=list(PRINTERS), prints=prints, frames=frames, seed=101, jobs=2)
    halls = place / "halls"
    (place / "drawn" / "images").rename(halls)
    (halls / EMPTY).mkdir()
    for number in range(prints * frames):
        file = halls / LOGIN / f"print-{number % prints}" / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_LOGIN_PAGE)
    first = min(path for path in halls.iterdir() if path.name not in BROKEN)
    for file in first.rglob("*.jpg"):
        copy = halls / TYPO / file.relative_to(first)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.symlink_to(file)
    label = min(folder.name for folder in first.iterdir())
    (place / "labels.csv").write_text(f"print,class\n{label},undrextruded\n", encoding="utf-8")


def run(*words: str | Path, allowed: Sequence[int] = (0,)) -> Process:
    """Runs the program to its end, which looks at every frame anew, whatever ran before it.

    Raises:
        SystemExit: It ended with none of the ``allowed`` exit codes.
    """
    forget_features()
    with tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        process = subprocess.Popen([*PROGRAM, *map(str, words)], stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        wall, process.returncode = time.perf_counter() - started, os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = errors.read()
    if process.returncode not in allowed:
        raise SystemExit(f"`adaptprint {' '.join(map(str, words))}` ended with {process.returncode}:\n{said}")
    return Process(wall, usage.ru_utime + usage.ru_stime, said)


def models(run_folder: Path) -> tuple[str, ...]:
    """SHA-256 of both models of a run."""
    return tuple(hashlib.sha256((run_folder / name).read_bytes()).hexdigest() for name in MODELS)


class Bench:
    """All ways of adapting to one fleet.

    Args:
        source: A checkpoint.
        place: Where :func:`make_fleet` put the printers.
        recipe: By name.
    """

    def __init__(self, source: Path, place: Path, recipe: str) -> None:
        self.source, self.place, self.recipe = source.absolute(), place, recipe
        self.names = sorted(path.name for path in (place / "halls").iterdir())
        self.file = place / f"{recipe}.toml"
        self.file.write_text(
            f'source = "{self.source}"\ntargets = "halls"\nrecipe = "{recipe}"\n\n'
            f'[[target]]\npath = "halls/{TYPO}"\nlabels = "labels.csv"\n',
            encoding="utf-8",
        )
        self.alone: list[float] = []
        self.start = 0.0

    def single(self, name: str, out: Path) -> Process:
        """One printer in a process of its own."""
        labels = ("--labels", self.place / "labels.csv") if name == TYPO else ()
        words = ("--source", self.source, "--target", self.place / "halls" / name, "--recipe", self.recipe)
        return run("adapt", *words, "--out", out / name, "--threads", "1", "--quiet", *labels, allowed=(0, 4))

    def singles(self) -> Way:
        """Every printer in a process of its own; also learns what a lone run and its start take."""
        out = self.place / self.recipe / "single"
        outcomes, spent, processor, wall = {}, [], 0.0, 0.0
        for name in self.names:
            process = self.single(name, out)
            processor, wall = processor + process.processor, wall + process.wall
            if (out / name).is_dir():
                content = json.loads((out / name / "report.json").read_text(encoding="utf-8"))
                outcomes[name] = (content["verdict"], *models(out / name))
                spent.append(float(content["seconds"]))
                self.alone.append(process.wall)
            else:
                told = [line for line in process.errors.splitlines() if line.startswith("error: ")]
                outcomes[name] = (told[-1].removeprefix("error: "),)
        self.start = statistics.median(all_ - own for all_, own in zip(self.alone, spent, strict=True))
        return Way("single runs", wall, processor, 1, outcomes, sum(spent))

    def batch(self, name: str, folder: str, workers: int, *words: str, ours: bool = True) -> Way:
        """The fleet by one engine; a second call into the same folder finds most of it up to date."""
        out = self.place / self.recipe / folder
        process = run("batch", self.file, "--out", out, "--quiet", *words, allowed=(4,))
        rows = {row["target"]: row for row in json.loads((out / "fleet.json").read_text(encoding="utf-8"))["results"]}
        outcomes = {
            each: (row["cause"],) if row["error"] else (row["verdict"], *models(out / each))
            for each, row in rows.items()
        }
        in_adapt = sum(row["seconds"] for row in rows.values() if row["state"] == "adapted")
        return Way(name, process.wall, process.processor if ours else None, workers, outcomes, in_adapt)

    def own_cost(self, way: Way) -> float:
        """A fleet's own seconds for each printer."""
        return (way.workers * (way.wall - self.start) - way.in_adapt) / len(self.names)


def differences(ways: Sequence[Way]) -> list[str]:
    """Whatever is not as promised, a sentence each."""
    first = ways[0]
    wrong = [
        f"{name} came to {way.outcomes.get(name)} by {way.name}, to {outcome} by {first.name}"
        for way in ways[1:]
        for name, outcome in first.outcomes.items()
        if way.outcomes.get(name) != outcome
    ]
    failed = [name for name, outcome in first.outcomes.items() if len(outcome) == 1]
    if sorted(failed) != sorted(BROKEN) or len({first.outcomes[name] for name in failed}) != len(BROKEN):
        wrong.append(f"not the three broken ones failed, each in its own way, but {failed}")
    if ways[-1].in_adapt:
        wrong.append("the second call adapted to something again")
    return wrong


def measure(bench: Bench, with_ray: bool) -> tuple[list[Row], list[str], list[str]]:
    """The table of one recipe, what its figures say, and what is not as promised."""
    for name in bench.names:
        bench.single(name, bench.place / bench.recipe / "warm-up")  # decodes, and probes the machine's number format
    singles = bench.singles()
    ways = [singles, bench.batch("batch, one process", "one", 1, "--threads", "1")]
    ways.append(bench.batch("batch --max-parallel 2", "two", 2, "--max-parallel", "2", "--threads", "2"))
    if with_ray:
        ways.append(bench.batch("batch --executor ray", "ray", 2, "--executor", "ray", "--threads", "1", ours=False))
    ways.append(bench.batch("batch, once more", "one", 1, "--threads", "1"))
    rows: list[Row] = [
        {
            "way": way.name,
            "seconds": way.wall,
            "processor s": way.processor,
            "in adapt": way.in_adapt or None,
            "own cost a printer": bench.own_cost(way) if way is not singles and way.in_adapt else None,
            "wall saved": None if way is singles else f"{1 - way.wall / singles.wall:.0%}",
        }
        for way in ways
    ]
    lone, one = statistics.median(bench.alone), ways[1]
    says = [
        f"A lone run takes {lone:.1f} s, {bench.start:.1f} s of it start.",
        f"Overhead: {bench.own_cost(one) / lone:.1%} of a lone run for each printer in one process (goal: below 5 %).",
        f"Shared work saves {1 - one.wall / singles.wall:.0%} of the time of single runs (goal: 30 % or more).",
    ]
    return rows, says, differences(ways)


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=SOURCE, help="a checkpoint (default: the demo's)")
    parser.add_argument("--prints", type=int, default=6, help="of each printer")
    parser.add_argument("--frames", type=int, default=8, help="of each print")
    parser.add_argument("--recipe", nargs="+", default=["calibrate"], help="one table for each")
    parser.add_argument("--without-ray", action="store_true", help="where Ray is not installed")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    refuse_missing(options.source)
    tables: dict[str, list[Row]] = {}
    said, wrong = list[str](), list[str]()
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryDirectory() as folder:
        use_cache(Path(cache))
        # Ray's workers give way to all other processes, which the figures must not depend on.
        os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - its own spelling
        make_fleet(Path(folder), options.prints, options.frames)
        for recipe in options.recipe:
            rows, says, differ = measure(Bench(options.source, Path(folder), recipe), not options.without_ray)
            tables[f"Nine printers and three broken ones, recipe {recipe}"] = rows
            said += [f"{recipe}: {line}" for line in says]
            wrong += [f"{recipe}: {line}" for line in differ]
    report(tables, options.json)
    print("", *said, *(wrong or ["Same verdicts, same bytes of every model, same causes by every way."]), sep="\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
