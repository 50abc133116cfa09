# python recipes/benchmarks/coreset.py --target DIR
"""Does a coreset chosen by features cover a target better than one spread evenly over time? Distances and seconds.

All frames of each printer are embedded with the source model. Then a tenth of them is chosen, of every print as many:

- evenly in time, which is what `adapt` does, and needs no features;
- at random inside the print;
- inside the print by farthest point (Gonzalez 1985), from its medoid on;
- inside the print by faiss k-means, the frame nearest to each centre;
- by farthest point over all prints at once, without regard to the print: the best that a coreset could cover.

A frame's distance is the Euclidean one to the nearest chosen frame, features scaled to length one, as a share of the
mean distance between two frames of the printer: 0 covers, 1 is no better than any frame. It is first averaged over the
frames of a print. `95 %` is the quantile over all frames. `seconds` is the choice; all but the first two need every
frame decoded and embedded before it, whose seconds are in the table's title. `accuracy` is the share of frames that
get the source model's call from their nearest chosen frame: whether the coreset holds what the model tells apart.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import torch
from machine import SOURCE, TARGET, Row, refuse_missing, report

from adaptprint.diagnostics.neighbours import unit_rows
from adaptprint.frames.coreset import coreset_rows
from adaptprint.frames.layouts import read_frames
from adaptprint.frames.table import FrameTable
from adaptprint.models.device import choose_compute
from adaptprint.models.embed import Floats, embed
from adaptprint.reporting.progress import silent
from adaptprint.workflows.inputs import open_checkpoint, read_pixels

Ints = np.ndarray
SEED = 0


def farthest_points(features: Floats, size: int) -> Ints:
    """(size,) rows: the medoid, then again and again the row farthest from all that were taken."""
    start = int(((features - features.mean(0)) ** 2).sum(1).argmin())
    taken, far = [start], np.full(len(features), np.inf)
    while len(taken) < size:
        far = np.minimum(far, ((features - features[taken[-1]]) ** 2).sum(1))
        taken.append(int(far.argmax()))
    return np.array(taken)


def k_means(features: Floats, size: int) -> Ints:
    """At most ``size`` rows: the one nearest to each centre of faiss k-means."""
    means = faiss.Kmeans(features.shape[1], size, niter=20, seed=1234, min_points_per_centroid=1)
    means.train(features)
    index = faiss.IndexFlatL2(features.shape[1])
    index.add(features)
    return np.unique(index.search(means.centroids, 1)[1][:, 0])


def inside_prints(choose: Callable[[Floats, int], Ints]) -> Callable[[FrameTable, Floats, int], Ints]:
    """Applies a choice to every print alone, with as many frames of each as the even coreset takes."""

    def chosen(table: FrameTable, features: Floats, size: int) -> Ints:
        codes = table.print_codes
        shares = np.bincount(codes[coreset_rows(table, size, SEED)], minlength=table.prints.height)
        parts = [np.flatnonzero(codes == code) for code in range(len(shares))]
        return np.concatenate(
            [part[choose(features[part], int(share))] for part, share in zip(parts, shares, strict=True) if share]
        )

    return chosen


def at_random(features: Floats, size: int) -> Ints:
    """``size`` different rows."""
    return np.random.default_rng(SEED).permutation(len(features))[:size]


CHOICES: dict[str, Callable[[FrameTable, Floats, int], Ints]] = {
    "evenly in time": lambda table, _features, size: coreset_rows(table, size, SEED),
    "at random inside prints": inside_prints(at_random),
    "farthest point inside prints": inside_prints(farthest_points),
    "k-means inside prints": inside_prints(k_means),
    "farthest point, prints ignored": lambda _table, features, size: farthest_points(features, size),
}


def measure(table: FrameTable, features: Floats, calls: Ints, size: int) -> dict[str, dict[str, float]]:
    """Coverage and seconds of every choice on one printer."""
    sample = features[np.random.default_rng(SEED).permutation(len(features))[:1000]]
    scale = float(np.sqrt(np.maximum(0, 2 - 2 * sample @ sample.T)).mean())
    found: dict[str, dict[str, float]] = {}
    for name, choose in CHOICES.items():
        started = time.perf_counter()
        rows = choose(table, features, size)
        seconds = time.perf_counter() - started
        index = faiss.IndexFlatL2(features.shape[1])
        index.add(features[rows])
        squared, nearest = index.search(features, 1)
        distance = np.sqrt(np.maximum(0, squared[:, 0])) / scale
        by_print = np.bincount(table.print_codes, weights=distance) / np.bincount(table.print_codes)
        found[name] = {
            "mean": float(by_print.mean()),
            "95 %": float(np.quantile(distance, 0.95)),
            "worst": float(distance.max()),
            "accuracy": float((calls[rows][nearest[:, 0]] == calls).mean()),
            "seconds": seconds,
        }
    return found


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=SOURCE, help="checkpoint whose features decide")
    parser.add_argument("--target", type=Path, default=TARGET, help="frames of one printer or several")
    parser.add_argument("--share", type=float, default=0.1, help="share of each printer's frames to choose")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    refuse_missing(options.source, options.target)
    compute, checkpoint = choose_compute("auto", options.threads), open_checkpoint(options.source)
    faiss.omp_set_num_threads(torch.get_num_threads())
    network, config = checkpoint.network().on(compute.device), checkpoint.config
    listed = read_frames(options.target, labels="ignored")
    found: list[dict[str, dict[str, float]]] = []
    embedding, n_frames = 0.0, 0
    for printer in listed.printers:
        started = time.perf_counter()
        pixels = read_pixels(listed.of_printer(printer), config.input_size, config.camera, options.threads, silent)
        seen = embed(network, pixels.array, compute)
        embedding += time.perf_counter() - started
        n_frames += len(pixels.table)
        size = max(pixels.table.prints.height, round(options.share * len(pixels.table)))
        found.append(measure(pixels.table, unit_rows(seen.features), seen.logits.argmax(1), size))
    rows: list[Row] = [
        {"choice": name, **{word: statistics.mean(one[name][word] for one in found) for word in found[0][name]}}
        for name in CHOICES
    ]
    title = (
        f"Means over {len(found)} printers, {options.share:.0%} of their {n_frames:,} frames; "
        f"decoding and embedding all of them took {embedding:.1f} s"
    )
    report({title: rows}, options.json)


if __name__ == "__main__":
    main()
