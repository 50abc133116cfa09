"""The target prior: the share of each class among the target's prints, from the user's word and the model's view."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from adaptprint.adaptation.label_shift import fit_label_shift, mlls
from adaptprint.adaptation.print_decision import PrintDecision, best_decision
from adaptprint.adaptation.print_margins import MarginModel, fit_margins, log_odds, print_margins, share_posterior
from adaptprint.adaptation.prior_word import PriorWord, doubt, parse_prior
from adaptprint.errors import UsageError
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.models.embed import Floats
from adaptprint.models.metrics import mean_by_print

__all__ = ["PriorEstimate", "PriorWord", "SourceScores", "estimate_prior", "known_margins", "of_fault", "parse_prior"]

Doubles = npt.NDArray[np.float64]
# Source prints of each class without which nothing can be learned from them.
_MIN_SOURCE_PRINTS = 5
# Unseen prints of each class for every printer, on the whole: the noise of fewer is worse than the flattery of trained
# ones.
_MIN_UNSEEN_PRINTS = 3
_BOOTSTRAPS = 400


@dataclass(frozen=True)
class SourceScores:
    """The source model's view of labelled source frames.

    Attributes:
        probabilities: (m, K) float, rows sum to one.
        table: The m frames.
        labels: (m,) int64 classes in model order.
        held_out: (m,) bool: frames that training did not see.
    """

    probabilities: Floats
    table: FrameTable
    labels: Ints
    held_out: npt.NDArray[np.bool_]

    def take(self, rows: Ints) -> "SourceScores":
        """The given frames."""
        return SourceScores(self.probabilities[rows], self.table.take(rows), self.labels[rows], self.held_out[rows])


@dataclass(frozen=True)
class PriorEstimate:
    """Estimated class shares of the target's prints.

    Attributes:
        shares: (K,) class shares, sum one, kept inside the user's range.
        low: (K,) lower ends of a 90 % interval.
        high: (K,) upper ends.
        method: ``print margins``, ``MLLS`` or ``mean probability``.
        says: How it was found, one sentence.
        print_posteriors: (p, K) probability of each class for each print, in order of the print codes, rows sum to
            one; ``None`` for ``mean probability``, whose scores are not posteriors.
        shift: How far the new printer moves the log odds halfway between the classes. Posterior mean; ``None`` unless
            by print margins.
        scale: How much it stretches the gap between the classes; ``None`` likewise.
        decision: Where to decide on this printer, and what that gains; ``None`` likewise.
        others: Further estimates of the shares, each (K,), by name; empty without source frames.
        doubt: A sentence where the data hardly allow what the user says; the user's word stands all the same.
    """

    shares: Doubles
    low: Doubles
    high: Doubles
    method: str = "mean probability"
    says: str = ""
    print_posteriors: Doubles | None = None
    shift: float | None = None
    scale: float | None = None
    decision: PrintDecision | None = None
    others: Mapping[str, Doubles] = field(default_factory=dict)
    doubt: str | None = None


def estimate_prior(
    probabilities: Floats,
    table: FrameTable,
    word: PriorWord,
    by_frame: bool = False,
    seed: int = 0,
    source: SourceScores | None = None,
    known: Ints | None = None,
) -> PriorEstimate:
    """Class shares over prints, kept inside the user's range.

    Two classes go by print margins under an unknown shift and scale of the printer
    (:mod:`~adaptprint.adaptation.print_margins`), more by MLLS. Without source prints of every class, and where frames
    are counted, it is the mean predicted probability: biased where the printer moves all scores one way, with an
    interval that covers only the chance of which prints were seen.

    Args:
        probabilities: (n, K) of the source model.
        table: The n target frames.
        word: The user's range for class 1; ignored unless K is 2.
        by_frame: Count frames instead of prints, for data whose labels differ inside prints.
        seed: Decides every draw.
        source: Labelled source frames as the same model sees them.
        known: (p,) class of each target print whose label is known, -1 for the others.

    Raises:
        UsageError: If the user's word leaves no room for a label that is known.
    """
    if known is not None and probabilities.shape[1] == 2 and set(known[known >= 0]) & _ruled_out(word):
        raise UsageError(
            f"--target-prior {word.text} and the labelled prints contradict each other",
            "Mend the labels, or give a range that has room for them: --target-prior 0-1.",
        )
    source = None if source is None or by_frame else _usable(source, probabilities.shape[1])
    if source is None:
        return _by_mean_probability(probabilities, table, word, by_frame, seed)
    scores = _print_scores(probabilities, table.print_codes)
    shift = fit_label_shift(_print_scores(source.probabilities, source.table.print_codes), _print_labels(source))
    others = {
        **shift.estimates(scores),
        "mean probability": mean_by_print(probabilities, table.print_codes).mean(axis=0),
    }
    if probabilities.shape[1] == 2:
        return _by_print_margins(source, probabilities, table.print_codes, word, seed, others, known)
    return _by_mlls(shift.posteriors(scores), seed, others, known)


def known_margins(source: SourceScores) -> MarginModel | None:
    """What print margins look like on the source's printers; ``None`` without two classes or enough prints of each."""
    n_classes = source.probabilities.shape[1]
    usable = _usable(source, n_classes) if n_classes == 2 else None
    return None if usable is None else _fitted(usable)


def _fitted(source: SourceScores) -> MarginModel:
    table = source.table
    return fit_margins(log_odds(source.probabilities), source.labels, table.print_codes, table.printer_codes)


def _ruled_out(word: PriorWord) -> set[int]:
    """Classes that the user says no print is of."""
    return {k for k, most in enumerate((1 - word.low, word.high)) if most <= 0}


def _by_print_margins(
    source: SourceScores,
    probabilities: Floats,
    codes: Ints,
    word: PriorWord,
    seed: int,
    others: dict[str, Doubles],
    known: Ints | None,
) -> PriorEstimate:
    model = _fitted(source)
    values, counts = print_margins(log_odds(probabilities), codes)
    found = free = share_posterior(model, values, counts, seed=seed, known=known)
    if not word.is_unknown:
        found = share_posterior(model, values, counts, word.low, word.high, seed=seed, known=known)
    low, high = np.quantile(found.shares, [0.05, 0.95])
    bad = np.clip([np.median(found.shares), low, high], word.low, word.high)
    return PriorEstimate(
        *_two_classes(bad),
        method="print margins",
        says=f"from the margins of {len(values)} prints, for a printer that differs from the source's as those differ "
        "from each other",
        print_posteriors=np.stack([1 - found.print_posteriors, found.print_posteriors], axis=1),
        shift=found.shift,
        scale=found.scale,
        decision=best_decision(model, found),
        others=others,
        doubt=doubt(free.shares, word),
    )


def _by_mlls(posteriors: Doubles, seed: int, others: dict[str, Doubles], known: Ints | None) -> PriorEstimate:
    if known is not None:
        posteriors = np.where(known[:, None] < 0, posteriors, np.eye(posteriors.shape[1])[known])
    rng = np.random.default_rng([seed, 3])
    n = len(posteriors)
    draws = [mlls(posteriors[rng.integers(n, size=n)]) for _ in range(_BOOTSTRAPS)]
    shares = others["MLLS"] if known is None else mlls(posteriors)
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    joint = posteriors * shares
    return PriorEstimate(
        shares,
        np.minimum(low, shares),
        np.maximum(high, shares),
        method="MLLS",
        says=f"MLLS over {n} prints, as if the printer changed nothing but the class shares; the interval covers only "
        "which prints were seen",
        print_posteriors=joint / joint.sum(axis=1, keepdims=True),
        others=others,
    )


def _by_mean_probability(
    probabilities: Floats, table: FrameTable, word: PriorWord, by_frame: bool, seed: int
) -> PriorEstimate:
    scores = mean_by_print(probabilities, table.print_codes)
    weights = np.bincount(table.print_codes).astype(float) if by_frame else np.ones(len(scores))
    rng = np.random.default_rng([seed, 3])
    draws = []
    for _ in range(_BOOTSTRAPS):
        rows = rng.integers(len(scores), size=len(scores))
        draws.append(np.average(scores[rows], axis=0, weights=weights[rows]))
    shares = np.average(scores, axis=0, weights=weights)
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    if shares.shape[0] == 2 and not word.is_unknown:
        shares, low, high = _two_classes(np.clip([shares[1], low[1], high[1]], word.low, word.high))
    why = "labels differ inside the source's prints" if by_frame else "there are too few labelled source prints"
    says = f"the mean predicted probability, since {why}: its bias on a new printer is not in the interval"
    return PriorEstimate(shares, low, high, says=says)


def _two_classes(bad: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Shares, lower and upper ends of both classes from those of class 1."""
    return np.array([1 - bad[0], bad[0]]), np.array([1 - bad[2], bad[1]]), np.array([1 - bad[1], bad[2]])


def _print_scores(probabilities: Floats, codes: Ints) -> Doubles:
    """(p, K) mean log probability of each print."""
    return mean_by_print(np.log(np.maximum(probabilities.astype(np.float64), 1e-6)), codes)


def _print_labels(source: SourceScores) -> Ints:
    """(p,) class of each print; its frames share one."""
    return source.labels[np.unique(source.table.print_codes, return_index=True)[1]]


def _usable(source: SourceScores, n_classes: int) -> SourceScores | None:
    """Frames that training did not see where they suffice, else all; ``None`` where a class has too few prints."""
    enough = max(_MIN_SOURCE_PRINTS, _MIN_UNSEEN_PRINTS * len(source.table.printers))
    for rows, least in ((np.flatnonzero(source.held_out), enough), (np.arange(len(source.labels)), _MIN_SOURCE_PRINTS)):
        chosen = source.take(rows)
        if len(rows) and np.bincount(_print_labels(chosen), minlength=n_classes).min() >= least:
            return chosen
    return None


def of_fault(shares: Doubles) -> float | list[float]:
    """The share of the faulty class in a binary model, else the list of all class shares; rounded, for people."""
    rounded = [round(float(share), 4) for share in shares]
    return rounded[1] if len(rounded) == 2 else rounded
