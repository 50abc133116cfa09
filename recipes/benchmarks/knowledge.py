# python recipes/benchmarks/knowledge.py --source CKPT --data DIR
"""What would help to place the decision? Its gain with nothing or something more known of the printer.

Every frame is embedded once. Then, for each printer that is not among the source's own, sets of prints are drawn at
known shares of faulty ones, the decision is placed with each piece of knowledge, and balanced accuracy on the printer's
other prints is compared with that of the old decision. `ideal rehearsal` knows how the *other* unseen printers lie to
the source, as leaving out source printers one by one would tell at best; `true shift` is where this printer's good
prints lie, `true scale` how far its faulty ones lie from them. Neither can be known without labels: they say what an
estimate of them could gain. `best in hindsight` is chosen on the very prints it is scored on.
"""

import argparse
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from machine import SOURCE, Row, refuse_missing, report
from prior import draw_prints, source_scores, unseen_printers

import adaptprint
from adaptprint.adaptation.print_decision import best_decision
from adaptprint.adaptation.print_margins import (
    Doubles,
    MarginModel,
    least_sure,
    log_odds,
    print_margins,
    share_posterior,
)
from adaptprint.adaptation.prior import SourceScores, known_margins
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.models.embed import Floats
from adaptprint.models.metrics import balanced_accuracy, print_labels
from adaptprint.workflows.model import Model

SHARES = (0.0, 0.2, 0.5, 1.0)
KNOWN_WELL = 0.1  # standard deviation of what is known, in parts of what is usual
N_LABELS = 3


@dataclass(frozen=True)
class Printer:
    """The prints of one printer as the source model sees them.

    Attributes:
        name: Its id.
        margins: (p,) mean log odds of each print.
        counts: (p,) frames of each.
        labels: (p,) 0 or 1.
    """

    name: str
    margins: Doubles
    counts: Ints
    labels: Ints

    def offset(self, model: MarginModel) -> tuple[float, float]:
        """Shift of the good prints, in units of the margin, and log scale of the gap."""
        good, faulty = (float(self.margins[self.labels == k].mean()) for k in (0, 1))
        return good - float(model.means[0]), float(np.log(max((faulty - good) / model.gap, 0.05)))


@dataclass(frozen=True)
class Question:
    """One set of prints of one printer: decide without labels, and be scored on the other prints."""

    printer: Printer
    others: Sequence[Printer]
    drawn: Ints

    @property
    def rest(self) -> Ints:
        """Places of the prints to be scored on."""
        return np.setdiff1d(np.arange(len(self.printer.labels)), self.drawn)


Knowledge = Callable[[MarginModel, Question], float]


def margin(model: MarginModel, question: Question, known: Ints | None = None) -> float:
    """Where balanced accuracy is expected to be highest, perhaps with the class of some prints known.

    `calibrate` itself is more careful (`caution.py`): how careful one had better be is another question than what
    one would like to know.
    """
    printer, drawn = question.printer, question.drawn
    posterior = share_posterior(model, printer.margins[drawn], printer.counts[drawn], known=known)
    return best_decision(model, posterior, loss_weight=1.0).margin


def true_shift(model: MarginModel, question: Question) -> MarginModel:
    """The model once it is known where this printer's good prints lie."""
    shift = question.printer.offset(model)[0]
    return replace(model, means=model.means + shift, shift_sd=KNOWN_WELL * model.shift_sd)


def true_scale(model: MarginModel, question: Question) -> MarginModel:
    """The model once it is known how far its faulty prints lie from its good ones."""
    scale = question.printer.offset(model)[1]
    return replace(model, scale_mean=scale, scale_sd=KNOWN_WELL * model.scale_sd)


def rehearsed(model: MarginModel, question: Question) -> MarginModel:
    """The model once it is known how other unseen printers lie to the source."""
    shifts, scales = np.transpose([other.offset(model) for other in question.others])
    return replace(
        model,
        means=model.means + shifts.mean(),
        shift_sd=float(shifts.std(ddof=1)),
        scale_mean=float(scales.mean()),
        scale_sd=float(scales.std(ddof=1)),
    )


def told(model: MarginModel, question: Question, n_labels: int) -> Ints:
    """(p,) class of the ``n_labels`` prints whose class is least sure, -1 for the others."""
    printer, drawn = question.printer, question.drawn
    faulty = share_posterior(model, printer.margins[drawn], printer.counts[drawn]).print_posteriors
    asked = least_sure(np.stack([1 - faulty, faulty], axis=1), n_labels)
    known = np.full(len(drawn), -1)
    known[asked] = printer.labels[drawn][asked]
    return known


def few_labels(model: MarginModel, question: Question) -> float:
    """With the class of the three prints whose class is least sure."""
    return margin(model, question, told(model, question, N_LABELS))


def hindsight(_model: MarginModel, question: Question) -> float:
    """The decision that is best on the prints it is scored on."""
    printer, rest = question.printer, question.rest
    places = np.append(printer.margins[rest] - 1e-6, 0.0)
    return float(max(places, key=lambda place: scored(printer, rest, place)))


def scored(printer: Printer, rest: Ints, decision: float) -> float:
    """Balanced accuracy on the given prints."""
    return balanced_accuracy((printer.margins[rest] > decision).astype(np.int64), printer.labels[rest], 2)


KNOWLEDGE: dict[str, Knowledge] = {
    "nothing more": margin,
    "ideal rehearsal": lambda model, question: margin(rehearsed(model, question), question),
    "true scale": lambda model, question: margin(true_scale(model, question), question),
    "true shift": lambda model, question: margin(true_shift(model, question), question),
    "true shift and scale": lambda model, question: margin(true_scale(true_shift(model, question), question), question),
    f"{N_LABELS} labels": few_labels,
    "best in hindsight": hindsight,
}


def fitted_margins(source: SourceScores) -> MarginModel:
    """The margin model of the source.

    Raises:
        SystemExit: If a class has too few prints.
    """
    model = known_margins(source)
    if model is None:
        raise SystemExit("the checkpoint's memory has too few prints of a class")
    return model


def printers_of(model: Model, data: Path, threads: int | None) -> list[Printer]:
    """The printers of a data set that are not among the model's own."""
    return [printer_of(table, seen, model.classes) for table, seen in unseen_printers(model, data, threads)]


def printer_of(table: FrameTable, seen: Floats, classes: Sequence[str]) -> Printer:
    """The prints of one printer's frames, whose probabilities (n, 2) are ``seen``."""
    return Printer(table.printers[0], *print_margins(log_odds(seen), table.print_codes), print_labels(table, classes))


def questions(printers: Sequence[Printer], n_prints: int, repeats: int) -> list[tuple[float, Question]]:
    """Share of faulty prints and question."""
    found = []
    for printer in printers:
        others = [other for other in printers if other is not printer]
        for share in SHARES:
            for repeat in range(repeats):
                rng = np.random.default_rng([zlib.crc32(printer.name.encode()), round(100 * share), repeat])
                drawn = draw_prints(printer.labels, n_prints, share, rng)
                if drawn is not None:
                    found.append((share, Question(printer, others, drawn)))
    return found


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=SOURCE, help="checkpoint with a source memory")
    parser.add_argument("--data", type=Path, required=True, help="labelled frames of other printers, three at least")
    parser.add_argument("--prints", type=int, default=12, help="prints to decide by")
    parser.add_argument("--repeats", type=int, default=6, help="sets of each printer and share")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    refuse_missing(options.source, options.data)
    model = adaptprint.load(options.source, threads=options.threads)
    fitted, printers = fitted_margins(source_scores(model)), printers_of(model, options.data, options.threads)
    asked = questions(printers, options.prints, options.repeats)
    shares = np.array([share for share, _ in asked])
    before = np.array([scored(question.printer, question.rest, 0.0) for _, question in asked])
    figures: list[Row] = []
    for name, knows in KNOWLEDGE.items():
        after = np.array([scored(question.printer, question.rest, knows(fitted, question)) for _, question in asked])
        gains = 100 * (after - before)
        figures.append(
            {"known": name, "gain, points": f"{gains.mean():+.1f}"}
            | {f"share {share:g}": f"{gains[shares == share].mean():+.1f}" for share in SHARES}
            | {"worst": f"{gains.min():+.1f}", "lost over a point": f"{(gains < -1).mean():.0%}"}
        )
    offsets: list[Row] = [
        {
            "printer": printer.name,
            "prints": len(printer.labels),
            "shift of good prints, parts of the gap": f"{printer.offset(fitted)[0] / fitted.gap:+.2f}",
            "log scale": f"{printer.offset(fitted)[1]:+.2f}",
            "old decision": scored(printer, np.arange(len(printer.labels)), 0.0),
        }
        for printer in printers
    ]
    report({f"{options.prints} prints, {len(asked)} sets": figures, "Printers": offsets}, options.json)


if __name__ == "__main__":
    main()
