"""rehearse: a source model's adaptation, tried on labelled printers: on others, and on its own, each left out in turn.

For each printer a source model that was not trained on it decides on sets of its prints without their labels, as
`adapt` would, and is scored on its other prints. What comes of it is written into the checkpoint, where every later
verdict hears it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from adaptprint.adaptation.prior_word import UNKNOWN
from adaptprint.adaptation.recipe import NamedRecipe, load_recipe
from adaptprint.diagnostics.rehearsal import (
    REHEARSAL,
    Episode,
    GainRelation,
    Rehearsal,
    gain_relation,
    rehearsed_in,
    summed_up,
)
from adaptprint.diagnostics.rehearsed_recipes import Trial, tried
from adaptprint.errors import BadDataError, UsageError
from adaptprint.models.atomic_folder import refuse_taken, workspace
from adaptprint.models.checkpoint import Checkpoint, save_checkpoint
from adaptprint.models.device import choose_compute
from adaptprint.reporting.progress import Progress, ProgressCallback, prefixed, silent
from adaptprint.workflows.comparison_left_out import Setting, open_left_out
from adaptprint.workflows.comparison_store import SOURCES
from adaptprint.workflows.inputs import open_checkpoint, open_labelled, refuse_negative
from adaptprint.workflows.rehearsal_episodes import N_PRINTS, episodes_of, trials_of
from adaptprint.workflows.rehearsal_printers import printers_to_rehearse, refuse_other_start, trained_with


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
            "recipes": {
                name: tried([t for t in self.rehearsal.trials if t.recipe == name]) for name in self.rehearsal.recipes
            },
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
    add: bool = False,
    overwrite: bool = False,
    resume: bool = False,
    progress: ProgressCallback = silent,
) -> RehearseResult:
    """Adapts to labelled printers without their labels and writes into a checkpoint what that came to.

    Printers that the model was not trained on it is adapted to itself. Its own ones are left out in turn: for each
    it trains a source model of the others, with the settings the checkpoint was trained with.

    Args:
        model: The checkpoint; two classes.
        source_data: The labelled frames that it was trained on, or of other printers; of three printers at least,
            those of an earlier rehearsal that is kept included.
        out: Checkpoint to write; ``None`` replaces ``model``, which must not be in use meanwhile.
        init: Starting weights of the source models: those the checkpoint was started from.
        recipes: Recipes to be tried as a whole on every printer, by name or file. How a moved decision fares,
            which is all that the default recipe does, is found out in any case.
        set: ``key=value`` changes of its training settings, such as fewer steps.
        sources: Folder that keeps the source models, for :func:`adaptprint.compare` too; ``None`` drops them.
        layout: Force a layout of the data.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: CPU threads.
        seed: Decides training and sets.
        add: Keep what the checkpoint holds of other printers that were rehearsed on, beside these.
        overwrite: Replace an existing checkpoint at ``out``.
        resume: Go on with an interrupted rehearsal.
        progress: Progress callback.

    Raises:
        AdaptprintError: With cause and fix.
    """
    refuse_negative(seed)
    named = [load_recipe(recipe) for recipe in recipes]
    _refuse_nothing_to_try(named)
    checkpoint = open_checkpoint(model)
    place = Path(model) if out is None else Path(out)
    if out is not None:
        refuse_taken(place, overwrite)
    choose_compute(device, threads)
    config, earlier = checkpoint.config, rehearsed_in(checkpoint.config.metrics) if add else None
    _refuse_other_settings(named, earlier)
    table = open_labelled(source_data, layout, config.classes)
    printers = printers_to_rehearse(table, config, () if earlier is None else earlier.printers)
    if printers.known:
        refuse_other_start(config, init)
    with workspace(place, resume) as work:
        setting = Setting(
            data=Path(source_data),
            layout=layout,
            source=None,
            sources=work.pieces / SOURCES if sources is None else Path(sources),
            init=str(init),
            set=(*trained_with(config), *set),
            train_seed=seed,
            held_out=printers.unseen,
            camera=config.camera_of_source,
            word=UNKNOWN,
            labelled_prints=0,
            device=device,
            threads=threads,
            scratch=work.pieces,
        )
        episodes: list[Episode] = []
        trials: list[Trial] = []
        rounds = count(1)

        def tell() -> None:
            progress(Progress("rehearsing", next(rounds), len(printers.all) * (1 + len(named))))

        for printer in printers.all:
            here = replace(setting, source=Path(model)) if printer in printers.unseen else setting
            left_out = open_left_out(here, printer, prefixed(f"without {printer}", progress))
            episodes += episodes_of(left_out, seed)
            tell()
            for recipe in named:
                trials += trials_of(here, left_out, recipe, seed)
                tell()
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
        few = [printer for printer in printers.all if printer not in rehearsal.printers]
        if earlier is not None:
            rehearsal = rehearsal.after(earlier)
        save_checkpoint(_with(checkpoint, rehearsal), place)
    notes = tuple(f"printer {printer} has too few prints to be rehearsed on" for printer in few)
    return RehearseResult(place, rehearsal, gain_relation(rehearsal), notes)


def _refuse_nothing_to_try(recipes: Sequence[NamedRecipe]) -> None:
    names = [recipe.name for recipe in recipes]
    for recipe in recipes:
        if recipe.recipe.changes_nothing:
            raise UsageError(f"recipe `{recipe.name}` changes nothing", "Leave it out: it needs no rehearsal.")
        if names.count(recipe.name) > 1:
            raise UsageError(f"two recipes are called `{recipe.name}`", "Give their files different names.")


def _refuse_other_settings(recipes: Sequence[NamedRecipe], earlier: Rehearsal | None) -> None:
    for recipe in recipes:
        known = None if earlier is None else earlier.recipes.get(recipe.name)
        if known is not None and known != recipe.recipe.settings:
            raise UsageError(
                f"recipe `{recipe.name}` was rehearsed with other settings before",
                "Give its file another name, or rehearse on all printers anew, without --add.",
            )


def _with(checkpoint: Checkpoint, rehearsal: Rehearsal) -> Checkpoint:
    metrics = {**checkpoint.config.metrics, REHEARSAL: rehearsal.model_dump(mode="json")}
    return replace(checkpoint, config=checkpoint.config.model_copy(update={"metrics": metrics}))
