# python recipes/benchmarks/speedups.py --source recipes/demo_source --json speedups.json
"""Is accuracy given away for speed? `adapt` with and without each setting that saves time, on three rendered printers.

Every variant is a whole process on the same frames; scored is balanced accuracy over further prints of the same
printer, by the model that was adapted (candidate/), whatever the verdict. Variants take turns on each printer.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from machine import SOURCE, Row, forget_features, measure, refuse_missing, report, use_cache
from one_printer import Wanted, render_printer

VARIANTS: dict[str, tuple[str, ...]] = {
    "source-only": (),
    "calibrate": (),
    "calibrate coreset_frames=200": ("coreset_frames=200",),
    "dann-prior": (),
    "dann-prior frozen=none": ("frozen=none",),
    "dann-prior frozen=layer3": ("frozen=layer3",),
    "dann-prior statistics_frames=512": ("statistics_frames=512",),
}
"""Settings by a name that begins with the recipe's."""


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=SOURCE, help="checkpoint of the source")
    parser.add_argument("--printers", default="saffron,dusk,random-1", help="names of presets or random-<n>")
    parser.add_argument("--prints", type=int, default=40, help="unlabelled prints of each printer")
    parser.add_argument("--frames", type=int, default=25, help="frames of each")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    refuse_missing(options.source)
    seconds: dict[str, list[float]] = {name: [] for name in VARIANTS}
    scores: dict[str, list[float]] = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        use_cache(work / "cache")
        program = (sys.executable, "-m", "adaptprint")
        for printer in options.printers.split(","):
            frames = render_printer(
                printer, work / printer, Wanted(options.prints, options.frames, 0.3), Wanted(40, 8, 0.5)
            )
            for name, settings in VARIANTS.items():
                recipe = ("--recipe", name.split()[0])
                words = [word for pair in settings for word in ("--set", pair)]
                forget_features()
                taken = measure([*program, "adapt", "--source", options.source, "--target", frames.target,
                                 "--out", work / "run", "--overwrite", "--quiet", *recipe, *words])  # fmt: skip
                seconds[name].append(taken.seconds)
                scores[name].append(_score(work / "run" / "candidate", frames.scored))
                print(f"{printer}, {name}: {taken.seconds:.0f} s, {scores[name][-1]:.3f}", file=sys.stderr, flush=True)
    rows: list[Row] = [
        {
            "variant": name,
            "seconds, median": statistics.median(seconds[name]),
            "balanced accuracy, mean": statistics.mean(scores[name]),
        }
        | dict(zip(options.printers.split(","), scores[name], strict=True))
        for name in VARIANTS
    ]
    report({f"{options.prints * options.frames:,} frames of each printer": rows}, options.json)


def _score(model: Path, data: Path) -> float:
    import adaptprint

    return adaptprint.evaluate(model, data).metrics.print_balanced_accuracy or 0.0


if __name__ == "__main__":
    main()
