"""Runs one cell of a comparison: adapt, judge, and score every candidate on prints that were not adapted on."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from adaptprint.adaptation.domain_views import SourceView, source_model_view
from adaptprint.adaptation.methods import adapt_network
from adaptprint.adaptation.print_margins import least_sure
from adaptprint.adaptation.prior import PriorEstimate
from adaptprint.adaptation.task import SOURCE_ONLY, Adaptation, AdaptationTask, Candidate
from adaptprint.diagnostics.verdict import most_telling_prints
from adaptprint.errors import BadDataError
from adaptprint.frames.coreset import coreset_rows
from adaptprint.frames.pixels import Pixels
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.models.embed import Embedding, Floats, embed
from adaptprint.reporting.progress import ProgressCallback, silent
from adaptprint.workflows.comparison_grid import Cell
from adaptprint.workflows.comparison_left_out import LeftOut, Setting, opened, plain
from adaptprint.workflows.comparison_scores import Content, prints_content, scores_content
from adaptprint.workflows.comparison_store import cell_fingerprint, save_cell
from adaptprint.workflows.first_look import first_look
from adaptprint.workflows.judge import Judgement, judge, judge_again

# Whatever the user asks for, what a few labels would make of the verdict costs nothing to know.
_ASKED = (1, 3, 5)
# Of this process; a view is a few megabytes.
_MOST_VIEWS = 4
_own_views: dict[tuple[str, frozenset[str], int], SourceView] = {}


@dataclass(frozen=True)
class CellJob:
    """A cell to run, and what it needs."""

    setting: Setting
    cell: Cell


def run_cell(job: CellJob, report: ProgressCallback = silent) -> Content:
    """Runs the cell and saves its content at once; the content is returned too.

    Args:
        job: The cell.
        report: Progress callback.

    Raises:
        AdaptprintError: With cause and fix.
    """
    left_out = opened(job.setting, job.cell.printer)
    content = cell_content(job.setting, job.cell, left_out, report)
    save_cell(job.setting.scratch, content)
    return content


def cell_content(setting: Setting, cell: Cell, left_out: LeftOut, report: ProgressCallback = silent) -> Content:
    """Everything that is known of a cell once it was run: plain values only."""
    table, config = left_out.pixels.table, left_out.checkpoint.config
    adapted, test = _rows_of(table, cell.adapt_prints), _rows_of(table, cell.test_prints)
    started, labelled = time.monotonic(), dict[int, Judgement]()
    if cell.recipe.recipe.changes_nothing:
        # Nothing to adapt: what the source model sees is known already.
        candidates: tuple[Candidate, ...] = (Candidate(SOURCE_ONLY, left_out.checkpoint.state),)
        said: Content = {"verdict": "keep-source", "reasons": [], "picked": SOURCE_ONLY, "examined": {}}
    else:
        adaptation, judgement = _adapt_and_judge(setting, cell, left_out, adapted, report)
        if not cell.recipe.recipe.learns_print_labels and not table.labels_vary_inside_prints:
            labelled = _once_labelled(judgement, table, {*_ASKED, setting.labelled_prints} - {0})
            judgement = labelled.get(setting.labelled_prints, judgement)
        candidates, said = adaptation.candidates, _said(judgement, adaptation)
        said["verdicts_once_labelled"] = {str(n): each.verdict.decision for n, each in labelled.items()}
    seconds = time.monotonic() - started
    examined = said.pop("examined")
    scored = []
    for candidate in candidates:
        rows = np.concatenate([adapted, test])
        found = _probabilities(candidate, left_out, rows)
        on_adapted, on_test = (
            scores_content(table.take(part), probabilities, config.classes, config.threshold)
            for part, probabilities in ((adapted, found[: len(adapted)]), (test, found[len(adapted) :]))
        )
        scored.append(
            {**candidate.to_dict(), **examined.get(candidate.name, {}), "test": on_test, "adapted": on_adapted}
        )
    return {
        "fingerprint": cell_fingerprint(cell, left_out.digest),
        "printer": cell.printer,
        "bad_share": cell.share,
        "seed": cell.seed,
        "recipe": cell.recipe.name,
        "settings": cell.recipe.recipe.model_dump(mode="json"),
        "seconds": seconds,
        **said,
        "ends_with": candidates[-1].name,
        "ships": said["picked"] if said["verdict"] == "ship" else SOURCE_ONLY,
        "unit": "frame" if table.labels_vary_inside_prints else "print",
        "classes": list(config.classes),
        "adapted": prints_content(table.take(adapted), config.classes),
        "test": prints_content(table.take(test), config.classes),
        "candidates": scored,
    }


def _adapt_and_judge(
    setting: Setting, cell: Cell, left_out: LeftOut, rows: Ints, report: ProgressCallback
) -> tuple[Adaptation, Judgement]:
    """The main job on the given rows of the printer; of its labels only those that the user would tell are read."""
    recipe, checkpoint, word = cell.recipe.recipe, left_out.checkpoint, setting.word
    table = left_out.pixels.table.without_labels()
    rows = rows[coreset_rows(table.take(rows), recipe.coreset_frames, cell.seed)]
    target = Pixels(table.take(rows), left_out.pixels.array[rows], [left_out.pixels.digests[row] for row in rows], [])
    seen = Embedding(left_out.seen.features[rows], left_out.seen.logits[rows])
    own = _own_view(left_out, cell.seed)
    look = first_look(checkpoint, checkpoint.memory, target, word, left_out.compute, cell.seed, seen=seen, own=own)
    known = None
    labels = left_out.pixels.table.take(rows).prints["label"].to_list()
    if setting.labelled_prints and recipe.learns_print_labels:
        known = _told(look.prior, labels, checkpoint.config.classes, setting.labelled_prints)
        look = first_look(
            checkpoint,
            checkpoint.memory,
            target,
            word,
            left_out.compute,
            cell.seed,
            seen=seen,
            known=known,
            own=own,
        )
    digest = cell_fingerprint(cell, left_out.digest)
    task = AdaptationTask(
        checkpoint=checkpoint,
        source=checkpoint.memory,
        target=target,
        prior=look.prior,
        word=word,
        print_labels=known,
        recipe=recipe,
        compute=left_out.compute,
        seed=cell.seed,
        # A cell that was interrupted starts anew: its seconds are one of its results.
        state_file=setting.scratch / "states" / f"{plain(cell.printer)}-{digest[:16]}.pt",
        fingerprint=digest,
        report=report,
    )
    adaptation = adapt_network(task)
    judgement = judge(task, adaptation, look)
    task.state_file.unlink(missing_ok=True)
    return adaptation, judgement


def _own_view(left_out: LeftOut, seed: int) -> SourceView | None:
    """The source model's view of its own frames, worked out once for all cells that it and the seed are the same in."""
    checkpoint, compute = left_out.checkpoint, left_out.compute
    if checkpoint.memory is None:
        return None
    key = (checkpoint.digest, frozenset(checkpoint.memory.digests), seed)
    if key not in _own_views:
        if len(_own_views) >= _MOST_VIEWS:
            _own_views.pop(next(iter(_own_views)))
        _own_views[key] = source_model_view(checkpoint, checkpoint.memory, compute, seed)
    return _own_views[key]


def _once_labelled(judgement: Judgement, table: FrameTable, numbers: Iterable[int]) -> dict[int, Judgement]:
    """What the verdict becomes once the class of so many of the most telling prints is known; ``table`` has labels."""
    evidence = judgement.chosen.evidence
    labels = dict(zip(table.prints["print"].to_list(), table.prints["label"].to_list(), strict=True))
    truth = np.array([evidence.classes.index(labels[name]) for name in evidence.target.prints["print"]])
    telling = most_telling_prints(evidence, max(numbers))
    found = {}
    for number in sorted(numbers):
        asked = evidence.target.prints["print"].is_in(telling[:number]).to_numpy()
        found[number] = judge_again(judgement, np.where(asked, truth, -1))
    return found


def _told(prior: PriorEstimate, labels: Sequence[str], classes: Sequence[str], n_told: int) -> Ints:
    """(p,) class of the ``n_told`` prints that the first look is least sure of, -1 for the others."""
    if prior.print_posteriors is None:
        raise BadDataError(
            "no prints can be chosen to be labelled: the checkpoint has too few labelled source prints",
            "Leave --labelled-prints out, or train with more prints.",
        )
    asked = least_sure(prior.print_posteriors, n_told)
    known = np.full(len(labels), -1)
    known[asked] = [classes.index(labels[place]) for place in asked]
    return known


def _said(judgement: Judgement, adaptation: Adaptation) -> Content:
    """The verdict, and each candidate's label-free scores by its name."""
    examined = {
        one.candidate.name: {
            "score": one.score,
            "witnesses": [witness.to_dict() for witness in one.witnesses],
            "vetoes": [veto.to_dict() for veto in one.vetoes],
            "validators": [validator.to_dict() for validator in one.validators],
        }
        for one in judgement.examinations
    }
    return {
        "verdict": judgement.verdict.decision,
        "reasons": list(judgement.verdict.reasons),
        "picked": judgement.candidate.name,
        "warnings": list(adaptation.warnings),
        "discriminator_accuracy": adaptation.discriminator_accuracy,
        "examined": examined,
    }


def _rows_of(table: FrameTable, prints: tuple[str, ...]) -> Ints:
    rows = np.flatnonzero(np.isin(table.data["print"].to_numpy(), list(prints)))
    if len(rows) == 0:
        raise BadDataError(
            f"no frame of {len(prints)} prints of printer {table.printers[0]} can be read",
            "Copy the frames again; `adaptprint verify` lists what is wrong with each.",
        )
    return rows


def _probabilities(candidate: Candidate, left_out: LeftOut, rows: Ints) -> Floats:
    """(n, K) of the candidate, as it would ship, on the given rows of the printer."""
    if candidate.name == SOURCE_ONLY:
        return left_out.seen.probabilities[rows]
    network = left_out.checkpoint.network()
    network.load_state_dict(candidate.state)
    network.on(left_out.compute.device)
    return embed(network, left_out.pixels.array[rows], left_out.compute).probabilities
