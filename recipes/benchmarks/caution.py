# python recipes/benchmarks/caution.py --source CKPT [CKPT ...] --data DIR [DIR ...]
"""How much heavier should a point lost weigh than a point gained? Gain and harm of a decision at several weights.

As in `knowledge.py`, every frame is embedded once, sets of prints are drawn at known shares of faulty ones, the
decision is placed without their labels (or with a few), and balanced accuracy on the printer's other prints is compared
with that of the old decision. Several checkpoints are each asked about those printers of the data that are not their
own: source models that were made without one printer each (`adaptprint rehearse --sources`) about that printer.

`gain` counts all sets alike. `loss` is the mean of what sets lose, those that gain counting as zero; `shipped` is what
the verdict without rehearsal lets through. The last tables say what comes of candidates by what they are expected to
gain: from where on they had better ship.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from knowledge import SHARES, Question, fitted_margins, printers_of, questions, scored, told
from machine import SOURCE, Row, refuse_missing, report
from prior import source_scores

import adaptprint
from adaptprint.adaptation.print_decision import PrintDecision, best_decision
from adaptprint.adaptation.print_margins import MarginModel, SharePosterior, share_posterior
from adaptprint.diagnostics.verdict import LARGEST_RISK, worth_shipping

WEIGHTS = (1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 20.0)
LEAST_GAINS = (0.005, 0.01, 0.015, 0.02, 0.025, 0.03)


@dataclass(frozen=True)
class Asked:
    """A question put to one source model."""

    model: MarginModel
    share: float
    question: Question

    def posterior(self, n_labels: int) -> SharePosterior:
        """What is known of the printer, the class of so many prints told."""
        printer, drawn = self.question.printer, self.question.drawn
        known = told(self.model, self.question, n_labels) if n_labels else None
        return share_posterior(self.model, printer.margins[drawn], printer.counts[drawn], known=known)

    def gain(self, decision: PrintDecision) -> float:
        """What it gains, in points."""
        printer, rest = self.question.printer, self.question.rest
        return 100 * (scored(printer, rest, decision.margin) - scored(printer, rest, 0.0))


def rows(asked: Sequence[Asked], n_labels: int) -> list[Row]:
    """The figures at every weight."""
    posteriors = [each.posterior(n_labels) for each in asked]
    return [
        row(asked, weight, [best_decision(a.model, seen, weight) for a, seen in zip(asked, posteriors, strict=True)])
        for weight in WEIGHTS
    ]


def by_expected_gain(asked: Sequence[Asked], n_labels: int) -> list[Row]:
    """What comes of candidates by what they are expected to gain, and of shipping from there on."""
    decisions = [best_decision(each.model, each.posterior(n_labels)) for each in asked]
    gains = np.array([each.gain(decision) for each, decision in zip(asked, decisions, strict=True)])
    expected = np.array([decision.gain for decision in decisions])
    sure = np.array([decision.risk for decision in decisions]) <= LARGEST_RISK
    best = np.maximum(gains, 0).mean()
    found: list[Row] = []
    for least, next_least in zip(LEAST_GAINS, (*LEAST_GAINS[1:], 1.0), strict=True):
        here, ships = sure & (expected >= least) & (expected < next_least), sure & (expected >= least)
        kept = np.where(ships, gains, 0.0)
        found.append(
            {
                "expected, points": f"{100 * least:g}"
                + (f" to {100 * next_least:g}" if next_least < 1 else " or more"),
                "sets": int(here.sum()),
                "true gain": f"{gains[here].mean():+.2f}" if here.any() else "",
                "lost over a point": f"{(gains[here] < -1).mean():.0%}" if here.any() else "",
                "shipping from here on": f"{ships.mean():.0%}",
                "gain": f"{kept.mean():+.2f}",
                "of the oracle's": f"{kept.mean() / best:.0%}" if best > 0 else "",
                "worst": f"{kept.min():+.1f}",
                "shipped, lost over a point": f"{(kept < -1).mean():.1%}",
            }
        )
    return found


def row(asked: Sequence[Asked], loss_weight: float, decisions: Sequence[PrintDecision]) -> Row:
    """The figures at one weight."""
    gains = np.array([each.gain(decision) for each, decision in zip(asked, decisions, strict=True)])
    ships = np.array([worth_shipping(each.gain, each.risk) for each in decisions])
    shares = np.array([each.share for each in asked])
    names = np.array([each.question.printer.name for each in asked])
    shipped, best = np.where(ships, gains, 0.0), np.maximum(gains, 0).mean()
    return {
        "a point lost weighs": f"{loss_weight:g}",
        "gain": f"{gains.mean():+.2f}",
        **{f"share {share:g}": f"{gains[shares == share].mean():+.1f}" for share in SHARES},
        "worst": f"{gains.min():+.1f}",
        "lost over a point": f"{(gains < -1).mean():.1%}",
        "loss": f"{-np.minimum(gains, 0).mean():.2f}",
        "worst printer": f"{min(gains[names == name].mean() for name in set(names.tolist())):+.1f}",
        "expected": f"{100 * np.mean([each.gain for each in decisions]):+.2f}",
        "ships": f"{ships.mean():.0%}",
        "shipped gain": f"{shipped.mean():+.2f}",
        "of the oracle's": f"{shipped.mean() / best:.0%}" if best > 0 else "",
        "shipped worst": f"{shipped.min():+.1f}",
        "shipped, lost over a point": f"{(shipped < -1).mean():.1%}",
    }


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, nargs="+", default=[SOURCE], help="checkpoints with a source memory")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="labelled frames of other printers")
    parser.add_argument("--prints", type=int, default=12, help="prints to decide by")
    parser.add_argument("--labels", type=int, nargs="+", default=[0, 3], help="of how many of them the class is told")
    parser.add_argument("--repeats", type=int, default=10, help="sets of each printer and share")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    refuse_missing(*options.source, *options.data)
    asked = []
    for source in options.source:
        model = adaptprint.load(source, threads=options.threads)
        fitted = fitted_margins(source_scores(model))
        for data in options.data:
            # A random printer's name is drawn anew by each seed.
            printers = [
                replace(printer, name=f"{data.name}/{printer.name}")
                for printer in printers_of(model, data, options.threads)
            ]
            asked += [Asked(fitted, *each) for each in questions(printers, options.prints, options.repeats)]
    tables = {f"{options.prints} prints, {n} labels, {len(asked)} sets": rows(asked, n) for n in options.labels}
    for n in options.labels:
        tables[f"By expected gain, {n} labels"] = by_expected_gain(asked, n)
    report(tables, options.json)


if __name__ == "__main__":
    main()
