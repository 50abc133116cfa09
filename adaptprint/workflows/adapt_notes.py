"""What the user of an adaptation should know beside its verdict, one sentence each."""

from collections.abc import Mapping

from adaptprint.adaptation.prior import PriorEstimate
from adaptprint.adaptation.task import Adaptation, AdaptationTask
from adaptprint.diagnostics.rehearsal import rehearsed_in, summed_up, trials_of_recipe
from adaptprint.diagnostics.rehearsed_recipes import tried
from adaptprint.frames.wording import plural
from adaptprint.workflows.inputs import left_out
from adaptprint.workflows.scores import Scores
from adaptprint.workflows.target import Target, known_frames

_CLEARLY_MORE = 0.02  # gain in balanced accuracy


def adapt_notes(
    task: AdaptationTask,
    prior: PriorEstimate,
    target: Target,
    scores: Scores,
    adaptation: Adaptation,
    recipe: str,
    labels: Mapping[str, str],
) -> tuple[str, ...]:
    """The notes of a run.

    Args:
        task: What was adapted.
        prior: Class shares of the target, in the light of the labels too.
        target: All frames of the printer.
        scores: Of all frames that could be read.
        adaptation: The candidates, and what went wrong on the way.
        recipe: Name of the recipe.
        labels: Class of each print that the user labelled.
    """
    classes = task.checkpoint.config.classes
    notes = [*target.listed.notes, *target.pixels.notes, *left_out(scores.unreadable)]
    adapted_on, uses_coreset = len(target.pixels.table), len(target.rest) > 0
    if uses_coreset:
        notes.append(
            f"adapted on {adapted_on:,} of {len(scores):,} frames, spread evenly over prints and time; "
            f"all {len(scores):,} are scored"
        )
    notes += _on_labels(task, prior, labels)
    notes += adaptation.warnings
    if task.checkpoint.config.provenance.labels_vary_inside_prints:
        notes.append("labels differ inside the source's prints: frames are judged one by one, without print votes")
    if task.source is None:
        notes.append("no source frames: source-free recipe, and no neighbour or source witnesses")
    if task.recipe.norms == "all" and (len(classes) != 2 or min(prior.shares) < 0.2):
        notes.append(f"recipe `{recipe}` needs every class on the target in fair shares; here that is doubtful")
    if len(classes) != 2 and not task.word.is_unknown:
        notes.append("--target-prior speaks of two classes; with more it is ignored")
    if prior.doubt:
        notes.append(prior.doubt)
    known = known_frames(target, task.source)
    if known:
        which = f"of the {adapted_on:,} frames adapted on" if uses_coreset else "target frames"
        notes.append(f"{known} {which} are frames the source model was trained on")
    notes += _on_rehearsal(task)
    return tuple(dict.fromkeys(notes))


def _on_rehearsal(task: AdaptationTask) -> list[str]:
    """Where another recipe was clearly better in rehearsal than this one, if it is known what this one came to."""
    rehearsal = rehearsed_in(task.checkpoint.config.metrics)
    if rehearsal is None:
        return []
    own = tried(trials_of_recipe(rehearsal, task.recipe.settings))["gain"]
    if own is None and task.recipe.moves_decision_only:
        own = summed_up(rehearsal.episodes)["gain"]
    each = {name: tried([t for t in rehearsal.trials if t.recipe == name])["gain"] for name in rehearsal.recipes}
    gains = {name: gain for name, gain in each.items() if gain is not None}
    best = max(gains, key=lambda name: gains[name], default=None)
    if own is None or best is None or gains[best] < own + _CLEARLY_MORE:
        return []
    return [
        f"on the printers of this model's rehearsal recipe `{best}` gained {100 * gains[best]:+.1f} points, this one "
        f"{100 * own:+.1f}: adapting with it, as it was rehearsed, may do better"
    ]


def _on_labels(task: AdaptationTask, prior: PriorEstimate, labels: Mapping[str, str]) -> list[str]:
    if task.print_labels is None:
        return []
    used = int((task.print_labels >= 0).sum())
    notes: list[str] = []
    if used < len(labels):
        notes.append(f"{plural(len(labels) - used, 'labelled print')} left out: none of their frames is adapted on")
    # Others hear labels themselves, or their verdict does.
    if task.recipe.moves_decision_only and prior.print_posteriors is None:
        return [*notes, f"labelled prints could not be used: the class share is {prior.says}"]
    return [*notes, f"{plural(used, 'labelled print')} {'was' if used == 1 else 'were'} used"]
