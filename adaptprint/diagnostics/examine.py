"""Examines candidates: each one's view of source and target, its neighbours, witnesses and vetoes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from adaptprint.adaptation.prior import PriorEstimate, PriorWord, SourceScores, estimate_prior
from adaptprint.adaptation.task import Candidate
from adaptprint.diagnostics.assumptions import situation
from adaptprint.diagnostics.candidate_views import CandidateViews
from adaptprint.diagnostics.evidence import Evidence, View
from adaptprint.diagnostics.neighbour_measures import FrameHashes, frame_hashes
from adaptprint.diagnostics.neighbourhood import Neighbourhood, look_around
from adaptprint.diagnostics.rehearsal import gain_relation, rehearsed_in, trials_of_recipe
from adaptprint.diagnostics.validators import Validator, run_validators
from adaptprint.diagnostics.verdict import candidate_score
from adaptprint.diagnostics.vetoes import Veto, find_vetoes
from adaptprint.diagnostics.witnesses import Witness, hear_witnesses
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.device import Compute
from adaptprint.models.embed import Embedding, Frames
from adaptprint.models.memory import SourceFrames
from adaptprint.models.metrics import decide
from adaptprint.reporting.progress import Progress, ProgressCallback, silent


@dataclass(frozen=True)
class Examination:
    """Everything found out about one candidate.

    Attributes:
        candidate: The model.
        evidence: What the witnesses looked at.
        frozen: Neighbours in the source model's space, calls by the candidate; ``None`` without source frames.
        adapted: Neighbours in the candidate's own space; ``None`` without source frames.
        witnesses: All witnesses, also those not heard.
        vetoes: Reasons that forbid shipping, and those that were answered.
        validators: The field's label-free scores of both models; no part of the verdict.
    """

    candidate: Candidate
    evidence: Evidence
    frozen: Neighbourhood | None
    adapted: Neighbourhood | None
    witnesses: tuple[Witness, ...]
    vetoes: tuple[Veto, ...]
    validators: tuple[Validator, ...] = ()

    @property
    def score(self) -> float:
        """How strongly the witnesses support the candidate."""
        return candidate_score(self.witnesses)

    @property
    def may_ship(self) -> bool:
        """Whether no veto stands against it."""
        return not any(veto.stands for veto in self.vetoes)


class Examiner:
    """Examines candidates against one source model on one target.

    Args:
        checkpoint: The source model.
        source: Labelled source frames (a subset will do), or ``None``.
        target: The n target frames to judge by.
        target_array: (n, h, w, 3) uint8.
        print_consensus: Whether all frames of a print share one label.
        word: What the user says of the prior.
        compute: Device and number format.
        seed: Decides every draw.
        report: Progress callback.
        seen: The source model's view of the n target frames, where it is known already.
        seen_source: Its view of the source frames, likewise.
        prior: Class shares of the target, each print's posteriors in the order of ``target``; ``None`` estimates them
            from the source model's view of both domains.
        print_labels: (p,) class of each labelled print, -1 for the others, in the order of ``target``; ``None`` where
            there are none that candidates did not learn from.
        settings: Of the recipe that makes the candidates, as its rehearsal names them.
        own: As :class:`CandidateViews` takes it.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        source: SourceFrames | None,
        target: FrameTable,
        target_array: Frames,
        print_consensus: bool,
        word: PriorWord,
        compute: Compute,
        seed: int,
        report: ProgressCallback = silent,
        seen: Embedding | None = None,
        seen_source: Embedding | None = None,
        prior: PriorEstimate | None = None,
        print_labels: Ints | None = None,
        settings: Mapping[str, Any] | None = None,
        own: Candidate | None = None,
    ) -> None:
        self.checkpoint, self.source, self.compute, self.seed = checkpoint, source, compute, seed
        self.target, self.target_array, self.word, self.report = target, target_array, word, report
        self.print_consensus, self.print_labels = print_consensus, print_labels
        self.settings, self.rehearsal = settings or {}, rehearsed_in(checkpoint.config.metrics)
        self.classes = tuple(checkpoint.config.classes)
        self.source_labels = (
            source.table.label_codes(self.classes) if source is not None else np.zeros(0, dtype=np.int64)
        )
        self.views = CandidateViews(
            checkpoint, source, self.source_labels, target_array, compute, seed, report, seen, seen_source, own
        )
        self.frozen = self.views.frozen
        self.prior = prior or self._estimated_prior()

    def examine(self, candidate: Candidate) -> Examination:
        """Hears the witnesses and looks for vetoes against one candidate."""
        frozen, adapted = self.views.pair(candidate)
        evidence = Evidence(
            source=self.source,
            source_labels=self.source_labels,
            target=self.target,
            classes=self.classes,
            threshold=self.checkpoint.config.threshold,
            frozen=frozen,
            adapted=adapted,
            print_consensus=self.print_consensus,
            trained=candidate.trained,
            decision=candidate.decision if candidate.moves_decision_only else None,
            relation=gain_relation(self.rehearsal),
            recipe_trials=trials_of_recipe(self.rehearsal, self.settings),
            print_posteriors=self.prior.print_posteriors,
            print_labels=self.print_labels,
        )
        self.report(Progress("looking up neighbours", 0, 0))
        return find_out(candidate, evidence, self.prior, self.word, self._hashes, self.seed)

    def _estimated_prior(self) -> PriorEstimate:
        """Class shares of the target as the source model's view of both domains lets expect."""
        scores = None
        if self.source is not None and self.frozen.source is not None:
            seen = self.frozen.source.probabilities
            scores = SourceScores(seen, self.source.table, self.source_labels, self.source.held_out)
        seen, by_frame = self.frozen.target.probabilities, not self.print_consensus
        return estimate_prior(seen, self.target, self.word, by_frame, self.seed, scores)

    @cached_property
    def _hashes(self) -> FrameHashes | None:
        """By which near-copies are told, the same for every candidate."""
        if self.source is None:
            return None
        return frame_hashes(self.source.table, self.source.array, self.target, self.target_array)


def find_out(
    candidate: Candidate,
    evidence: Evidence,
    prior: PriorEstimate,
    word: PriorWord,
    hashes: FrameHashes | None = None,
    seed: int = 0,
) -> Examination:
    """Everything that follows from what both models see: neighbours, witnesses, vetoes, validators.

    Args:
        candidate: The model.
        evidence: What it and the source model see.
        prior: Class shares of the target.
        word: What the user says of them.
        hashes: Of all frames, to tell near-copies.
        seed: Decides every draw.
    """
    frozen = adapted = _neighbourhood(evidence, evidence.frozen, prior, hashes, seed)
    if not _one_space(evidence.frozen, evidence.adapted):
        adapted = _neighbourhood(evidence, evidence.adapted, prior, hashes, seed)
    witnesses = tuple(hear_witnesses(evidence, seed))
    vetoes = find_vetoes(evidence, frozen, adapted, word)
    support = None if frozen is None or adapted is None else (frozen.support.value, adapted.support.value)
    validators = run_validators(situation(evidence, prior, word, support))
    return Examination(candidate, evidence, frozen, adapted, witnesses, vetoes, validators)


def _neighbourhood(
    evidence: Evidence, view: View, prior: PriorEstimate, hashes: FrameHashes | None, seed: int
) -> Neighbourhood | None:
    """In the space of one model, of the candidate's calls; ``None`` without source frames."""
    if evidence.source is None or view.source is None:
        return None
    return look_around(
        evidence.source,
        view.source.features,
        evidence.source_labels,
        evidence.target,
        view.target.features,
        decide(evidence.adapted.target.probabilities, evidence.threshold),
        len(evidence.classes),
        seed,
        prior,
        hashes,
    )


def _one_space(view: View, other: View) -> bool:
    """Whether two models share their features, so that neighbours in one are those in the other."""
    return view.target.features is other.target.features and view.source is other.source
