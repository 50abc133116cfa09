# python recipes/benchmarks/recipes.py --source CKPT --target DIR
"""Wall time and peak memory of `adapt` for shipped recipes of every kind, side by side in one run, as whole processes.

Each recipe is run several times in turn (A B C A B C ...), so that a drift of the machine's speed hits all alike.
Frames lie decoded in the cache of the warm-up; the network looks at them in every run, as at a printer that it meets.
Prints a table of medians and of ratios to `source-only`, which does everything but adapt.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from machine import SOURCE, TARGET, Row, forget_features, measure_in_turn, refuse_missing, report, summed_up, use_cache

BASELINE = "source-only"
RECIPES = (BASELINE, "bn-early", "bn", "bn-prior", "calibrate", "prototype", "consensus", "dann-prior", "dann")


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=SOURCE, help="checkpoint (default: the demo's)")
    parser.add_argument("--target", type=Path, default=TARGET, help="frames (default: the demo's)")
    parser.add_argument("--recipes", default=",".join(RECIPES), help="which, between commas; `source-only` is needed")
    parser.add_argument("--runs", type=int, default=3, help="counted runs of each recipe, after one warm-up")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    refuse_missing(options.source, options.target)
    recipes = options.recipes.split(",")
    if BASELINE not in recipes:
        parser.error(f"--recipes needs {BASELINE}, which the ratios are to")
    adapt = [sys.executable, "-m", "adaptprint", "adapt", "--source", options.source, "--target", options.target]
    with tempfile.TemporaryDirectory() as folder:
        use_cache(Path(folder) / "cache")
        commands = {
            recipe: [*adapt, "--recipe", recipe, "--out", Path(folder) / recipe, "--overwrite", "--quiet", "--json"]
            for recipe in recipes
        }
        found = measure_in_turn(commands, options.runs, before_each=forget_features)
    figures = {recipe: summed_up(runs) for recipe, runs in found.items()}
    baseline = figures[BASELINE]["seconds"]
    rows: list[Row] = [
        {"recipe": recipe, **figure, "ratio": figure["seconds"] / baseline} for recipe, figure in figures.items()
    ]
    report({f"`adapt`, whole processes, medians of {options.runs}": rows}, options.json)


if __name__ == "__main__":
    main()
