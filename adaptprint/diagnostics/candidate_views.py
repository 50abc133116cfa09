"""How the source model and a candidate see the same frames, with no look that follows from another."""

from dataclasses import replace
from functools import cached_property

import numpy as np
import torch

from adaptprint.adaptation.domain_views import candidate_network, view_of_source
from adaptprint.adaptation.task import SOURCE_ONLY, Candidate
from adaptprint.diagnostics.evidence import View
from adaptprint.frames.augment import augment
from adaptprint.frames.table import Ints
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.device import Compute
from adaptprint.models.embed import Embedding, Frames, embed, to_images
from adaptprint.models.memory import SourceFrames
from adaptprint.reporting.progress import ProgressCallback, silent

_VARIATIONS = 1
_VARIATION_STRENGTH = 0.5
_BATCH = 64


class CandidateViews:
    """Views of one target, and of a part of the source, by candidates of one source model.

    Args:
        checkpoint: The source model.
        source: Labelled source frames, or ``None``.
        source_labels: (m,) int64 their classes, empty without source frames.
        target_array: (n, h, w, 3) uint8.
        compute: Device and number format.
        seed: Decides every draw.
        report: Progress callback.
        seen: The source model's view of the n target frames, where it is known already.
        seen_source: Its view of the source frames, likewise.
        own: The checkpoint's model as a candidate, where it was adapted itself; ``None`` takes it for a source model.

    Attributes:
        frozen: The source model's view, without changed frames.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        source: SourceFrames | None,
        source_labels: Ints,
        target_array: Frames,
        compute: Compute,
        seed: int,
        report: ProgressCallback = silent,
        seen: Embedding | None = None,
        seen_source: Embedding | None = None,
        own: Candidate | None = None,
    ) -> None:
        self._checkpoint, self._source, self._source_labels = checkpoint, source, source_labels
        self._target_array, self._compute, self._seed, self._report = target_array, compute, seed, report
        self._source_model = own or Candidate(SOURCE_ONLY, checkpoint.state)
        self.frozen = self._look(self._source_model, seen, seen_source)

    def pair(self, candidate: Candidate) -> tuple[View, View]:
        """The source model's view and the candidate's.

        What follows from the source model's needs no network, and changed frames would tell nothing of it: no witness
        on a moved decision is heard.
        """
        if candidate.state is self._checkpoint.state:
            return self.frozen, self.frozen
        if candidate.decision is not None and candidate.moves_decision_only:
            margin = candidate.decision.margin
            # On the source each printer has a decision of its own.
            return self.frozen, View(self.frozen.source, self.frozen.target.decided_at(margin))
        return self._frozen_on_variations, self.of(candidate)

    def of(self, candidate: Candidate) -> View:
        """How a candidate sees the target, the source, and small changes of the target's frames."""
        return replace(self._look(candidate), varied=self._of_variations(candidate))

    def _look(self, candidate: Candidate, seen: Embedding | None = None, seen_source: Embedding | None = None) -> View:
        """Without changed frames; only what was not seen before is looked at."""
        stage = f"examining {candidate.name}"
        if seen is None:
            network = candidate_network(self._checkpoint, candidate, self._compute)
            seen = embed(network, self._target_array, self._compute, progress=self._report, stage=stage)
        if seen_source is None and self._source is not None:
            seen_source = view_of_source(
                self._checkpoint,
                candidate,
                self._source,
                self._source_labels,
                self._compute,
                self._seed,
                self._report,
                stage,
            )
        return View(seen_source, seen)

    @cached_property
    def _frozen_on_variations(self) -> View:
        return replace(self.frozen, varied=self._of_variations(self._source_model))

    def _of_variations(self, candidate: Candidate) -> tuple[Embedding, ...]:
        network = candidate_network(self._checkpoint, candidate, self._compute)
        return tuple(embed(network, frames, self._compute) for frames in self._variations)

    @cached_property
    def _variations(self) -> list[Frames]:
        """Small changes of the target frames, the same for every candidate, as the frames that a camera would give."""
        varied = []
        for number in range(_VARIATIONS):
            frames = np.empty_like(self._target_array)
            for start in range(0, len(frames), _BATCH):
                generator = torch.Generator().manual_seed(1_000_003 * (number + 1) + start)
                images = to_images(self._target_array[start : start + _BATCH], self._compute)
                changed = augment(images, generator, _VARIATION_STRENGTH).mul_(255).round_().to(torch.uint8)
                frames[start : start + _BATCH] = changed.permute(0, 2, 3, 1).cpu().numpy()
            varied.append(frames)
        return varied
