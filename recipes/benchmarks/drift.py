# python recipes/benchmarks/drift.py --source CKPT --data DIR
"""How often `drift` sounds a false alarm, and how often it sees a camera that changed.

The prints of each printer are dealt into two halves. The model is adapted to one, without labels, and `drift` is asked
about the other: as it is; only its good prints, or only its faulty ones, which alone must not count; and through a
camera that was changed. Every line of the table is a number of alarms out of so many askings, and which sign sounded
them.
"""

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from machine import SOURCE, refuse_missing
from PIL import Image, ImageEnhance, ImageFilter

import adaptprint
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.workflows.drift import DriftResult
from adaptprint.workflows.inputs import open_labelled

Change = Callable[[Image.Image], Image.Image]


def as_it_is(image: Image.Image) -> Image.Image:
    """The camera did not change."""
    return image


def cut_off(share: float) -> Change:
    """The camera moved: a border of ``share`` is out of sight at two sides, and the rest fills the frame."""
    return lambda image: image.crop(
        (int(share * image.width), 0, image.width, image.height - int(share * image.height))
    )


CHANGES: dict[str, Change] = {
    "darker by a fifth": lambda image: ImageEnhance.Brightness(image).enhance(0.8),
    "half as bright": lambda image: ImageEnhance.Brightness(image).enhance(0.5),
    "slightly out of focus": lambda image: image.filter(ImageFilter.GaussianBlur(image.width / 200)),
    "out of focus": lambda image: image.filter(ImageFilter.GaussianBlur(image.width / 75)),
    "moved by a tenth": cut_off(0.1),
    "moved by a third": cut_off(0.33),
}


@dataclass(frozen=True)
class Asking:
    """One question to `drift`.

    Attributes:
        scenario: What was done to the second half.
        printer: Whose.
        result: The answer.
    """

    scenario: str
    printer: str
    result: DriftResult


def halves(table: FrameTable, seed: int) -> tuple[Ints, Ints]:
    """Codes of the prints of both halves, of each class as many as can be."""
    rng = np.random.default_rng(seed)
    labels = table.prints["label"].to_numpy()
    parts: tuple[list[int], list[int]] = ([], [])
    for label in np.unique(labels):
        for place, code in enumerate(rng.permutation(np.flatnonzero(labels == label))):
            parts[place % 2].append(int(code))
    return np.array(sorted(parts[0])), np.array(sorted(parts[1]))


def write(table: FrameTable, codes: Ints, folder: Path, change: Change = as_it_is) -> Path:
    """Writes the frames of some prints as folders of prints."""
    for path, code in zip(table.paths, table.print_codes, strict=True):
        if code in codes:
            file = folder / f"print-{code:03}" / f"{Path(path).stem}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            with Image.open(path) as image:
                change(image.convert("RGB")).save(file, quality=92)
    return folder


def askings(source: Path, table: FrameTable, seed: int, threads: int | None) -> Iterator[Asking]:
    """Adapts to one half of a printer's prints and asks about the other."""
    then, now = halves(table, seed)
    labels, printer = table.prints["label"].to_numpy(), table.printers[0]
    good = now[labels[now] == table.classes[0]]
    scenes = {"as it was": (now, as_it_is), "only good prints": (good, as_it_is)}
    scenes["only faulty prints"] = (np.setdiff1d(now, good), as_it_is)
    scenes |= {name: (now, change) for name, change in CHANGES.items()}
    with tempfile.TemporaryDirectory(prefix="adaptprint-drift-") as place:
        work = Path(place)
        run = adaptprint.adapt(source, write(table, then, work / "then"), out=work / "run", threads=threads)
        for number, (name, (codes, change)) in enumerate(scenes.items()):
            frames = write(table, codes, work / str(number), change)
            yield Asking(name, printer, adaptprint.drift(run.checkpoint, frames, threads=threads))


def show(found: list[Asking]) -> None:
    """Prints the table."""
    by_scene: dict[str, list[Asking]] = defaultdict(list)
    for asking in found:
        by_scene[asking.scenario].append(asking)
    names = [sign.name for sign in found[0].result.signs]
    print("| recent prints | drifted | " + " | ".join(names) + " |")
    print("| --- " * (2 + len(names)) + "|")
    for scene, of in by_scene.items():
        counts = [sum(one.result.signs[place].moved for one in of) for place in range(len(names))]
        drifted = sum(one.result.verdict == "drifted" for one in of)
        print(f"| {scene} | {drifted} of {len(of)} | " + " | ".join(map(str, counts)) + " |")


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=SOURCE, help="checkpoint with a source memory")
    parser.add_argument("--data", type=Path, required=True, help="labelled frames of printers it does not know")
    parser.add_argument("--splits", type=int, default=1, help="how often each printer's prints are dealt out")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--json", type=Path, help="also write every answer to this file")
    options = parser.parse_args()
    refuse_missing(options.source, options.data)
    data = open_labelled(options.data, "auto", adaptprint.load(options.source).checkpoint.config.classes)
    found: list[Asking] = []
    for printer in data.printers:
        for seed in range(options.splits):
            for asking in askings(options.source, data.of_printer(printer), seed, options.threads):
                found.append(asking)
                moved = [sign.name for sign in asking.result.signs if sign.moved]
                print(f"{printer}  {asking.scenario:<22}  {asking.result.verdict:<8}  {', '.join(moved)}", flush=True)
    print()
    show(found)
    if options.json:
        lines = [{"scenario": one.scenario, "printer": one.printer, **one.result.to_dict()} for one in found]
        options.json.write_text(json.dumps(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
