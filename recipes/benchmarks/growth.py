# python recipes/benchmarks/growth.py --source CKPT --target DIR --most 100000
"""Does `adapt` grow with the target? Time and memory of its stages for 1,000, 10,000, 100,000 ... frames of a printer.

The frames of the target are repeated, each with a few bytes of its own behind the image's end: other content to every
digest and cache, the same picture. Every run is a process of its own. So that both can be seen, the first recipe of
each size meets an empty cache of decoded frames, and the second what the first left there: all of them, as long as
they fit into ADAPTPRINT_CACHE_GB (8, which 100,000 frames of 224 x 128 just pass). The network looks at all frames in
every run. Needs about 0.25 MB of disk a
frame, and tens of minutes at 100,000 frames on two cores; `--least 100000 --recipes bn-early` runs nothing else.

A stage is what `adapt` reports as one; what was done in silence before its first event, its first batch included, is
named after it. `peak MiB` is the most that the process had held by the stage's end, mapped files included; `own MiB`
is what it held at that moment without them: the system can drop what is mapped, and cannot what is the process's own.
"""

import argparse
import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from machine import SOURCE, TARGET, Row, forget_features, measure, refuse_missing, report, use_cache

if TYPE_CHECKING:  # the measuring process must stay small (see `machine.py`)
    from adaptprint.reporting.progress import Progress

RECIPES = ("calibrate", "dann-prior")
IMAGES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
PER_PRINT = 200
BYTES_PER_FRAME = 250_000  # the file, its pixels in the cache, and in the mapped array
# Shorter silences are counted to the stage that they precede.
WORTH_A_ROW = 0.25


@dataclass
class Stage:
    """What one stage of a run took."""

    name: str
    seconds: float = 0.0
    peak: float = 0.0
    own: float | None = None


class Stages:
    """Listens to the progress of a run and cuts its time into stages."""

    def __init__(self) -> None:
        self.found: list[Stage] = []
        self._last, self._name = time.perf_counter(), ""

    def __call__(self, event: "Progress") -> None:
        """Takes one event; the time since the last one was spent on what this one reports."""
        name = "examining candidates" if event.stage.startswith(("examining", "looking up")) else event.stage
        silence = time.perf_counter() - self._last
        self._spend(f"before: {name}" if name != self._name and silence > WORTH_A_ROW else name)
        self._name = name

    def end(self) -> list[Row]:
        """The stages in order, ended by what no event told."""
        self._spend("after the last event: the run folder")
        return [
            {"stage": stage.name, "seconds": stage.seconds, "peak MiB": stage.peak, "own MiB": stage.own}
            for stage in self.found
        ]

    def _spend(self, name: str) -> None:
        now = time.perf_counter()
        stage = next((stage for stage in self.found if stage.name == name), None)
        if stage is None:
            self.found.append(stage := Stage(name))
        stage.seconds += now - self._last
        stage.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
        stage.own = _own_memory()
        self._last = now


def _own_memory() -> float | None:
    """MiB that this process holds without mapped files; None where the system does not tell."""
    try:
        _, resident, shared, *_ = map(int, Path("/proc/self/statm").read_text(encoding="ascii").split())
    except OSError:  # not Linux
        return None
    return (resident - shared) * resource.getpagesize() / 2**20


def images_of(target: Path) -> list[Path]:
    """The image files below a folder, sorted."""
    found = sorted(path for path in target.rglob("*") if path.suffix.lower() in IMAGES)
    if not found:
        raise SystemExit(f"{target} holds no images.")
    return found


def write_frames(images: Sequence[Path], folder: Path, n: int) -> Path:
    """Fills a folder up to ``n`` frames in prints of :data:`PER_PRINT`; no two files are alike.

    Args:
        images: What the frames show, in turn.
        folder: Written as ``print-00000/0000000.jpg``; may hold the first frames of the same images already.
        n: How many frames there shall be.
    """
    contents = cycle([(image.suffix, image.read_bytes()) for image in images])
    for number, (suffix, content) in zip(range(n), contents, strict=False):
        file = folder / f"print-{number // PER_PRINT:05}" / f"{number:07}{suffix}"
        if number % PER_PRINT == 0:
            file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.write_bytes(content + number.to_bytes(8, "big"))
    return folder


def run_here(options: argparse.Namespace) -> None:
    """Adapts in this process and writes its stages as JSON."""
    stages = Stages()
    import adaptprint

    adaptprint.adapt(
        options.source, options.target, out=options.run_into / "run", recipe=options.recipe, set=options.set,
        threads=options.threads, overwrite=True, progress=stages,
    )  # fmt: skip
    (options.run_into / "stages.json").write_text(json.dumps(stages.end()), encoding="utf-8")


def run_apart(options: argparse.Namespace, target: Path, recipe: str, work: Path) -> list[Row]:
    """Adapts in a process of its own; the stages, then the whole process."""
    command = [sys.executable, __file__, "--source", options.source, "--target", target, "--run-into", work]
    command += ["--recipe", recipe, *(word for pair in options.set for word in ("--set", pair))]
    command += ["--threads", options.threads] if options.threads else []
    whole = measure(command)
    stages = json.loads((work / "stages.json").read_text(encoding="utf-8"))
    return [*stages, {"stage": "whole process", "seconds": whole.seconds, "peak MiB": whole.peak, "own MiB": None}]


def measure_growth(options: argparse.Namespace, images: Sequence[Path], work: Path) -> dict[str, list[Row]]:
    """One table for each recipe."""
    recipes = options.recipes.split(",")
    tables: dict[str, list[Row]] = {f"`adapt --recipe {recipe}`": [] for recipe in recipes}
    for size in sizes(options.least, options.most):
        target = write_frames(images, work / "target", size)
        cache = work / "cache"
        use_cache(cache)
        for recipe, rows in zip(recipes, tables.values(), strict=True):
            print(f"{size:,} frames, {recipe} ...", file=sys.stderr, flush=True)
            forget_features()
            rows += ({"frames": size, **row} for row in run_apart(options, target, recipe, work))
        shutil.rmtree(cache)
    return tables


def sizes(least: int, most: int) -> Iterator[int]:
    """``least``, ten times that and so on up to ``most``, which is the last."""
    size = least
    while size < most:
        yield size
        size *= 10
    yield most


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=SOURCE, help="checkpoint (default: the demo's)")
    parser.add_argument("--target", type=Path, default=TARGET, help="frames to repeat (default: the demo's)")
    parser.add_argument("--least", type=int, default=1000, help="frames of the smallest target")
    parser.add_argument("--most", type=int, default=100_000, help="frames of the largest target")
    parser.add_argument("--recipes", default=",".join(RECIPES), help="recipes, the first on an empty cache")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="setting of the recipes")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--work", type=Path, help="folder with enough room for the frames (default: a temporary one)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--recipe", help=argparse.SUPPRESS)
    parser.add_argument("--run-into", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run_into is not None:
        run_here(options)
        return
    refuse_missing(options.source, options.target)
    images = images_of(options.target)
    with tempfile.TemporaryDirectory(dir=options.work, prefix="adaptprint-growth-") as folder:
        work = Path(folder)
        if shutil.disk_usage(work).free < options.most * BYTES_PER_FRAME:
            needed = options.most * BYTES_PER_FRAME / 1e9
            raise SystemExit(f"{needed:.0f} GB of disk are needed: name a folder with --work, or lower --most.")
        report(measure_growth(options, images, work), options.json)


if __name__ == "__main__":
    main()
