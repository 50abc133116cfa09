"""rehearse: a source model's adaptation, tried on its own printers, each left out in turn.

For each printer a source model without it decides on sets of its prints without their labels, as `adapt` would, and is
scored on its other prints. What comes of it is written into the checkpoint, where every later verdict hears it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adaptprint.adaptation.prior_word import UNKNOWN
from adaptprint.diagnostics.rehearsal import (
    REHEARSAL,
    GainRelation,
    Rehearsal,
    gain_relation,
    summed_up,
)
from adaptprint.errors import BadDataError, UsageError
from adaptprint.frames.table import FrameTable
from adaptprint.models.atomic_folder import refuse_taken, workspace
from adaptprint.models.checkpoint import Checkpoint, save_checkpoint
from adaptprint.models.checkpoint_config import CheckpointConfig
from adaptprint.models.device import choose_compute
from adaptprint.models.train_settings import TrainSettings
from adaptprint.reporting.progress import Progress, ProgressCallback, prefixed, silent
from adaptprint.workflows.comparison_left_out import Setting, open_left_out
from adaptprint.workflows.comparison_store import SOURCES
from adaptprint.workflows.inputs import open_checkpoint, open_labelled
from adaptprint.workflows.rehearsal_episodes import N_PRINTS, episodes_of

_MIN_PRINTERS = 3


@dataclass(frozen=True)
class RehearseResult:
    """What a rehearsal came to.

    Attributes:
        out: The checkpoint that holds it.
        rehearsal: All episodes.
        relation: How true gains relate to expected ones.
        notes: What the user should know, one sentence each.
    """

    out: Path
    rehearsal: Rehearsal
    relation: GainRelation
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        by_printer = {
            printer: summed_up([each for each in self.rehearsal.episodes if each.printer == printer])
            for printer in self.rehearsal.printers
        }
        return {
            "out": str(self.out),
            **summed_up(self.rehearsal.episodes),
            "slope": self.relation.slope,
            "widening": self.relation.widening,
            "by_printer": by_printer,
            "notes": list(self.notes),
        }


def rehearse(
    model: str | Path,
    source_data: str | Path,
    *,
    out: str | Path | None = None,
    init: str | Path = "none",
    set: Sequence[str] = (),
    sources: str | Path | None = None,
    layout: str = "auto",
    device: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    overwrite: bool = False,
    resume: bool = False,
    progress: ProgressCallback = silent,
) -> RehearseResult:
    """Leaves out each source printer in turn and writes into a checkpoint what adapting to it came to.

    It trains one source model per printer, with the settings the checkpoint was trained with.

    Args:
        model: The checkpoint; two classes, made by ``train``.
        source_data: The labelled frames it was trained on, of three printers at least.
        out: Checkpoint to write; ``None`` replaces ``model``, which must not be in use meanwhile.
        init: Starting weights of the source models: those the checkpoint was started from.
        set: ``key=value`` changes of its training settings, such as fewer steps.
        sources: Folder that keeps the source models, for :func:`adaptprint.compare` too; ``None`` drops them.
        layout: Force a layout of the data.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: CPU threads.
        seed: Decides training and sets.
        overwrite: Replace an existing checkpoint at ``out``.
        resume: Go on with an interrupted rehearsal.
        progress: Progress callback.

    Raises:
        AdaptprintError: With cause and fix.
    """
    checkpoint = open_checkpoint(model)
    place = Path(model) if out is None else Path(out)
    if out is not None:
        refuse_taken(place, overwrite)
    choose_compute(device, threads)
    config = checkpoint.config
    table = open_labelled(source_data, layout, config.classes)
    printers = _printers(table, config)
    _refuse_other_start(config, init)
    with workspace(place, resume) as work:
        setting = Setting(
            data=Path(source_data),
            layout=layout,
            source=None,
            sources=work.pieces / SOURCES if sources is None else Path(sources),
            init=str(init),
            set=(*_trained_with(config), *set),
            train_seed=seed,
            held_out=tuple(printer for printer in table.printers if printer not in printers),
            camera=config.camera,
            word=UNKNOWN,
            labelled_prints=0,
            device=device,
            threads=threads,
            scratch=work.pieces,
        )
        episodes = []
        for number, printer in enumerate(printers):
            left_out = open_left_out(setting, printer, prefixed(f"without {printer}", progress))
            episodes += episodes_of(left_out, seed)
            progress(Progress("rehearsing", number + 1, len(printers)))
        if not episodes:
            raise BadDataError(
                "no printer has prints enough to decide by some and be scored on others",
                f"Add labelled prints: {N_PRINTS} of each class and printer are plenty.",
            )
        rehearsal = Rehearsal(seed=seed, settings={"set": list(set)} if set else {}, episodes=episodes)
        save_checkpoint(_with(checkpoint, rehearsal), place)
    few = [printer for printer in printers if printer not in rehearsal.printers]
    notes = tuple(f"printer {printer} has too few prints to be rehearsed on" for printer in few)
    return RehearseResult(place, rehearsal, gain_relation(rehearsal), notes)


def _printers(table: FrameTable, config: CheckpointConfig) -> list[str]:
    """The checkpoint's own printers among those of the data, each to be left out.

    Raises:
        UsageError: If this model cannot be rehearsed.
        BadDataError: If the data are not its own.
    """
    if len(config.classes) != 2 or config.provenance.labels_vary_inside_prints:
        why = "its labels differ inside prints" if len(config.classes) == 2 else f"it has {len(config.classes)} classes"
        raise UsageError(
            f"this model cannot be rehearsed: {why}", "Rehearsal needs good and bad prints; adapt without it."
        )
    if config.provenance.command != "train":
        raise UsageError(
            f"this checkpoint was made by `{config.provenance.command}`, so models like it cannot be trained",
            "Rehearse one that `adaptprint train` wrote.",
        )
    known = [printer for printer in table.printers if printer in config.provenance.printers]
    if len(known) < _MIN_PRINTERS:
        raise BadDataError(
            f"{len(known)} of the model's {len(config.provenance.printers)} printers are in {table.root}; "
            f"{_MIN_PRINTERS} are needed to leave one out",
            "Give the labelled frames that the model was trained on.",
        )
    return known


def _refuse_other_start(config: CheckpointConfig, init: str | Path) -> None:
    """Models that start elsewhere would be of another kind, and what they rehearse would say nothing of this one."""
    began = config.provenance.recipe.get("init")
    if began is not None and began != Path(init).name:
        raise UsageError(
            f"this model was trained from --init {began}, not from {Path(init).name}",
            f"Give the same starting weights: --init {began}.",
        )


def _trained_with(config: CheckpointConfig) -> list[str]:
    """The training settings of a checkpoint, as ``--set`` takes them."""
    usual = TrainSettings().model_dump()
    recipe = {key: value for key, value in config.provenance.recipe.items() if key in usual}
    return [f"{key}={value}" for key, value in recipe.items() if value is not None and value != usual[key]]


def _with(checkpoint: Checkpoint, rehearsal: Rehearsal) -> Checkpoint:
    metrics = {**checkpoint.config.metrics, REHEARSAL: rehearsal.model_dump(mode="json")}
    return replace(checkpoint, config=checkpoint.config.model_copy(update={"metrics": metrics}))
