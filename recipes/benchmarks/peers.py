# python recipes/benchmarks/peers.py --source recipes/demo_source --json peers.json
"""`adapt` against the plain pytorch-adapt loop and skada's DANN: wall time to the same accuracy, and images/s per step.

On each printer all start from the same source model, see the same labelled source frames (the checkpoint's memory)
and the same unlabelled target frames, and are scored by balanced accuracy over further prints of the same
printer, in the mode that ships. The accuracy to reach is that of the model which `adapt` wrote to candidate/, whatever
its verdict.

The clock favours the peers. `adapt` counts as a whole process, with imports, diagnostics, verdict and report, on
frames it has never seen; the peers' clock leaves out their imports and all scoring, and stops at the first moment at
which the labels say that the accuracy is reached, which nobody without labels can know. A peer that never gets there
counts with the seconds it had (>). A printer on which `adapt` gains nothing is shown, but there is nothing to reach
on it and no ratio. With the defaults the peers train for an hour. skada is optional: pip install "skada[deep]==0.6.0".
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from itertools import pairwise
from pathlib import Path

from machine import SOURCE, forget_features, machine, refuse_missing, use_cache
from one_printer import Wanted, render_printer
from peer_loops import Course, PeerTask, plain_loop, skada_dann, write_source_frames

import adaptprint
from adaptprint.adaptation.recipe import load_recipe
from adaptprint.frames.pixels import Pixels
from adaptprint.models.embed import embed
from adaptprint.models.metrics import balanced_accuracy, decide, print_labels, print_probabilities
from adaptprint.models.network import PrintNet
from adaptprint.reporting.progress import Progress, silent
from adaptprint.workflows.inputs import open_labelled, read_pixels
from adaptprint.workflows.model import Model

BAD_SHARE, NEXT_BAD_SHARE = 0.3, 0.5
TIMED_STEPS = 12
TRAINING_RECIPE = "dann-prior"  # whose steps are timed: the default recipe need not train at all
Peer = Callable[[PeerTask], Course]


@dataclass(frozen=True)
class Outcome:
    """What everybody came to on one printer.

    Attributes:
        source: Score of the source model.
        adapted: Score of the model in `adapt`'s candidate/: the accuracy A that the peers are to reach.
        shipped: Score of the model in its checkpoint/.
        verdict: Why the two may differ.
        seconds: Wall time of `adapt`, the whole process.
        images_per_second: In its training steps.
        peers: The course of each peer's training.
    """

    source: float
    adapted: float
    shipped: float
    verdict: str
    seconds: float
    images_per_second: float
    peers: dict[str, Course]

    @property
    def gains(self) -> bool:
        """Whether `adapt` made the source model better, so that there is something to reach."""
        return self.adapted > self.source

    def seconds_to(self, peer: str) -> tuple[float, bool]:
        """A peer's seconds to A, and whether it got there; if not, they are a lower bound."""
        course = self.peers[peer]
        reached = course.seconds_to(self.adapted)
        return (course.seconds, False) if reached is None else (reached, True)


def say(what: str) -> None:
    """Tells a waiting user what happens, beside the tables."""
    print(what, file=sys.stderr, flush=True)


def score(model: Model, pixels: Pixels, network: PrintNet) -> float:
    """Balanced accuracy over labelled prints of a network with the source model's classes and threshold."""
    config, table = model.checkpoint.config, pixels.table
    found = print_probabilities(embed(network, pixels.array, model.compute).probabilities, table.print_codes)
    calls = decide(found, config.threshold)
    return balanced_accuracy(calls, print_labels(table, config.classes), len(config.classes))


def adapt_process(source: Path, target: Path, out: Path) -> tuple[float, str]:
    """Seconds of one `adaptprint adapt` as a whole process, and its verdict."""
    command = [sys.executable, "-m", "adaptprint", "adapt", "--source", str(source), "--target", str(target)]
    command += ["--out", str(out), "--quiet", "--json"]
    started = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE)
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(f"`{' '.join(command)}` failed")
    return seconds, json.loads(done.stdout)["verdict"]


class _EnoughStepsError(Exception):
    """Ends an adaptation that was only begun to time its steps."""


def step_rate(source: Path, target: Path, out: Path) -> float:
    """Images per second in the median of the first steps of a recipe that trains, both domains counted."""
    moments: list[float] = []

    def note(event: Progress) -> None:
        if event.stage == "adapting":
            moments.append(time.perf_counter())
            if len(moments) > TIMED_STEPS:
                raise _EnoughStepsError

    with suppress(_EnoughStepsError):
        adaptprint.adapt(source, target, out=out, recipe=TRAINING_RECIPE, progress=note)
    median = statistics.median(later - earlier for earlier, later in pairwise(moments))
    return 2 * load_recipe(TRAINING_RECIPE).recipe.batch_size / median


def measure(printer: str, model: Model, peers: dict[str, Peer], options: argparse.Namespace, work: Path) -> Outcome:
    """Renders one printer's frames and runs everybody on them."""
    run = work / f"{printer}-run"
    say(f"{printer}: rendering frames ...")
    adapted_on = Wanted(options.prints, options.frames, BAD_SHARE)
    scored_on = Wanted(options.next_prints, options.next_frames, NEXT_BAD_SHARE)
    frames = render_printer(printer, work / printer, adapted_on, scored_on)
    config = model.checkpoint.config
    table = open_labelled(frames.scored, "auto", config.classes)
    scored = partial(score, model, read_pixels(table, config.input_size, config.camera, None, silent))

    say(f"{printer}: adaptprint adapt ...")
    forget_features()  # the source model's own frames too: it meets its first printer
    seconds, verdict = adapt_process(options.source, frames.target, run)
    rate = step_rate(options.source, frames.target, work / f"{printer}-steps")
    models = (options.source, run / "candidate", run / "checkpoint")
    source, adapted, shipped = (scored(adaptprint.load(folder).network) for folder in models)
    task = PeerTask(model.checkpoint, work / "source", frames.target, scored, options.budget, model.compute.device)
    courses = {}
    for name, train in peers.items():
        say(f"{printer}: {name} ...")
        courses[name] = train(task)
    return Outcome(source, adapted, shipped, verdict, seconds, rate, courses)


def bounded(value: float, exact: bool) -> str:
    """A figure as text, a lower bound with its sign."""
    return f"{value:.1f}" if exact else f"> {value:.1f}"


def show(printer: str, found: Outcome) -> None:
    """Prints one printer's table."""
    print(f"\n### {printer}\n\n| method | score | seconds | seconds to A | ratio | images/s |")
    print("| --- | --- | --- | --- | --- | --- |")
    print(f"| source model | {found.source:.3f} | | | | |")
    own = f"{found.seconds:.1f} | {found.seconds:.1f} | 1.0 | {found.images_per_second:.0f}"
    print(f"| adaptprint adapt | A = {found.adapted:.3f} | {own} |")
    print(f"| what it ships ({found.verdict}) | {found.shipped:.3f} | | | | |")
    for name, course in found.peers.items():
        seconds, reached = found.seconds_to(name)
        times = f"{bounded(seconds, reached)} | {bounded(seconds / found.seconds, reached)}"
        scores = f"{course.score:.3f} (best {course.best:.3f})"
        print(f"| {name} | {scores} | {course.seconds:.1f} | {times} | {course.images_per_second:.0f} |", flush=True)


def show_medians(found: Sequence[Outcome], peers: Sequence[str]) -> None:
    """Prints the medians of the ratios over the printers."""
    print("\n### Medians over the printers\n\n| peer | its seconds to A / adapt's | adapt's images/s / its |")
    print("| --- | --- | --- |")
    counted = [one for one in found if one.gains]
    for peer in peers:
        ratios = [(seconds / one.seconds, reached) for one in counted for seconds, reached in [one.seconds_to(peer)]]
        # Endless training would give a median between these two.
        low = statistics.median([value for value, _ in ratios] or [math.nan])
        high = statistics.median([value if reached else math.inf for value, reached in ratios] or [math.nan])
        text = bounded(low, low == high) if counted else "nothing to reach"
        rates = [one.images_per_second / one.peers[peer].images_per_second for one in found]
        print(f"| {peer} | {text} | {statistics.median(rates):.1f} |")
    print(f"\nSeconds are compared on the {len(counted)} of {len(found)} printers on which `adapt` gained anything.")


def find_peers(with_skada: bool, skada_as_shipped: bool) -> dict[str, Peer]:
    """The peers that are installed, by their names in the tables."""
    peers: dict[str, Peer] = {"plain pytorch-adapt loop": plain_loop}
    if with_skada:
        try:
            import_module("skada.deep")
            peers["skada DANN"] = partial(skada_dann, as_shipped=skada_as_shipped)
        except ImportError as error:
            say(f'skada is left out ({error}): pip install "skada[deep]==0.6.0" brings it.')
    return peers


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=SOURCE, help="checkpoint of the source")
    parser.add_argument("--printers", default="saffron,dusk,random-1", help="names of presets or random-<n>")
    parser.add_argument("--prints", type=int, default=40, help="unlabelled prints of each printer")
    parser.add_argument("--frames", type=int, default=25, help="frames of each")
    parser.add_argument("--next-prints", type=int, default=40, help="labelled prints that everybody is scored on")
    parser.add_argument("--next-frames", type=int, default=8, help="frames of each")
    parser.add_argument("--budget", type=float, default=600, help="most seconds a peer may train")
    parser.add_argument("--without-skada", action="store_true", help="leave skada out")
    parser.add_argument("--skada-as-shipped", action="store_true", help="keep its constant domain classifier")
    parser.add_argument("--json", type=Path, help="also write the figures and curves to this file")
    options = parser.parse_args()
    refuse_missing(options.source)
    peers = find_peers(not options.without_skada, options.skada_as_shipped)
    found: dict[str, Outcome] = {}
    with tempfile.TemporaryDirectory() as folder:
        # No frame may come out of the cache of an earlier run.
        use_cache(Path(folder) / "cache")
        model = adaptprint.load(options.source)
        write_source_frames(model.checkpoint, Path(folder) / "source")
        words = machine() | {"adaptprint": adaptprint.__version__, "its precision": model.compute.precision}
        print(", ".join(f"{name} {value}" for name, value in words.items()))
        print(f"{options.prints * options.frames:,} frames of each printer; a peer trains {options.budget:.0f} s")
        for printer in options.printers.split(","):
            found[printer] = measure(printer, model, peers, options, Path(folder))
            show(printer, found[printer])
            if options.json:
                printers = {name: asdict(outcome) for name, outcome in found.items()}
                content = {"machine": words, "options": vars(options), "printers": printers}
                options.json.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")
    show_medians([*found.values()], [*peers])


if __name__ == "__main__":
    main()
