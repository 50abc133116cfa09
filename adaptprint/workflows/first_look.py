"""The first look: what the source model makes of the target and of its own prints, before anything is adapted."""

from dataclasses import dataclass

from adaptprint.adaptation.domain_views import SourceView, source_model_view
from adaptprint.adaptation.prior import PriorEstimate, PriorWord, estimate_prior
from adaptprint.frames.pixels import Pixels
from adaptprint.frames.table import Ints
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.device import Compute
from adaptprint.models.embed import Embedding
from adaptprint.models.kept_embeddings import embed_once
from adaptprint.models.memory import SourceFrames
from adaptprint.reporting.progress import ProgressCallback, silent


@dataclass(frozen=True)
class FirstLook:
    """The source model's view of both domains; the estimated prior and every later comparison begin with it.

    Attributes:
        target: Features and logits of all target frames.
        source: Its view of a part of the source; ``None`` without source frames.
        prior: Class shares of the target in the light of both; what adaptation and its judges begin with.
        told: The same in the light of all labels of the target that were told, for people to read. Where a recipe does
            not learn from labels, these may judge its candidates only as long as none of them made one.
    """

    target: Embedding
    source: SourceView | None
    prior: PriorEstimate
    told: PriorEstimate


def first_look(
    checkpoint: Checkpoint,
    source: SourceFrames | None,
    target: Pixels,
    word: PriorWord,
    compute: Compute,
    seed: int,
    progress: ProgressCallback = silent,
    seen: Embedding | None = None,
    known: Ints | None = None,
    own: SourceView | None = None,
    learned: bool = True,
) -> FirstLook:
    """Embeds both domains with the source model and estimates the target's class shares.

    Args:
        checkpoint: The source model.
        source: Labelled source frames, if there are any.
        target: The target's frames.
        word: What the user says of the class shares.
        compute: Device and number format.
        seed: Decides every draw.
        progress: Progress callback.
        seen: The model's view of the target's frames, where it is known already.
        known: (p,) class of each target print that the user labelled, -1 for the others.
        own: The model's view of its own frames, where it is known already.
        learned: Whether the recipe learns from the labels.
    """
    if seen is None:
        seen = embed_once(checkpoint, target.array, compute, progress=progress, stage="source model on the target")
    if own is None and source is not None:
        own = source_model_view(checkpoint, source, compute, seed, progress, "source model on its own prints")
    by_frame = checkpoint.config.provenance.labels_vary_inside_prints
    scores = None if own is None else own.scores
    told = estimate_prior(seen.probabilities, target.table, word, by_frame, seed, scores, known)
    if known is None or learned:
        return FirstLook(seen, own, told, told)
    return FirstLook(seen, own, estimate_prior(seen.probabilities, target.table, word, by_frame, seed, scores), told)
