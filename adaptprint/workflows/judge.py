"""Judges the candidates of an adaptation on a balanced part of the data, and picks the one to decide about."""

from dataclasses import dataclass, replace

import numpy as np

from adaptprint.adaptation.domain_views import part_of_source
from adaptprint.adaptation.prior import PriorEstimate, PriorWord
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
from adaptprint.workflows.first_look import FirstLook

# Enough for intervals that are bounded by the number of prints, and a bounded time per candidate.
_TARGET_FRAMES = 400


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


def judge(task: AdaptationTask, adaptation: Adaptation, look: FirstLook) -> Judgement:
    """Examines every candidate and weighs the best; ``look`` is the source model's view of both domains."""
    examiner = examiner_for(
        task.checkpoint, task.source, task.target, task.word, task.compute, task.seed, task.report, look
    )
    others = [candidate for candidate in adaptation.candidates if candidate.name != SOURCE_ONLY]
    if not others:
        source = adaptation.candidates[0]
        why = adaptation.warnings or ("the recipe found nothing to change",)
        if task.recipe.changes_nothing:
            why = ("recipe `source-only` changes nothing; this is the baseline",)
        return Judgement(source, examiner.examine(source), (), Verdict("keep-source", why))
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
    look: FirstLook | None = None,
) -> Examiner:
    """An examiner over a print-balanced part of the target and a balanced part of the source.

    ``look``, where there is one, saves embedding both parts with the source model again, and gives the class shares.
    """
    rows = examined_rows(target.table, seed)
    config = checkpoint.config
    return Examiner(
        checkpoint,
        None if source is None else part_of_source(source, config.classes, seed),
        target.table.take(rows),
        target.array[rows],
        not config.provenance.labels_vary_inside_prints,
        word,
        compute,
        seed,
        report,
        None if look is None else Embedding(look.target.features[rows], look.target.logits[rows]),
        None if look is None or look.source is None else look.source.seen,
        None if look is None else _prior_of(look.prior, target.table, rows),
    )


def _prior_of(prior: PriorEstimate, table: FrameTable, rows: Ints) -> PriorEstimate:
    """The prior with the posteriors of those prints alone that the given rows are of, in their order."""
    if prior.print_posteriors is None:
        return prior
    _, first = np.unique(table.print_codes[rows], return_index=True)
    prints = table.print_codes[rows][np.sort(first)]
    return replace(prior, print_posteriors=prior.print_posteriors[prints])
