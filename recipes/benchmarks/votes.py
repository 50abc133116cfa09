# python recipes/benchmarks/votes.py --source CKPT --data DIR
"""How should a print's frames vote? Balanced accuracy by print of several votes, over the same frames and decisions.

Every frame is embedded once. On each printer that is not among the source's own, sets of prints are drawn as in
`knowledge.py`, and the others are called: with the decision as it was, and where balanced accuracy is expected to be
highest.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from knowledge import fitted_margins, margin, printer_of, questions
from machine import SOURCE, Row, refuse_missing, report
from prior import source_scores, unseen_printers

import adaptprint
from adaptprint.adaptation.print_margins import log_odds, print_margins
from adaptprint.frames.table import Ints
from adaptprint.models.embed import Floats
from adaptprint.models.metrics import balanced_accuracy, decide, mean_by_print, print_probabilities

Vote = Callable[[Floats, Ints], Ints]
VOTES: dict[str, Vote] = {
    "mean log odds (print_probabilities)": lambda frames, codes: decide(print_probabilities(frames, codes)),
    "mean log odds, unbounded": lambda frames, codes: (print_margins(log_odds(frames), codes)[0] >= 0).astype(np.int64),
    "mean probability": lambda frames, codes: decide(mean_by_print(frames, codes)),
    "majority of calls": lambda frames, codes: decide(mean_by_print(np.eye(2)[decide(frames)], codes)),
}


def decided_at(frames: Floats, place: float) -> Floats:
    """Probabilities (n, 2) of frames once the decision lies where ``log p1 - log p0`` was ``place``."""
    faulty = 1 / (1 + np.exp(place - log_odds(frames)))
    return np.stack([1 - faulty, faulty], axis=1).astype(np.float32)


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=SOURCE, help="checkpoint with a source memory")
    parser.add_argument("--data", type=Path, required=True, help="labelled frames of other printers")
    parser.add_argument("--prints", type=int, default=12, help="prints to decide by")
    parser.add_argument("--repeats", type=int, default=3, help="sets of each printer and share")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    refuse_missing(options.source, options.data)
    model = adaptprint.load(options.source, threads=options.threads)
    fitted = fitted_margins(source_scores(model))
    seen, printers = {}, []
    for table, frames in unseen_printers(model, options.data, options.threads):
        seen[table.printers[0]] = frames, table.print_codes
        printers.append(printer_of(table, frames, model.classes))
    asked = [question for _, question in questions(printers, options.prints, options.repeats)]
    places = [(0.0, margin(fitted, question)) for question in asked]
    rows: list[Row] = []
    for vote, calls in VOTES.items():
        scores = np.zeros((len(asked), 2))
        for number, question in enumerate(asked):
            frames, codes = seen[question.printer.name]
            for k, place in enumerate(places[number]):
                called = calls(decided_at(frames, place), codes)[question.rest]
                scores[number, k] = balanced_accuracy(called, question.printer.labels[question.rest], 2)
        before, after = scores.mean(axis=0)
        rows.append({"vote": vote, "decision as it was": before, "where most is expected": after})
    report({f"{len(printers)} printers, {len(asked)} sets": rows}, options.json)


if __name__ == "__main__":
    main()
