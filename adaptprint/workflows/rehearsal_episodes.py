"""One printer left out: sets of its prints to adapt to without labels, and its other prints to be scored on."""

import numpy as np

from adaptprint.adaptation.domain_views import source_model_view
from adaptprint.adaptation.prior import SourceScores, estimate_prior
from adaptprint.adaptation.prior_word import UNKNOWN
from adaptprint.adaptation.recipe import NamedRecipe
from adaptprint.adaptation.task import SOURCE_ONLY
from adaptprint.diagnostics.recipe_gain import covariates
from adaptprint.diagnostics.rehearsal import Episode
from adaptprint.diagnostics.rehearsed_recipes import Trial
from adaptprint.frames.table import Ints
from adaptprint.models.embed import Embedding
from adaptprint.models.metrics import decide, print_labels, print_probabilities
from adaptprint.workflows.comparison_cell import cell_content
from adaptprint.workflows.comparison_grid import Cell
from adaptprint.workflows.comparison_left_out import LeftOut, Setting
from adaptprint.workflows.comparison_scores import Content
from adaptprint.workflows.comparison_store import save_cell, saved_cell

BAD_SHARES = (0.0, 0.2, 0.5, 1.0)
N_PRINTS, N_SETS = 12, 5
# A whole recipe takes a hundred times as long as a moved decision, and printers differ more than sets of one do.
N_TRIALS = 1
MOST_SCORED = 25  # prints of each class
_MIN_OTHERS = 2  # prints of each class to be scored on


def episodes_of(left_out: LeftOut, seed: int, n_sets: int = N_SETS) -> list[Episode]:
    """Sets of the printer's prints at every bad share: deciding by them without labels, scored on the others."""
    checkpoint, compute = left_out.checkpoint, left_out.compute
    if checkpoint.memory is None:
        return []
    source = source_model_view(checkpoint, checkpoint.memory, compute, seed).scores
    labels = print_labels(left_out.pixels.table, checkpoint.config.classes)
    found = []
    for share in BAD_SHARES:
        for number in range(n_sets):
            rng = np.random.default_rng([seed, round(100 * share), number])
            drawn = _draw(labels, share, rng)
            if drawn is not None:
                found.append(_episode(left_out, source, labels, drawn, share, seed))
    return [episode for episode in found if episode is not None]


def trials_of(setting: Setting, left_out: LeftOut, recipe: NamedRecipe, seed: int) -> list[Trial]:
    """As :func:`episodes_of`, by all that a recipe does, as :func:`adaptprint.compare` runs it.

    What was tried before a stop is read back.
    """
    prints = left_out.pixels.table.prints
    names, labels = prints["print"].to_list(), print_labels(left_out.pixels.table, left_out.checkpoint.config.classes)
    found = []
    for share in BAD_SHARES:
        for number in range(N_TRIALS):
            drawn = _draw(labels, share, np.random.default_rng([seed, round(100 * share), number]))
            if drawn is None:
                continue
            adapted = tuple(names[code] for code in drawn)
            rest = tuple(names[code] for code in _others(labels, drawn))
            cell = Cell(prints["printer"][0], share, N_TRIALS * seed + number, recipe, adapted, rest)
            content = saved_cell(setting.scratch, cell, left_out.digest)
            if content is None:
                content = cell_content(setting, cell, left_out)
                save_cell(setting.scratch, content)
            found.append(_trial(cell, content))
    return [trial for trial in found if trial is not None]


def _trial(cell: Cell, content: Content) -> Trial | None:
    """Of what the recipe ends with; ``None`` where it found nothing to change.

    Not of what was picked: that may be an earlier snapshot because of a veto that these very trials answer.
    """
    models = {candidate["name"]: candidate for candidate in content["candidates"]}
    if content["ends_with"] == SOURCE_ONLY:
        return None
    end = models[content["ends_with"]]
    gain = end["test"]["balanced_accuracy"] - models[SOURCE_ONLY]["test"]["balanced_accuracy"]
    looks = covariates({each["name"]: each["delta"] for each in end["validators"]})
    return Trial(
        recipe=cell.recipe.name,
        printer=cell.printer,
        bad_share=cell.share,
        n_prints=len(cell.adapt_prints),
        score=round(end["score"], 4),
        gain=round(gain, 4),
        covariates={name: round(value, 4) for name, value in looks.items()},
        vetoes=tuple(veto["name"] for veto in end["vetoes"]),
    )


def _draw(labels: Ints, share: float, rng: np.random.Generator) -> Ints | None:
    """Codes of at most twelve prints, ``share`` of them bad, that leave some of each class; ``None`` where none do."""
    bad, good = rng.permutation(np.flatnonzero(labels == 1)), rng.permutation(np.flatnonzero(labels == 0))
    for n in range(N_PRINTS, 2, -1):
        n_bad = round(share * n)
        if n_bad <= len(bad) - _MIN_OTHERS and n - n_bad <= len(good) - _MIN_OTHERS:
            return np.concatenate([bad[:n_bad], good[: n - n_bad]])
    return None


def _others(labels: Ints, drawn: Ints) -> Ints:
    """Codes of the prints to be scored on: the same for every set, but for those that were drawn."""
    order = np.random.default_rng(0).permutation(len(labels))
    free = order[~np.isin(order, drawn)]
    return np.sort(np.concatenate([free[labels[free] == k][:MOST_SCORED] for k in (0, 1)]))


def _episode(
    left_out: LeftOut, source: SourceScores, labels: Ints, drawn: Ints, share: float, seed: int
) -> Episode | None:
    table, config = left_out.pixels.table, left_out.checkpoint.config
    rows = np.flatnonzero(np.isin(table.print_codes, drawn))
    rest = np.flatnonzero(~np.isin(table.print_codes, drawn))
    part = table.take(rows).without_labels()
    decision = estimate_prior(left_out.seen.probabilities[rows], part, UNKNOWN, seed=seed, source=source).decision
    if decision is None:
        return None
    others = table.take(rest)
    seen = Embedding(left_out.seen.features[rest], left_out.seen.logits[rest])
    truth = print_labels(others, config.classes)
    before, after = (
        decide(print_probabilities(each.probabilities, others.print_codes), config.threshold) == truth
        for each in (seen, seen.decided_at(decision.margin))
    )
    change = after.astype(float) - before
    by_class = [change[truth == k] for k in (0, 1)]
    return Episode(
        printer=table.printers[0],
        bad_share=share,
        n_prints=len(drawn),
        expected=round(decision.gain, 4),
        low=round(decision.low, 4),
        high=round(decision.high, 4),
        gain=round(float(np.mean([each.mean() for each in by_class])), 4),
        error=round(float(np.sqrt(sum(each.var() / len(each) for each in by_class)) / 2), 4),
    )
