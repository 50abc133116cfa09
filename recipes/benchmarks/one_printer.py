# part of: python recipes/benchmarks/peers.py, speedups.py
"""Frames of one rendered printer: prints to adapt on, without labels, and further prints of it to be scored on.

Both come out of one rendering. A ``random-<n>`` printer is drawn by the seed: under another one it is another printer,
and a model adapted to the first would be scored on the second.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import adaptprint

SEED = 101  # not that of the source model's printers


@dataclass(frozen=True)
class Wanted:
    """How many prints of a kind, and what they are.

    Attributes:
        prints: Prints.
        frames: Frames of each.
        bad_share: Share of under-extruded prints, in [0, 1].
    """

    prints: int
    frames: int
    bad_share: float

    @property
    def bad(self) -> int:
        """Under-extruded prints."""
        return int(self.bad_share * self.prints + 0.5)


@dataclass(frozen=True)
class PrinterFrames:
    """Where the frames of one printer lie.

    Attributes:
        target: One folder per print, without labels.
        scored: A labelled data set in the competition's layout, of prints that are not in ``target``.
    """

    target: Path
    scored: Path


def render_printer(name: str, folder: Path, target: Wanted, scored: Wanted, jobs: int = 2) -> PrinterFrames:
    """Renders a printer once and deals its prints out, those that were printed first to ``target``.

    Args:
        name: A preset, or ``random-<n>``.
        folder: To be made.
        target: Prints to adapt on.
        scored: Prints to be scored on.
        jobs: Processes.
    """
    prints, frames = target.prints + scored.prints, max(target.frames, scored.frames)
    bad = target.bad + scored.bad
    data = folder / "rendered"
    adaptprint.synth(
        data, printers=[name], prints=prints, frames=frames, bad_share=bad / prints, seed=SEED, jobs=jobs,
        overwrite=True,
    )  # fmt: skip
    with (data / "train.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    labels = {row["print_id"]: int(row["has_under_extrusion"]) for row in rows}
    first = {
        print_id
        for label, count in ((1, target.bad), (0, target.prints - target.bad))
        for print_id in sorted(one for one, found in labels.items() if found == label)[:count]
    }
    chosen: dict[bool, list[dict[str, str]]] = {True: [], False: []}
    for print_id in sorted(labels):
        adapted_on = print_id in first
        of_print = [row for row in rows if row["print_id"] == print_id]
        chosen[adapted_on] += _spread(of_print, (target if adapted_on else scored).frames)
    printer = rows[0]["printer_id"]
    for adapted_on, place in ((True, "target"), (False, "scored")):
        for row in chosen[adapted_on]:
            file = folder / place / "images" / row["img_path"]
            file.parent.mkdir(parents=True, exist_ok=True)
            (data / "images" / row["img_path"]).rename(file)
    with (folder / "scored" / "train.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(chosen[False])
    return PrinterFrames(folder / "target" / "images" / printer, folder / "scored")


def _spread(rows: Sequence[dict[str, str]], size: int) -> list[dict[str, str]]:
    """``size`` of the rows at equal distances."""
    return [rows[place] for place in np.arange(size) * len(rows) // size]
