"""The printers that a model can be rehearsed on, and how models like it are trained without one of them."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from adaptprint.errors import BadDataError, UsageError
from adaptprint.frames.table import FrameTable
from adaptprint.models.checkpoint_config import CheckpointConfig
from adaptprint.models.train_settings import TrainSettings

_MIN_PRINTERS = 3
# Models that say nothing of a setting were trained before there was one, which is as if it had been off.
_OFF = {"viewpoint": 0.0}


@dataclass(frozen=True)
class RehearsalPrinters:
    """The printers to rehearse on.

    Attributes:
        known: The model's own, each to be left out of a model that is trained for it.
        unseen: Others, to which the model itself is adapted.
    """

    known: tuple[str, ...]
    unseen: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Every one, those that need no training first."""
        return (*self.unseen, *self.known)


def printers_to_rehearse(
    table: FrameTable, config: CheckpointConfig, before: Collection[str] = ()
) -> RehearsalPrinters:
    """The printers of the data that this model can be rehearsed on.

    Args:
        table: The labelled frames.
        config: The model's.
        before: Printers that an earlier rehearsal is kept of.

    Raises:
        UsageError: If it cannot be rehearsed at all.
        BadDataError: If there are too few.
    """
    if len(config.classes) != 2 or config.provenance.labels_vary_inside_prints:
        why = "its labels differ inside prints" if len(config.classes) == 2 else f"it has {len(config.classes)} classes"
        raise UsageError(
            f"this model cannot be rehearsed: {why}", "Rehearsal needs good and bad prints; adapt without it."
        )
    if config.provenance.command == "adapt":
        raise UsageError(
            "this checkpoint was made by `adapt`, for one printer", "Rehearse the source model that it came from."
        )
    own = set(config.provenance.printers)
    known = tuple(printer for printer in table.printers if printer in own)
    unseen = tuple(printer for printer in table.printers if printer not in own)
    # Too few to leave one out, or no telling how such models are trained.
    can_be_left_out = config.provenance.command == "train" and len(known) >= _MIN_PRINTERS
    found = RehearsalPrinters(known if can_be_left_out else (), unseen)
    if not found.all or len({*found.all, *before}) < _MIN_PRINTERS:
        earlier = f", and {len(before)} were rehearsed on before" if before else ""
        raise BadDataError(
            f"{len(known)} of the model's {len(own)} printers are in {table.root}, and {len(unseen)} others{earlier}; "
            f"{_MIN_PRINTERS} of either kind are needed",
            "Give the labelled frames that the model was trained on, or those of other printers.",
        )
    return found


def refuse_other_start(config: CheckpointConfig, init: str | Path) -> None:
    """Models that start elsewhere would be of another kind, and what they rehearse would say nothing of this one."""
    began = config.provenance.recipe.get("init")
    if began is not None and began != Path(init).name:
        raise UsageError(
            f"this model was trained from --init {began}, not from {Path(init).name}",
            f"Give the same starting weights: --init {began}.",
        )


def trained_with(config: CheckpointConfig) -> list[str]:
    """The training settings of a checkpoint, as ``--set`` takes them."""
    usual = TrainSettings().model_dump()
    recipe = {key: value for key, value in {**_OFF, **config.provenance.recipe}.items() if key in usual}
    return [f"{key}={value}" for key, value in recipe.items() if value is not None and value != usual[key]]
