"""The way back: an adapted checkpoint carries what its source model's weights have and its own have not.

Adapting an adapted model would let errors add up from one adaptation to the next, so the next one starts from the
source again. Of the default recipe that is one bias, of statistics some kilobytes, of trained stages their weights.
"""

from dataclasses import replace

import torch

from adaptprint.errors import BadDataError
from adaptprint.models.checkpoint import Checkpoint, state_digest
from adaptprint.models.checkpoint_config import Origin


def is_adapted(checkpoint: Checkpoint) -> bool:
    """Whether the weights are those of an adaptation, and not of a source model."""
    return checkpoint.config.provenance.command == "adapt"


def original(checkpoint: Checkpoint) -> Checkpoint:
    """The source model that a checkpoint was adapted from, however often; itself, where it never was.

    Memory and moments are the source's already. The camera stays that of the printer; its own is kept beside it.

    Raises:
        BadDataError: If it was adapted before checkpoints carried their source, or the weights are not the source's.
    """
    origin = checkpoint.config.origin
    if origin is None and not is_adapted(checkpoint):
        return replace(checkpoint, reference=None)
    if origin is None or checkpoint.origin is None:
        raise BadDataError(
            "this model was adapted by an older adaptprint and does not carry its source model",
            "Give the source model itself as --source; or start from the adapted weights with --continue.",
        )
    state = {**checkpoint.state, **checkpoint.origin}
    if state_digest(state) != origin.digest:
        raise BadDataError(
            "the source model inside this adapted checkpoint is not the one it was adapted from",
            "Copy the checkpoint again from where it was made, or give the source model itself as --source.",
        )
    config = checkpoint.config.model_copy(
        update={
            "provenance": origin.provenance,
            "metrics": origin.metrics,
            "origin": None,
            "source_camera": None if origin.camera == checkpoint.config.camera else origin.camera,
        }
    )
    return Checkpoint(config, state, checkpoint.memory, checkpoint.moments)


def with_origin(adapted: Checkpoint, source: Checkpoint) -> Checkpoint:
    """An adapted checkpoint that can give its source model back.

    Args:
        adapted: Fresh from an adaptation.
        source: What that adaptation started from. If this was adapted before, the model it came from is carried on.
    """
    known = source.config.origin is not None or not is_adapted(source)
    first = original(source) if known else source
    origin = Origin(
        digest=first.digest,
        camera=source.config.camera_of_source,
        metrics=first.config.metrics,
        provenance=first.config.provenance,
    )
    changed = {
        name: value
        for name, value in first.state.items()
        if value.dtype != adapted.state[name].dtype or not _same_bytes(value, adapted.state[name])
    }
    config = adapted.config.model_copy(update={"origin": origin, "source_camera": None})
    return replace(adapted, config=config, origin=changed)


def _same_bytes(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Numbers would not do: 0.0 and -0.0 are equal, and digests tell them apart."""
    one, other = (value.contiguous().numpy().tobytes() for value in (first, second))
    return one == other
