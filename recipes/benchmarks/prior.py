# python recipes/benchmarks/prior.py --source CKPT --data DIR
"""How wrong the estimated share of faulty prints is on printers that the source model never saw.

Every frame is embedded once. Then, for each printer that is not among the source's own, sets of prints are drawn at
known shares of faulty ones, and each estimator is asked for the share without labels. Prints tables of the mean
absolute error, the bias where none, half and all of the prints are faulty, and of how often the 90 % interval holds the
truth and how wide it is. Errors are measured against the share among the drawn prints.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from machine import SOURCE, refuse_missing

import adaptprint
from adaptprint.adaptation.domain_views import look_at_source
from adaptprint.adaptation.prior import SourceScores, estimate_prior, parse_prior
from adaptprint.adaptation.task import SOURCE_ONLY, Candidate
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.models.embed import Floats, embed
from adaptprint.models.metrics import decide, print_labels, print_probabilities
from adaptprint.reporting.progress import silent
from adaptprint.workflows.inputs import open_labelled, read_pixels
from adaptprint.workflows.model import Model

SHARES = (0.0, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0)
OURS = "print margins"
UNKNOWN = parse_prior("unknown")


@dataclass(frozen=True)
class Draw:
    """One set of prints and what was made of it.

    Attributes:
        printer: Whose.
        n_prints: How many.
        share: Wanted share of faulty prints.
        truth: Share in the set.
        found: Estimated share by each estimator's name.
        interval: 90 % interval of our own.
        right: Share of prints called right by the model, and by the print posteriors.
    """

    printer: str
    n_prints: int
    share: float
    truth: float
    found: dict[str, float]
    interval: tuple[float, float]
    right: tuple[float, float]


def draw_prints(labels: Ints, n: int, share: float, rng: np.random.Generator) -> Ints | None:
    """Codes of ``n`` different prints, ``share`` of them faulty; ``None`` where there are not enough."""
    n_bad = round(share * n)
    bad, good = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    if n_bad > len(bad) or n - n_bad > len(good):
        return None
    return np.r_[rng.choice(bad, n_bad, replace=False), rng.choice(good, n - n_bad, replace=False)]


def draws(
    table: FrameTable,
    probabilities: Floats,
    classes: Sequence[str],
    threshold: float,
    source: SourceScores,
    sizes: Sequence[int],
    repeats: int,
) -> Iterator[Draw]:
    """Every set of one printer's prints."""
    labels = print_labels(table, classes)
    rows_of = [np.flatnonzero(table.print_codes == code) for code in range(len(labels))]
    blind = table.without_labels()
    for n in sizes:
        for share in SHARES:
            for repeat in range(repeats):
                codes = draw_prints(labels, n, share, np.random.default_rng([n, round(100 * share), repeat]))
                if codes is None:
                    continue
                rows = np.concatenate([rows_of[code] for code in codes])
                part, seen = blind.take(rows), probabilities[rows]
                prior = estimate_prior(seen, part, UNKNOWN, source=source, seed=repeat)
                assert prior.print_posteriors is not None
                calls = decide(print_probabilities(seen, part.print_codes), threshold)
                yield Draw(
                    table.printers[0],
                    n,
                    share,
                    float(labels[codes].mean()),
                    {OURS: float(prior.shares[1])} | {name: float(each[1]) for name, each in prior.others.items()},
                    (float(prior.low[1]), float(prior.high[1])),
                    (
                        float((calls == labels[codes]).mean()),
                        float((prior.print_posteriors.argmax(axis=1) == labels[codes]).mean()),
                    ),
                )


def summed_up(name: str, found: Sequence[Draw]) -> list[str]:
    """Figures of one estimator: error, biases, coverage, width."""
    error = np.array([one.found[name] - one.truth for one in found])
    share = np.array([one.share for one in found])
    figures = [f"{np.abs(error).mean():.3f}"] + [f"{error[share == end].mean():+.2f}" for end in (0.0, 0.5, 1.0)]
    if name != OURS:
        return [*figures, "", ""]
    inside = [one.interval[0] - 1e-9 <= one.truth <= one.interval[1] + 1e-9 for one in found]
    return [
        *figures,
        f"{np.mean(inside):.0%}",
        f"{np.mean([high - low for low, high in (o.interval for o in found)]):.2f}",
    ]


def show(found: Sequence[Draw]) -> None:
    """Prints the tables."""
    head = "mean error | bias at 0 | at 0.5 | at 1 | interval holds | width"
    for n in sorted({one.n_prints for one in found}):
        print(f"\n### {n} prints\n\n| estimator | {head} |\n| --- | --- | --- | --- | --- | --- | --- |")
        of = [one for one in found if one.n_prints == n]
        for name in of[0].found:
            print("| " + " | ".join([name, *summed_up(name, of)]) + " |")
    print(f"\n### {OURS} by printer\n\n| printer | {head} | prints right: model | posteriors |")
    print("| --- " * 9 + "|")
    for printer in dict.fromkeys(one.printer for one in found):
        of = [one for one in found if one.printer == printer]
        right = [f"{figure:.3f}" for figure in np.mean([one.right for one in of], axis=0)]
        print("| " + " | ".join([printer, *summed_up(OURS, of), *right]) + " |")


def source_scores(model: Model) -> SourceScores:
    """The model's view of its own source frames.

    Raises:
        SystemExit: If it holds none, or has another number of classes than two.
    """
    checkpoint = model.checkpoint
    if checkpoint.memory is None or len(checkpoint.config.classes) != 2:
        raise SystemExit("the checkpoint needs a source memory and two classes")
    frozen = Candidate(SOURCE_ONLY, checkpoint.state)
    return look_at_source(checkpoint, frozen, checkpoint.memory, model.compute, seed=0).scores


def unseen_printers(model: Model, data: Path, threads: int | None) -> Iterator[tuple[FrameTable, Floats]]:
    """Frames, with labels, and probabilities of each printer that is not among the source's own."""
    config = model.checkpoint.config
    frames = open_labelled(data, "auto", config.classes)
    for printer in (name for name in frames.printers if name not in config.provenance.printers):
        pixels = read_pixels(frames.of_printer(printer), config.input_size, config.camera, threads, silent)
        yield pixels.table, embed(model.network, pixels.array, model.compute).probabilities


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=SOURCE, help="checkpoint with a source memory")
    parser.add_argument("--data", type=Path, required=True, help="labelled frames of other printers")
    parser.add_argument("--prints", default="3,6,12,30", help="sizes of the sets")
    parser.add_argument("--repeats", type=int, default=20, help="sets of each size and share")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--json", type=Path, help="also write every draw to this file")
    options = parser.parse_args()
    refuse_missing(options.source, options.data)
    model = adaptprint.load(options.source, threads=options.threads)
    source, config = source_scores(model), model.checkpoint.config
    sizes = [int(size) for size in options.prints.split(",")]
    found: list[Draw] = []
    for table, seen in unseen_printers(model, options.data, options.threads):
        found += draws(table, seen, config.classes, config.threshold, source, sizes, options.repeats)
    show(found)
    if options.json:
        options.json.write_text(json.dumps([vars(one) for one in found]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
