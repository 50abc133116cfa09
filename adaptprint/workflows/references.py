"""Remembers how the printer looks at adaptation, as the source model and as the candidate sees it."""

from dataclasses import dataclass

import numpy as np

from adaptprint.adaptation.domain_views import candidate_network
from adaptprint.adaptation.print_margins import log_odds, print_margins
from adaptprint.adaptation.prior import SourceScores, known_margins
from adaptprint.adaptation.task import SOURCE_ONLY, AdaptationTask, Candidate
from adaptprint.diagnostics.drift import packed
from adaptprint.diagnostics.evidence import Evidence, View
from adaptprint.diagnostics.neighbours import unit_rows
from adaptprint.frames.sampling import balanced_rows
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.models.domain_reference import DomainReference
from adaptprint.models.embed import Floats
from adaptprint.models.metrics import print_probabilities
from adaptprint.models.print_statistics import print_statistics
from adaptprint.reporting.progress import Progress
from adaptprint.workflows.judge import Judgement, rows_examined

# As few as say what is usual: a checkpoint should not grow by more than some hundred kilobytes.
FRAMES = 128
PRINTS = 64
FRAMES_PER_PRINT = 4


@dataclass(frozen=True)
class References:
    """How the printer looks.

    Attributes:
        source: To the source model.
        candidate: To the candidate.
    """

    source: DomainReference
    candidate: DomainReference


def remember(task: AdaptationTask, judgement: Judgement) -> References:
    """A part of the frames that the candidate was judged on, as both models see them."""
    evidence, candidate = judgement.chosen.evidence, judgement.candidate
    rows = _kept_rows(evidence.target.print_codes, task.seed)
    frames = task.target.array[rows_examined(task)[rows]]
    codes = np.unique(evidence.target.print_codes[rows], return_inverse=True)[1].astype(np.int64)
    few = few_of_each(codes)
    task.report(Progress("remembering this printer", 0, 1))

    def statistics(model: Candidate) -> Floats:
        network = candidate_network(task.checkpoint, model, task.compute)
        return print_statistics(network, frames[few], codes[few], task.compute)

    of_source = statistics(Candidate(SOURCE_ONLY, task.checkpoint.state))
    same_trunk = candidate.name == SOURCE_ONLY or candidate.moves_decision_only
    of_candidate = of_source if same_trunk else statistics(candidate)
    task.report(Progress("remembering this printer", 1, 1))
    return References(
        _reference(evidence, evidence.frozen, rows, of_source, 0.0),
        _reference(evidence, evidence.adapted, rows, of_candidate, decided_at(candidate)),
    )


def decided_at(candidate: Candidate) -> float:
    """What a candidate's margins on the target lack to the scale on which its source frames are judged."""
    return 0.0 if candidate.decision is None else candidate.decision.margin


def few_of_each(codes: Ints, most: int = FRAMES_PER_PRINT) -> Ints:
    """Rows of at most four frames of each print, at equal distances.

    Statistics of prints are compared over as many frames then as now: of fewer they would scatter more, and lie farther
    off for no other reason.

    Args:
        codes: (n,) print of each frame, 0 to p-1, each of which occurs.
        most: Frames of each print at most.
    """
    prints = (np.flatnonzero(codes == code) for code in range(int(codes.max()) + 1))
    places = ((own, np.linspace(0, len(own) - 1, min(most, len(own)))) for own in prints)
    return np.concatenate([own[place.astype(np.int64)] for own, place in places])


def spread_prints(table: FrameTable, most: int) -> FrameTable:
    """Frames of at most so many prints, evenly over their order, so that enough of each can be looked at."""
    n_prints = table.prints.height
    if n_prints <= most:
        return table
    kept = np.linspace(0, n_prints - 1, most).astype(np.int64)
    return table.where(np.isin(table.print_codes, kept))


def frames_behind_each(reference: DomainReference) -> int:
    """How many frames stand behind the statistics of a usual print at adaptation: of many prints fewer are kept."""
    return int(np.median(np.minimum(np.bincount(reference.prints), FRAMES_PER_PRINT)))


def _kept_rows(codes: Ints, seed: int) -> Ints:
    """Rows of at most 64 prints, evenly over their order, and of at most 128 frames, evenly over these prints."""
    n_prints = int(codes.max()) + 1
    prints = np.unique(np.linspace(0, n_prints - 1, min(PRINTS, n_prints)).astype(np.int64))
    among = np.flatnonzero(np.isin(codes, prints))
    return among[balanced_rows([codes[among]], FRAMES, seed)]


def _reference(evidence: Evidence, view: View, rows: Ints, statistics: Floats, margin: float) -> DomainReference:
    """What one view keeps; print calls and margins are of all frames of these prints that were looked at."""
    all_codes = evidence.target.print_codes
    kept = np.unique(all_codes[rows])
    codes = np.searchsorted(kept, all_codes[rows]).astype(np.int64)
    among = np.isin(all_codes, kept)
    prints, seen = np.searchsorted(kept, all_codes[among]).astype(np.int64), view.target.probabilities[among]
    model = None
    if evidence.source is not None and view.source is not None and evidence.print_consensus:
        source = evidence.source
        scores = SourceScores(view.source.probabilities, source.table, evidence.source_labels, source.held_out)
        model = known_margins(scores)
    margins, counts = np.zeros(0), np.zeros(0, dtype=np.int64)
    if model is not None:
        margins, counts = print_margins(log_odds(seen) + margin, prints)
    return DomainReference(
        # As the checkpoint keeps them: what is read back must be what was written.
        unit_rows(view.target.features[rows]).astype(np.float16).astype(np.float32),
        codes,
        statistics.astype(np.float16).astype(np.float32),
        print_probabilities(seen, prints).astype(np.float64),
        margins,
        counts.astype(np.int64),
        packed(model),
    )
