"""rehearse: a source model's adaptation, tried on labelled printers: on others, and on its own, each left out in turn.

For each printer a source model that was not trained on it decides on sets of its prints without their labels, as
`adapt` would, and is scored on its other prints. What comes of it is written into the checkpoint, where every later
verdict hears it.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

from adaptprint.adaptation.prior_word import UNKNOWN
from adaptprint.adaptation.recipe import NamedRecipe, load_recipe
from adaptprint.diagnostics.rehearsal import (
    REHEARSAL,
    Episode,
    GainRelation,
    Rehearsal,
    gain_relation,
    summed_up,
)
from adaptprint.diagnostics.rehearsed_recipes import Trial
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
from adaptprint.workflows.rehearsal_episodes import N_PRINTS, episodes_of, trials_of

_MIN_PRINTERS = 3
# What models were trained with before there was a setting for it.
_ONCE = {"viewpoint": 0.0}


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
            "recipes": {name: _tried(self.rehearsal, name) for name in self.rehearsal.recipes},
            "notes": list(self.notes),
        }


def rehearse(
    model: str | Path,
    source_data: str | Path,
    *,
    out: str | Path | None = None,
    init: str | Path = "none",
    recipes: Sequence[str | Path] = (),
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
    """Adapts to labelled printers without their labels and writes into a checkpoint what that came to.

    Printers that the model was not trained on it is adapted to itself. Its own ones are left out in turn: for each
    it trains a source model of the others, with the settings the checkpoint was trained with.

    Args:
        model: The checkpoint; two classes.
        source_data: The labelled frames that it was trained on, or of other printers; of three printers at least.
        out: Checkpoint to write; ``None`` replaces ``model``, which must not be in use meanwhile.
        init: Starting weights of the source models: those the checkpoint was started from.
        recipes: Recipes to be tried as a whole on every printer left out, by name or file. How a moved decision fares,
            which is all that the default recipe does, is found out in any case.
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
    named = [load_recipe(recipe) for recipe in recipes]
    _refuse_nothing_to_try(named)
    checkpoint = open_checkpoint(model)
    place = Path(model) if out is None else Path(out)
    if out is not None:
        refuse_taken(place, overwrite)
    choose_compute(device, threads)
    config = checkpoint.config
    table = open_labelled(source_data, layout, config.classes)
    printers = _printers(table, config)
    if printers.known:
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
            held_out=printers.unseen,
            camera=config.camera,
            word=UNKNOWN,
            labelled_prints=0,
            device=device,
            threads=threads,
            scratch=work.pieces,
        )
        episodes: list[Episode] = []
        trials: list[Trial] = []
        steps = len(printers.all) * (1 + len(named))
        for number, printer in enumerate(printers.all):
            here = replace(setting, source=Path(model)) if printer in printers.unseen else setting
            left_out = open_left_out(here, printer, prefixed(f"without {printer}", progress))
            episodes += episodes_of(left_out, seed)
            for place_of, recipe in enumerate(named):
                progress(Progress("rehearsing", number * (1 + len(named)) + 1 + place_of, steps))
                trials += trials_of(here, left_out, recipe, seed)
            progress(Progress("rehearsing", (number + 1) * (1 + len(named)), steps))
        if not episodes:
            raise BadDataError(
                "no printer has prints enough to decide by some and be scored on others",
                f"Add labelled prints: {N_PRINTS} of each class and printer are plenty.",
            )
        rehearsal = Rehearsal(
            seed=seed,
            settings={"set": list(set)} if set else {},
            episodes=episodes,
            recipes={recipe.name: recipe.recipe.settings for recipe in named},
            trials=trials,
        )
        save_checkpoint(_with(checkpoint, rehearsal), place)
    few = [printer for printer in printers.all if printer not in rehearsal.printers]
    notes = tuple(f"printer {printer} has too few prints to be rehearsed on" for printer in few)
    return RehearseResult(place, rehearsal, gain_relation(rehearsal), notes)


def _refuse_nothing_to_try(recipes: Sequence[NamedRecipe]) -> None:
    names = [recipe.name for recipe in recipes]
    for recipe in recipes:
        if recipe.recipe.changes_nothing:
            raise UsageError(f"recipe `{recipe.name}` changes nothing", "Leave it out: it needs no rehearsal.")
        if names.count(recipe.name) > 1:
            raise UsageError(f"two recipes are called `{recipe.name}`", "Give their files different names.")


@dataclass(frozen=True)
class _Printers:
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


def _printers(table: FrameTable, config: CheckpointConfig) -> _Printers:
    """The printers of the data that this model can be rehearsed on.

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
    if config.provenance.command != "train" or len(known) < _MIN_PRINTERS:
        found = _Printers((), unseen)
    else:
        found = _Printers(known, unseen)
    if len(found.all) < _MIN_PRINTERS:
        raise BadDataError(
            f"{len(known)} of the model's {len(own)} printers are in {table.root}, and {len(unseen)} others; "
            f"{_MIN_PRINTERS} of either kind are needed",
            "Give the labelled frames that the model was trained on, or those of other printers.",
        )
    return found


def _tried(rehearsal: Rehearsal, recipe: str) -> dict[str, Any]:
    """Sample size, mean gain over printers and the worst printer's of a recipe that was tried as a whole."""
    gains: dict[str, list[float]] = defaultdict(list)
    for trial in rehearsal.trials:
        if trial.recipe == recipe:
            gains[trial.printer].append(trial.gain)
    means = [mean(each) for each in gains.values()]
    return {
        "printers": len(means),
        "sets": sum(map(len, gains.values())),
        "gain": mean(means) if means else None,
        "worst_printer_gain": min(means, default=None),
    }


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
    recipe = {key: value for key, value in {**_ONCE, **config.provenance.recipe}.items() if key in usual}
    return [f"{key}={value}" for key, value in recipe.items() if value is not None and value != usual[key]]


def _with(checkpoint: Checkpoint, rehearsal: Rehearsal) -> Checkpoint:
    metrics = {**checkpoint.config.metrics, REHEARSAL: rehearsal.model_dump(mode="json")}
    return replace(checkpoint, config=checkpoint.config.model_copy(update={"metrics": metrics}))
