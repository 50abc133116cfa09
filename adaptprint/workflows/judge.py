"""Judges the candidates of an adaptation on a balanced part of the data, and picks the one to decide about."""

from dataclasses import dataclass

import numpy as np

from adaptprint.adaptation.prior import PriorWord
from adaptprint.adaptation.task import SOURCE_ONLY, Adaptation, AdaptationTask, Candidate
from adaptprint.diagnostics.examine import Examination, Examiner
from adaptprint.diagnostics.verdict import Verdict, weigh
from adaptprint.frames.pixels import Pixels
from adaptprint.frames.sampling import balanced_rows
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.device import Compute
from adaptprint.models.embed import Embedding
from adaptprint.models.memory import SourceFrames
from adaptprint.reporting.progress import ProgressCallback

# Enough for intervals that are bounded by the number of prints, and a bounded time per candidate.
_TARGET_FRAMES = 400
_SOURCE_FRAMES = 500


@dataclass(frozen=True)
class Judgement:
    """The candidate that was picked, what was found out about each, and the verdict.

    Attributes:
        candidate: The best candidate beside the source model; the source model itself where there is no other.
        chosen: Its examination.
        examinations: One for each candidate beside the source model.
        verdict: The decision.
    """

    candidate: Candidate
    chosen: Examination
    examinations: tuple[Examination, ...]
    verdict: Verdict


def judge(task: AdaptationTask, adaptation: Adaptation, word: PriorWord, before: Embedding | None) -> Judgement:
    """Examines every candidate and weighs the best; ``before``, if known, is the source model's view of the target."""
    examiner = examiner_for(
        task.checkpoint, task.source, task.target, word, task.compute, task.seed, task.report, before
    )
    others = [candidate for candidate in adaptation.candidates if candidate.name != SOURCE_ONLY]
    if not others:
        source = adaptation.candidates[0]
        verdict = Verdict("keep-source", ("recipe `source-only` changes nothing; this is the baseline",))
        return Judgement(source, examiner.examine(source), (), verdict)
    examinations = tuple(examiner.examine(candidate) for candidate in others)
    # A candidate under a veto is picked only where all are.
    chosen = max(examinations, key=lambda examination: (not examination.vetoes, examination.score))
    return Judgement(chosen.candidate, chosen, examinations, weigh(chosen.evidence, chosen.witnesses, chosen.vetoes))


def examined_rows(table: FrameTable, seed: int) -> Ints:
    """The rows of the target's frames that candidates are examined on: a print-balanced part, in no order."""
    return balanced_rows([table.print_codes], _TARGET_FRAMES, seed)


def examiner_for(
    checkpoint: Checkpoint,
    source: SourceFrames | None,
    target: Pixels,
    word: PriorWord,
    compute: Compute,
    seed: int,
    report: ProgressCallback,
    before: Embedding | None = None,
) -> Examiner:
    """An examiner over a print-balanced part of the target and a balanced part of the source."""
    rows = examined_rows(target.table, seed)
    config = checkpoint.config
    return Examiner(
        checkpoint,
        _part_of_source(source, config.classes, seed),
        target.table.take(rows),
        target.array[rows],
        not config.provenance.labels_vary_inside_prints,
        word,
        compute,
        seed,
        report,
        None if before is None else Embedding(before.features[rows], before.logits[rows]),
    )


def _part_of_source(source: SourceFrames | None, classes: list[str], seed: int) -> SourceFrames | None:
    if source is None or len(source) <= _SOURCE_FRAMES:
        return source
    table = source.table
    levels = [
        source.held_out.astype(np.int64),
        table.label_codes(classes),
        table.printer_codes,
        table.print_codes,
    ]
    rows = balanced_rows(levels, _SOURCE_FRAMES, seed)
    return SourceFrames(table.take(rows), source.array[rows], source.held_out[rows], source.digests)
