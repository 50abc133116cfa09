"""One printer left out: sets of its prints to decide by without labels, and its other prints to be scored on."""

import numpy as np

from adaptprint.adaptation.domain_views import look_at_source
from adaptprint.adaptation.prior import SourceScores, estimate_prior
from adaptprint.adaptation.prior_word import UNKNOWN
from adaptprint.adaptation.task import SOURCE_ONLY, Candidate
from adaptprint.diagnostics.rehearsal import Episode
from adaptprint.frames.table import Ints
from adaptprint.models.embed import Embedding
from adaptprint.models.metrics import decide, print_labels, print_probabilities
from adaptprint.workflows.comparison_left_out import LeftOut

BAD_SHARES = (0.0, 0.2, 0.5, 1.0)
N_PRINTS, N_SETS = 12, 5
_MIN_OTHERS = 2  # prints of each class to be scored on


def episodes_of(left_out: LeftOut, seed: int, n_sets: int = N_SETS) -> list[Episode]:
    """Sets of the printer's prints at every bad share: deciding by them without labels, scored on the others."""
    checkpoint, compute = left_out.checkpoint, left_out.compute
    if checkpoint.memory is None:
        return []
    frozen = Candidate(SOURCE_ONLY, checkpoint.state)
    source = look_at_source(checkpoint, frozen, checkpoint.memory, compute, seed).scores
    labels = print_labels(left_out.pixels.table, checkpoint.config.classes)
    found = []
    for share in BAD_SHARES:
        for number in range(n_sets):
            rng = np.random.default_rng([seed, round(100 * share), number])
            drawn = _draw(labels, share, rng)
            if drawn is not None:
                found.append(_episode(left_out, source, labels, drawn, share, seed))
    return [episode for episode in found if episode is not None]


def _draw(labels: Ints, share: float, rng: np.random.Generator) -> Ints | None:
    """Codes of at most twelve prints, ``share`` of them bad, that leave some of each class; ``None`` where none do."""
    bad, good = rng.permutation(np.flatnonzero(labels == 1)), rng.permutation(np.flatnonzero(labels == 0))
    for n in range(N_PRINTS, 2, -1):
        n_bad = round(share * n)
        if n_bad <= len(bad) - _MIN_OTHERS and n - n_bad <= len(good) - _MIN_OTHERS:
            return np.concatenate([bad[:n_bad], good[: n - n_bad]])
    return None


def _episode(
    left_out: LeftOut, source: SourceScores, labels: Ints, drawn: Ints, share: float, seed: int
) -> Episode | None:
    table, config = left_out.pixels.table, left_out.checkpoint.config
    rows = np.flatnonzero(np.isin(table.print_codes, drawn))
    rest = np.flatnonzero(~np.isin(table.print_codes, drawn))
    part = table.take(rows).without_labels()
    decision = estimate_prior(left_out.seen.probabilities[rows], part, UNKNOWN, seed=seed, source=source).decision
    if decision is None:
        return None
    others = table.take(rest)
    seen = Embedding(left_out.seen.features[rest], left_out.seen.logits[rest])
    truth = print_labels(others, config.classes)
    before, after = (
        decide(print_probabilities(each.probabilities, others.print_codes), config.threshold) == truth
        for each in (seen, seen.decided_at(decision.margin))
    )
    change = after.astype(float) - before
    by_class = [change[truth == k] for k in (0, 1)]
    return Episode(
        printer=table.printers[0],
        bad_share=share,
        n_prints=len(drawn),
        expected=round(decision.gain, 4),
        low=round(decision.low, 4),
        high=round(decision.high, 4),
        gain=round(float(np.mean([each.mean() for each in by_class])), 4),
        error=round(float(np.sqrt(sum(each.var() / len(each) for each in by_class)) / 2), 4),
    )
