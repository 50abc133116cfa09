# python recipes/benchmarks/drift.py --source CKPT --data DIR
"""How often `drift` sounds a false alarm, and how often it sees a camera that changed.

The prints of each printer are dealt into two halves, again and again. One half is what the model was adapted to, and
the signs of drift are asked about the other: as it is; only its good prints, or only its faulty ones, which alone must
not count; and through a camera that was changed. The default recipe moves the decision and leaves features, statistics
and ranking alone, so every frame is looked at once for all splits. Each line of the table is a number of alarms out of
so many askings, and which sign sounded them.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from machine import SOURCE, refuse_missing
from PIL import Image, ImageEnhance, ImageFilter

import adaptprint
from adaptprint.adaptation.domain_views import look_at_source
from adaptprint.adaptation.print_margins import Doubles, log_odds, print_margins
from adaptprint.adaptation.prior import known_margins
from adaptprint.adaptation.task import SOURCE_ONLY, Candidate
from adaptprint.diagnostics.drift import Sign, camera_sign, margin_sign, neighbour_sign, packed, weigh_signs
from adaptprint.diagnostics.neighbours import unit_rows
from adaptprint.frames.pixels import Pixels
from adaptprint.frames.table import Ints
from adaptprint.models.domain_reference import DomainReference
from adaptprint.models.embed import Floats, embed
from adaptprint.models.metrics import mean_by_print, print_labels
from adaptprint.models.print_statistics import print_statistics
from adaptprint.reporting.progress import silent
from adaptprint.workflows.drift import known_prints
from adaptprint.workflows.inputs import open_labelled, read_pixels
from adaptprint.workflows.model import Model
from adaptprint.workflows.references import few_of_each

Change = Callable[[Image.Image], Image.Image]
AS_IT_WAS = "as it was"


def cut_off(share: float) -> Change:
    """The camera moved: a border of ``share`` is out of sight at two sides, and the rest fills the frame."""

    def change(image: Image.Image) -> Image.Image:
        box = (int(share * image.width), 0, image.width, image.height - int(share * image.height))
        return image.crop(box).resize(image.size)

    return change


CHANGES: dict[str, Change] = {
    "darker by a fifth": lambda image: ImageEnhance.Brightness(image).enhance(0.8),
    "half as bright": lambda image: ImageEnhance.Brightness(image).enhance(0.5),
    "slightly out of focus": lambda image: image.filter(ImageFilter.GaussianBlur(image.width / 200)),
    "out of focus": lambda image: image.filter(ImageFilter.GaussianBlur(image.width / 75)),
    "moved by a tenth": cut_off(0.1),
    "moved by a third": cut_off(0.33),
}


@dataclass(frozen=True)
class Seen:
    """What the model makes of one printer's p prints through one camera.

    Attributes:
        features: (n, d) of its frames, rows of length one.
        prints: (n,) print of each.
        statistics: (p, c).
        calls: (p, K).
        margins: (p,).
        counts: (p,) frames.
    """

    features: Floats
    prints: Ints
    statistics: Floats
    calls: Doubles
    margins: Doubles
    counts: Ints

    def of(self, codes: Ints, model: Doubles) -> DomainReference:
        """Some prints, as a checkpoint would remember them."""
        rows = np.isin(self.prints, codes)
        prints = np.searchsorted(codes, self.prints[rows])
        kept = (self.statistics[codes], self.calls[codes], self.margins[codes], self.counts[codes])
        return DomainReference(self.features[rows], prints, *kept, model)


def look(model: Model, pixels: Pixels, change: Change | None) -> Seen:
    """Looks at all frames of a printer, perhaps through another camera."""
    codes, frames = pixels.table.print_codes, pixels.array
    if change is not None:
        frames = np.stack([np.asarray(change(Image.fromarray(frame))) for frame in frames])
    seen, few = embed(model.network, frames, model.compute), few_of_each(codes)
    statistics = print_statistics(model.network, frames[few], codes[few], model.compute)
    calls = mean_by_print(seen.probabilities, codes)
    return Seen(unit_rows(seen.features), codes, statistics, calls, *print_margins(log_odds(seen.probabilities), codes))


def halves(labels: Ints, seed: int) -> tuple[Ints, Ints]:
    """Codes of the prints of both halves, of each class as many as can be."""
    rng = np.random.default_rng(seed)
    dealt = [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    return np.sort(np.concatenate([of[::2] for of in dealt])), np.sort(np.concatenate([of[1::2] for of in dealt]))


def ask(then: DomainReference, now: DomainReference, known: Floats, seed: int) -> list[Sign]:
    """All signs of drift."""
    return [
        camera_sign(then, now.statistics, known, seed),
        neighbour_sign(then, now.features, now.prints, now.calls, by_call=True, seed=seed),
        margin_sign(then, now.margins, now.counts, seed),
    ]


def show(found: dict[str, list[list[Sign]]]) -> None:
    """Prints the table."""
    names = [sign.name for sign in found[AS_IT_WAS][0]]
    print("| recent prints | drifted | " + " | ".join(names) + " |")
    print("| --- " * (2 + len(names)) + "|")
    for scene, askings in found.items():
        counts = [str(sum(signs[place].moved for signs in askings)) for place in range(len(names))]
        drifted = sum(weigh_signs(signs) == "drifted" for signs in askings)
        print(f"| {scene} | {drifted} of {len(askings)} | " + " | ".join(counts) + " |")


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=SOURCE, help="checkpoint with a source memory")
    parser.add_argument("--data", type=Path, required=True, help="labelled frames of printers it does not know")
    parser.add_argument("--splits", type=int, default=8, help="how often each printer's prints are dealt out")
    parser.add_argument("--threads", type=int, help="CPU threads")
    options = parser.parse_args()
    refuse_missing(options.source, options.data)
    model = adaptprint.load(options.source, threads=options.threads)
    checkpoint, config = model.checkpoint, model.checkpoint.config
    known = known_prints(model.network, checkpoint.memory, model.compute, seed=0)
    if checkpoint.memory is None or known is None:
        raise SystemExit("the checkpoint needs a source memory of several prints")
    own = look_at_source(checkpoint, Candidate(SOURCE_ONLY, checkpoint.state), checkpoint.memory, model.compute, seed=0)
    margins = packed(known_margins(own.scores))
    data = open_labelled(options.data, "auto", config.classes)
    found: dict[str, list[list[Sign]]] = defaultdict(list)
    for printer in data.printers:
        pixels = read_pixels(data.of_printer(printer), config.input_size, config.camera, options.threads, silent)
        labels = print_labels(pixels.table, config.classes)
        usual = look(model, pixels, None)
        changed = {name: look(model, pixels, change) for name, change in CHANGES.items()}
        for seed in range(options.splits):
            then, now = halves(labels, seed)
            good, faulty = now[labels[now] == 0], now[labels[now] == 1]
            scenes = {AS_IT_WAS: (usual, now), "only good prints": (usual, good), "only faulty prints": (usual, faulty)}
            scenes |= {name: (seen, now) for name, seen in changed.items()}
            for name, (seen, codes) in scenes.items():
                found[name].append(ask(usual.of(then, margins), seen.of(codes, margins), known, seed))
    show(found)


if __name__ == "__main__":
    main()
