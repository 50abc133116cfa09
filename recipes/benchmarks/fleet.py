# python recipes/benchmarks/fleet.py --source CKPT --target DIR --printers 12
"""What a fleet costs: as many single runs of `adapt`, `batch` in one process and in several, and `batch` once more.

Every printer of the fleet is a link to the same folder, so that all cost the same; decoded frames are in the cache from
the first run on, which is not counted. Seconds are of whole processes, start included. Processor seconds say the same
on a machine that does other things beside. `in adapt` is the sum of the seconds that the runs' reports tell: what a
fleet takes beyond them, less what it takes to find that all is up to date, is its own cost.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from machine import SOURCE, TARGET, Row, refuse_missing, report

PROGRAM = (sys.executable, "-m", "adaptprint")


@dataclass(frozen=True)
class Cost:
    """What processes took.

    Attributes:
        seconds: Wall time.
        processor: Processor time, children included.
    """

    seconds: float
    processor: float


def cost(*words: str | Path) -> Cost:
    """Runs the program to its end.

    Raises:
        SystemExit: It failed.
    """
    started = time.perf_counter()
    process = subprocess.Popen([*PROGRAM, *map(str, words)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"`adaptprint {' '.join(map(str, words))}` ended with {process.returncode}")
    return Cost(time.perf_counter() - started, usage.ru_utime + usage.ru_stime)


def in_adapt(*runs: Path) -> float:
    """Sum of the seconds that reports tell."""
    return sum(float(json.loads((run / "report.json").read_text(encoding="utf-8"))["seconds"]) for run in runs)


def measure(source: Path, target: Path, n: int, recipe: str, parallel: int, place: Path) -> list[Row]:
    """One row for each way of adapting to ``n`` printers."""
    names = [f"printer-{number:02}" for number in range(n)]
    (place / "halls").mkdir()
    for name in names:
        (place / "halls" / name).symlink_to(target.absolute())
    fleet = place / "fleet.toml"
    fleet.write_text(f'source = "{source.absolute()}"\ntargets = "halls"\nrecipe = "{recipe}"\n', encoding="utf-8")

    def single(name: str) -> Cost:
        words = ("--source", source, "--target", place / "halls" / name, "--recipe", recipe)
        return cost("adapt", *words, "--out", place / "single" / name, "--quiet")

    def batch(out: str, *words: str) -> Cost:
        return cost("batch", fleet, "--out", place / out, "--quiet", *words)

    single(names[0])  # decodes, and probes the machine's number format
    shutil.rmtree(place / "single")
    singles = [single(name) for name in names]
    alone = Cost(sum(one.seconds for one in singles), sum(one.processor for one in singles))
    runs = {f"{n} single runs": (alone, place / "single")}
    runs["batch, one process"] = batch("one"), place / "one"
    runs[f"batch --max-parallel {parallel}"] = batch("several", "--max-parallel", str(parallel)), place / "several"
    again = batch("one")
    rows: list[Row] = [
        {
            "way": way,
            "seconds": taken.seconds,
            "a printer": taken.seconds / n,
            "processor s": taken.processor,
            "in adapt": in_adapt(*(out / name for name in names)),
            "wall saved": f"{1 - taken.seconds / alone.seconds:.0%}",
            "processor saved": f"{1 - taken.processor / alone.processor:.0%}",
        }
        for way, (taken, out) in runs.items()
    ]
    return [
        *rows,
        {
            "way": "batch again, all up to date", "seconds": again.seconds, "a printer": again.seconds / n,
            "processor s": again.processor, "in adapt": None, "wall saved": None, "processor saved": None,
        },
    ]  # fmt: skip


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=SOURCE, help="a checkpoint (default: the demo's)")
    parser.add_argument("--target", type=Path, default=TARGET, help="frames of one printer")
    parser.add_argument("--printers", type=int, default=12, help="size of the fleet")
    parser.add_argument("--recipe", default="calibrate")
    parser.add_argument("--max-parallel", type=int, default=2)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    refuse_missing(options.source, options.target)
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryDirectory() as place:
        os.environ["ADAPTPRINT_CACHE"] = cache
        rows = measure(
            options.source, options.target, options.printers, options.recipe, options.max_parallel, Path(place)
        )
    report({f"A fleet of {options.printers} printers, recipe {options.recipe}": rows}, options.json)


if __name__ == "__main__":
    main()
