"""Judges the candidates of an adaptation on a balanced part of the data, and picks the one to decide about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adaptprint.adaptation.domain_views import part_of_source
from adaptprint.adaptation.prior import PriorEstimate, PriorWord
from adaptprint.adaptation.task import SOURCE_ONLY, Adaptation, AdaptationTask, Candidate
from adaptprint.diagnostics.examine import Examination, Examiner
from adaptprint.diagnostics.verdict import Verdict, weigh
from adaptprint.diagnostics.vetoes import answered
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
        candidate: The candidate that was picked; the source model itself where there is no other.
        chosen: Its examination.
        examinations: One for each candidate that was looked at, in the order in which the recipe made them.
        verdict: The decision.
    """

    candidate: Candidate
    chosen: Examination
    examinations: tuple[Examination, ...]
    verdict: Verdict


def judge(task: AdaptationTask, adaptation: Adaptation, look: FirstLook) -> Judgement:
    """Examines an adaptation's candidates, picks one and weighs it.

    How strongly the witnesses speak orders candidates no better than chance (docs/decisions/0020). So what the recipe
    ends with is picked, or its latest snapshot against which no veto stands: the model that training began with is no
    earlier form of it. Only a moved decision, whose gain can be told without labels, goes before that where it ships
    and the other does not.

    Args:
        task: What was adapted.
        adaptation: Its candidates.
        look: The source model's view of both domains.
    """
    examiner = examiner_for(
        task.checkpoint,
        task.source,
        task.target,
        task.word,
        task.compute,
        task.seed,
        task.report,
        look,
        _measuring_labels(task),
        task.recipe.settings,
    )
    others = [candidate for candidate in adaptation.candidates if candidate.name != SOURCE_ONLY]
    if not others:
        source = adaptation.candidates[0]
        why = adaptation.warnings or ("the recipe found nothing to change",)
        if task.recipe.changes_nothing:
            why = ("recipe `source-only` changes nothing; this is the baseline",)
        return Judgement(source, examiner.examine(source), (), Verdict("keep-source", why))
    examinations = _examined(examiner, others)
    return decided(_picked(examinations), examinations)


def _examined(examiner: Examiner, candidates: Sequence[Candidate]) -> tuple[Examination, ...]:
    """From the last candidate on, until no veto stands; those with a moved decision alone, which is quick, all."""
    found: list[Examination] = []
    for candidate in reversed(candidates):
        snapshot = candidate.trained == candidates[-1].trained and not any(each.may_ship for each in found)
        if snapshot or candidate.moves_decision_only:
            found.append(examiner.examine(candidate))
    return tuple(reversed(found))


def _picked(examinations: Sequence[Examination]) -> Examination:
    snapshots = [each for each in examinations if each.candidate.trained == examinations[-1].candidate.trained]
    end = ([each for each in snapshots if each.may_ship] or snapshots)[-1]
    if _verdict(end).decision == "ship":
        return end
    moved = (each for each in examinations if each.may_ship and each.candidate.moves_decision_only)
    return next((each for each in moved if _verdict(each).decision == "ship"), end)


def _verdict(examination: Examination) -> Verdict:
    return weigh(examination.evidence, examination.witnesses, examination.vetoes, examination.validators)


def decided(chosen: Examination, examinations: tuple[Examination, ...]) -> Judgement:
    """The judgement that follows from what was found out about the chosen candidate."""
    return Judgement(chosen.candidate, chosen, examinations, _verdict(chosen))


def judge_again(judgement: Judgement, print_labels: Ints) -> Judgement:
    """The same candidate once prints are labelled that it did not learn from.

    Args:
        judgement: Without these labels.
        print_labels: (p,) class of each print, -1 for those not labelled, in the order of the evidence's target.
    """
    chosen = judgement.chosen
    evidence = replace(chosen.evidence, print_labels=print_labels)
    heard = replace(chosen, evidence=evidence, vetoes=answered(chosen.vetoes, evidence))
    return decided(heard, judgement.examinations)


def rows_examined(task: AdaptationTask) -> Ints:
    """The rows of the target's frames that its candidates are examined on, in no order."""
    return _examined_rows(task.target.table, task.seed, _measuring_labels(task))


def _measuring_labels(task: AdaptationTask) -> Ints | None:
    """Labels that made the candidates would only measure how well they were learned."""
    return None if task.recipe.learns_print_labels else task.print_labels


def _examined_rows(table: FrameTable, seed: int, print_labels: Ints | None) -> Ints:
    """A print-balanced part of the frames, and all frames of labelled prints that it leaves out."""
    rows = balanced_rows([table.print_codes], _TARGET_FRAMES, seed)
    if print_labels is None:
        return rows
    left_out = np.setdiff1d(np.flatnonzero(print_labels >= 0), table.print_codes[rows])
    return np.concatenate([rows, np.flatnonzero(np.isin(table.print_codes, left_out))])


def examiner_for(
    checkpoint: Checkpoint,
    source: SourceFrames | None,
    target: Pixels,
    word: PriorWord,
    compute: Compute,
    seed: int,
    report: ProgressCallback,
    look: FirstLook | None = None,
    print_labels: Ints | None = None,
    settings: Mapping[str, Any] | None = None,
    own: Candidate | None = None,
) -> Examiner:
    """An examiner over a print-balanced part of the target and a balanced part of the source.

    ``look``, where there is one, saves embedding both parts with the source model again, and gives the class shares.
    ``print_labels`` are those of all target prints, ``settings`` the recipe's.
    ``own`` is the checkpoint's model where it was adapted.
    """
    rows = _examined_rows(target.table, seed, print_labels)
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
        None if print_labels is None else print_labels[_prints_of(target.table, rows)],
        settings,
        own,
    )


def _prior_of(prior: PriorEstimate, table: FrameTable, rows: Ints) -> PriorEstimate:
    """The prior with the posteriors of those prints alone that the given rows are of, in their order."""
    if prior.print_posteriors is None:
        return prior
    return replace(prior, print_posteriors=prior.print_posteriors[_prints_of(table, rows)])


def _prints_of(table: FrameTable, rows: Ints) -> Ints:
    """Codes of the prints that the given rows are of, in the order of first appearance, as `take` gives them anew."""
    _, first = np.unique(table.print_codes[rows], return_index=True)
    return np.asarray(table.print_codes[rows][np.sort(first)], dtype=np.int64)
