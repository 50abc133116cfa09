# python recipes/benchmarks/diagnose.py --frames 5000
"""What `diagnose` costs beyond feature extraction, and which approximate index is worth its recall.

Features are random: prints scatter about class centres, frames about their print. Neighbours in both spaces, witnesses,
vetoes and validators of a candidate are worked out as in an examination, part by part and together; first for
400 target and 500 source frames, as many as `adapt` examines. `--index N` indexes N frames in an
exact index, in ours (an inverted file where that pays) and, with `--graph`, in a graph (HNSW), and prints seconds and
recall; `--intrinsic` says in how many dimensions prints differ.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from machine import Row, report

from adaptprint.adaptation.prior import SourceScores, estimate_prior, parse_prior
from adaptprint.adaptation.task import Candidate
from adaptprint.diagnostics.assumptions import situation
from adaptprint.diagnostics.evidence import Evidence, View
from adaptprint.diagnostics.examine import find_out
from adaptprint.diagnostics.neighbour_facts import frame_facts, neighbour_facts
from adaptprint.diagnostics.neighbour_measures import frame_hashes
from adaptprint.diagnostics.neighbours import NeighbourIndex, unit_rows
from adaptprint.diagnostics.support import K
from adaptprint.diagnostics.validators import run_validators
from adaptprint.diagnostics.witnesses import hear_witnesses
from adaptprint.frames.table import FrameRow, FrameTable, grouped
from adaptprint.models.embed import Embedding, Floats
from adaptprint.models.memory import SourceFrames

CLASSES, UNKNOWN = ("good", "bad"), parse_prior("unknown")
SIDE, QUERIES, PER_PRINT = 96, 1000, 20


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def table(printers: int, frames: int, labelled: bool) -> FrameTable:
    """Prints of 20 frames, good and bad in turn."""
    rows = []
    for row in range(frames):
        number = row // PER_PRINT
        printer, name = f"printer {number % printers}", f"{'s' if labelled else 't'}{number}"
        label = CLASSES[number // printers % 2] if labelled else None
        rows.append(FrameRow("", f"{printer}/{name}/{row}", printer, name, None, label))
    return FrameTable(grouped(rows), Path(), "random")


def view(source: np.ndarray, target: np.ndarray, apart: float, width: int, rng: np.random.Generator) -> View:
    """What a model sees whose domains lie ``apart``; labels (m,) and (n,)."""

    def see(labels: np.ndarray, move: float) -> Embedding:
        prints = np.repeat(rng.normal(0, 0.5, (-(-len(labels) // PER_PRINT), width)), PER_PRINT, 0)[: len(labels)]
        features = prints + rng.normal(0, 0.2, (len(labels), width))
        features[:, 0] += 3 * labels - 1.5 + move
        features[:, 1] += 3 * move
        logits = np.stack([-features[:, 0], features[:, 0]], axis=1)
        return Embedding(features.astype(np.float32), logits.astype(np.float32))

    seen = see(target, apart)
    return View(see(source, 0.0), seen, (seen,))


def evidence_of(n_source: int, n_target: int, width: int) -> Evidence:
    """Random source and target as a source model and a candidate see them."""
    rng = np.random.default_rng(0)
    source, target = table(8, n_source, True), table(1, n_target, False)
    labels, truth = source.label_codes(CLASSES), target.print_codes % 2
    pixels = rng.integers(0, 256, (n_source, SIDE, SIDE, 3), dtype=np.uint8)
    frames = SourceFrames(source, pixels, np.arange(n_source) % 80 < 40)
    old, new = (view(labels, truth, apart, width, rng) for apart in (0.7, 0.2))
    return Evidence(frames, labels, target, CLASSES, 0.5, old, new, True)


def parts(evidence: Evidence) -> list[Row]:
    """Seconds of each part of an examination, and of all."""
    source, seen = evidence.source, evidence.frozen.source
    if source is None or seen is None:
        raise ValueError("this needs source frames")
    pixels = np.random.default_rng(1).integers(0, 256, (len(evidence.target), SIDE, SIDE, 3), dtype=np.uint8)
    known = SourceScores(seen.probabilities, source.table, evidence.source_labels, source.held_out)
    of_prior, prior = timed(
        lambda: estimate_prior(evidence.frozen.target.probabilities, evidence.target, UNKNOWN, source=known)
    )
    of_hashes, hashes = timed(lambda: frame_hashes(source.table, source.array, evidence.target, pixels))
    of_all, found = timed(lambda: find_out(Candidate("random", {}), evidence, prior, UNKNOWN, hashes))
    of_facts, _ = timed(
        lambda: [fact(one, CLASSES) for one in (found.frozen, found.adapted) for fact in (neighbour_facts, frame_facts)]
    )
    of_witnesses, _ = timed(lambda: hear_witnesses(evidence))
    of_validators, _ = timed(lambda: run_validators(situation(evidence, prior)))
    rows = {
        "class shares": of_prior,
        "hashes of pixels": of_hashes,
        "neighbours in both spaces, vetoes": of_all - of_witnesses - of_validators,
        "witnesses": of_witnesses,
        "validators": of_validators,
        "facts for JSON": of_facts,
        "together": of_prior + of_hashes + of_all + of_facts,
    }
    return [{"part": name, "seconds": seconds} for name, seconds in rows.items()]


def recall(found: np.ndarray, truth: np.ndarray) -> float:
    """Share of the true neighbours that were found; rows (q, k)."""
    return float((found[:, :, None] == truth[:, None, :]).any(1).mean())


def indexes(n: int, width: int, intrinsic: int, with_graph: bool) -> list[Row]:
    """Seconds to build and to ask, and recall, of the indexes for ``n`` frames."""
    import faiss  # a benchmark may know of indexes that the program does not use

    rng = np.random.default_rng(0)
    spread = rng.normal(size=(intrinsic, width)) / intrinsic**0.5
    centres = (rng.normal(size=(-(-n // PER_PRINT), intrinsic)) @ spread).astype(np.float32)
    features = np.repeat(centres, PER_PRINT, 0)[:n]
    features += rng.normal(0, 0.4, features.shape).astype(np.float32)
    prints = np.arange(n) // PER_PRINT
    units, asked = unit_rows(features), rng.choice(n, QUERIES, replace=False)

    def graph() -> "faiss.IndexHNSWFlat":
        index = faiss.IndexHNSWFlat(width, 32, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efSearch = 128
        index.add(units)
        return index

    rows: list[Row] = []
    truth: Floats | None = None
    builds: dict[str, Callable[[], Any]] = {
        "exact": lambda: NeighbourIndex(features, prints, exact_limit=n),
        "ours": lambda: NeighbourIndex(features, prints, exact_limit=0),
    }
    if with_graph:
        builds["graph (HNSW 32, 128)"] = graph
    for name, build in builds.items():
        of_build, index = timed(build)

        def ask(index: Any = index) -> np.ndarray:
            if isinstance(index, NeighbourIndex):
                return index.search(features[asked], K, prints[asked]).rows
            found = index.search(units[asked], K + PER_PRINT)[1]
            order = np.argsort(prints[found] == prints[asked, None], axis=1, kind="stable")
            return np.take_along_axis(found, order, 1)[:, :K]

        of_search, found = timed(ask)
        truth = found if truth is None else truth
        ours = isinstance(index, NeighbourIndex)
        said = index.recall if ours else None
        rows.append(
            {
                "index": f"{name}: {'exact' if index.exact else 'inverted file'}" if ours else name,
                "build s": of_build,
                f"{QUERIES:,} queries s": of_search,
                "recall": recall(found, truth),
                "recall it says": said,
            }
        )
    return rows


def main() -> None:
    """Times and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=5000, help="target frames")
    parser.add_argument("--source-frames", type=int, default=500)
    parser.add_argument("--width", type=int, default=256, help="features of a frame")
    parser.add_argument("--index", type=int, help="compare indexes of so many frames instead")
    parser.add_argument("--intrinsic", type=int, default=16, help="dimensions in which prints differ, for --index")
    parser.add_argument("--graph", action="store_true", help="compare a graph too, which takes minutes to build")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.index:
        rows = indexes(options.index, options.width, options.intrinsic, options.graph)
        report({f"Indexes of {options.index:,} frames": rows}, options.json)
        return
    small = evidence_of(500, 400, options.width)
    tables = {
        "400 target and 500 source frames": parts(small),
        f"{options.frames:,} target and {options.source_frames:,} source frames": parts(
            evidence_of(options.source_frames, options.frames, options.width)
        ),
    }
    report(tables, options.json)


if __name__ == "__main__":
    main()
