"""Abstention: which calls of a model not to act on, and why."""

from typing import TYPE_CHECKING

import numpy as np

from adaptprint.diagnostics.support import Doubles, Mask, SourceSupport
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.device import Compute
from adaptprint.reporting.progress import ProgressCallback

if TYPE_CHECKING:
    from adaptprint.adaptation.task import Candidate

# Adaptation is imported where it is asked for: it brings SciPy along, and a call of one image must not wait for that.
UNSURE, OUTSIDE = "unsure", "outside source support"


def as_candidate(checkpoint: Checkpoint) -> "Candidate":
    """The model as the candidate that it was when it was adapted."""
    from adaptprint.adaptation.task import Candidate

    said = checkpoint.config.provenance.recipe.get("candidate")
    return Candidate.from_dict(said if isinstance(said, dict) else {}, checkpoint.state)


def support_of(checkpoint: Checkpoint, compute: Compute, progress: ProgressCallback) -> SourceSupport | None:
    """The support of a checkpoint's source memory in its own feature space; ``None`` without a memory."""
    if checkpoint.memory is None:
        return None
    from adaptprint.adaptation.domain_views import look_at_source

    stage = "model on its own prints"
    own = look_at_source(checkpoint, as_candidate(checkpoint), checkpoint.memory, compute, 0, progress, stage)
    return SourceSupport.of(own.frames.table, own.seen.features)


def reasons(confidence: Doubles, abstain_below: float, outside: Mask | None) -> list[str]:
    """Why each call is an abstention; an empty text where it is none.

    Args:
        confidence: (n,) probability of the called class.
        abstain_below: Least probability to act on.
        outside: (n,) which lie outside the source's support; ``None`` where that was not asked for.
    """
    found = [(confidence < abstain_below, UNSURE)]
    if outside is not None:
        found.append((outside, OUTSIDE))
    masks = np.stack([mask for mask, _ in found])
    return ["; ".join(name for (_, name), here in zip(found, column, strict=True) if here) for column in masks.T]
