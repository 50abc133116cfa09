# python recipes/benchmarks/recipes.py --source CKPT --target DIR
"""Wall time and peak memory of `adapt` for every shipped recipe, side by side in one run, as whole processes.

Each recipe is run several times in turn (A B C A B C ...), so that a drift of the machine's speed hits all alike.
Prints a table of medians and of ratios to `source-only`, which does everything but adapt.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RECIPES = ("source-only", "bn-early", "bn", "dann")


def measure(source: Path, target: Path, recipe: str, out: Path) -> tuple[float, float]:
    """Seconds and peak memory (MiB) of one `adapt` process."""
    command = [sys.executable, "-m", "adaptprint", "adapt", "--source", str(source), "--target", str(target)]
    command += ["--recipe", recipe, "--out", str(out), "--overwrite", "--quiet", "--json"]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"`{' '.join(command)}` failed")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=Path("demo/source"), help="checkpoint (default: the demo's)")
    parser.add_argument("--target", type=Path, default=Path("demo/new_printer"), help="frames (default: the demo's)")
    parser.add_argument("--runs", type=int, default=3, help="counted runs of each recipe, after one warm-up")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    if not options.source.is_dir() or not options.target.exists():
        raise SystemExit(f"{options.source} or {options.target} is missing: run `make demo` first, or name both.")
    figures: dict[str, list[tuple[float, float]]] = {recipe: [] for recipe in RECIPES}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(options.runs + 1):
            for recipe in RECIPES:
                found = measure(options.source, options.target, recipe, Path(folder) / recipe)
                if turn > 0:
                    figures[recipe].append(found)
    baseline = statistics.median(seconds for seconds, _ in figures["source-only"])
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {options.runs} runs each, medians")
    print(f"{'recipe':<12} {'seconds':>8} {'ratio':>6} {'peak MiB':>9}")
    for recipe, runs in figures.items():
        seconds, peak = (statistics.median(column) for column in zip(*runs, strict=True))
        print(f"{recipe:<12} {seconds:8.1f} {seconds / baseline:6.2f} {peak:9.0f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
