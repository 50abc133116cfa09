"""Writes the run folder: both models, the report, the tables; whole or not at all."""

import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from adaptprint.adaptation.prior import PriorEstimate, PriorWord, of_fault
from adaptprint.adaptation.recipe import NamedRecipe
from adaptprint.adaptation.task import Adaptation, AdaptationTask
from adaptprint.diagnostics.examine import Examination
from adaptprint.diagnostics.neighbour_facts import neighbour_facts
from adaptprint.diagnostics.recipe_gain import RecipeExpectation
from adaptprint.diagnostics.rehearsal import Expectation
from adaptprint.diagnostics.verdict import expected_of_recipe
from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.table import FrameTable
from adaptprint.models.atomic_folder import Workspace, atomic_folder
from adaptprint.models.embed import Floats
from adaptprint.models.metrics import decide, print_probabilities
from adaptprint.reporting.report import render_report
from adaptprint.workflows.assembly import library_versions, utc_now
from adaptprint.workflows.judge import Judgement
from adaptprint.workflows.references import References
from adaptprint.workflows.run_exhibits import exhibits
from adaptprint.workflows.run_models import write_models
from adaptprint.workflows.run_pictures import FOLDER
from adaptprint.workflows.run_tables import (
    frame_rows,
    neighbour_rows,
    print_rows,
    write_json,
    write_json_lines,
    write_toml,
)
from adaptprint.workflows.scores import Scores
from adaptprint.workflows.target import Target


@dataclass(frozen=True)
class Run:
    """Everything a finished adaptation knows."""

    out: Path
    source: str
    inputs: str | None
    training: str | None
    task: AdaptationTask
    adaptation: Adaptation
    judgement: Judgement
    recipe: NamedRecipe
    word: PriorWord
    prior: PriorEstimate
    target: Target
    scores: Scores
    references: References
    camera: CameraProfile
    labels: str | None
    options: dict[str, str]
    notes: tuple[str, ...]

    @cached_property
    def expectation(self) -> Expectation | None:
        """What the candidate's moved decision is expected to gain; ``None`` where it was not moved."""
        decision = self.judgement.candidate.decision
        return None if decision is None else self.judgement.chosen.evidence.relation.expect(decision)

    @cached_property
    def table(self) -> FrameTable:
        """All target frames that were scored, in the order of :attr:`scores`."""
        return self.target.listed.take(self.scores.rows)


def write_run(run: Run, work: Workspace, seconds: float) -> dict[str, Any]:
    """Writes the run folder and returns the content of report.json."""
    shown = exhibits(run)
    content = {**report_content(run, seconds), **shown.facts}
    config = run.task.checkpoint.config
    with atomic_folder(run.out, work.scratch) as folder:
        write_models(run, folder)
        of_source = run.judgement.chosen.evidence.source
        rows = frame_rows(run.table, config.classes, config.threshold, run.scores, of_source)
        rows.write_csv(folder / "frames.csv")
        print_rows(run.table, config.classes, config.threshold, run.scores).write_csv(folder / "prints.csv")
        neighbours = neighbour_rows(run.judgement.chosen)
        if not neighbours.is_empty():
            neighbours.write_csv(folder / "neighbours.csv")
        write_json_lines(folder / "metrics.jsonl", run.adaptation.trace)
        write_toml(
            folder / "recipe.toml", _recipe_header(run), {"name": run.recipe.name, **run.recipe.recipe.model_dump()}
        )
        write_json(folder / "report.json", content)
        (folder / FOLDER).mkdir()
        for name, jpeg in shown.pictures.items():
            (folder / FOLDER / name).write_bytes(jpeg)
        html = render_report(content, list(run.adaptation.trace), shown.pictures)
        (folder / "report.html").write_text(html, encoding="utf-8")
    return content


def report_content(run: Run, seconds: float) -> dict[str, Any]:
    """The content of report.json, but for what the report shows: see :func:`exhibits`."""
    task, judgement = run.task, run.judgement
    config, table = task.checkpoint.config, run.table
    chosen = judgement.chosen
    return {
        "verdict": judgement.verdict.decision,
        "reasons": list(judgement.verdict.reasons),
        "prints_to_label": list(judgement.verdict.prints_to_label),
        "out": str(run.out),
        "checkpoint": str(run.out / "checkpoint"),
        "candidate": str(run.out / "candidate"),
        "recipe": run.recipe.name,
        "seconds": round(seconds, 1),
        "created": utc_now(),
        "inputs_digest": run.inputs,
        "training_digest": run.training,
        "expected_gain": _expected_gain(run),
        "seed": task.seed,
        "options": run.options,
        "precision": task.compute.precision,
        "device": task.compute.device.type,
        "versions": library_versions(),
        "classes": list(config.classes),
        "target": {
            "path": str(table.root),
            "layout": table.layout,
            "printers": table.printers,
            "n_frames": len(table),
            "n_prints": table.prints.height,
            "n_unreadable": len(run.scores.unreadable),
            "n_frames_adapted_on": len(task.target.table),
            "labelled_prints": _labelled_prints(run),
            "prior_stated": run.word.text,
            "prior_estimate": of_fault(run.prior.shares),
            "prior_interval": [of_fault(run.prior.low), of_fault(run.prior.high)],
            "prior_method": run.prior.method,
            "prior_says": run.prior.says,
            "prior_others": {name: of_fault(shares) for name, shares in run.prior.others.items()},
            "calls_before": _call_shares(run, run.scores.before),
            "calls_after": _call_shares(run, run.scores.after),
        },
        "source": {
            "path": run.source,
            "digest": task.checkpoint.digest,
            "n_frames": len(task.source) if task.source is not None else 0,
            "printers": config.provenance.printers,
            "labels_vary_inside_prints": config.provenance.labels_vary_inside_prints,
        },
        "candidate_name": judgement.candidate.name,
        "witnesses": [witness.to_dict() for witness in chosen.witnesses],
        "vetoes": [veto.to_dict() for veto in chosen.vetoes],
        "validators": [validator.to_dict() for validator in chosen.validators],
        "neighbours": {
            "frozen": neighbour_facts(chosen.frozen, config.classes),
            "adapted": neighbour_facts(chosen.adapted, config.classes),
        },
        "candidates": [_candidate_row(examination) for examination in judgement.examinations],
        "notes": list(run.notes),
    }


def _expected_gain(run: Run) -> dict[str, Any] | None:
    found: Expectation | RecipeExpectation | None = run.expectation
    if found is None and run.judgement.examinations:
        chosen = run.judgement.chosen
        found = expected_of_recipe(chosen.evidence, chosen.vetoes, chosen.validators)
    return None if found is None else {"value": found.gain, "interval": [found.low, found.high], "risk": found.risk}


def _labelled_prints(run: Run) -> dict[str, Any]:
    """How many labelled prints were used, and which."""
    task = run.task
    if task.print_labels is None:
        return {"n": 0, "file": None, "prints": []}
    names, classes = task.target.table.prints["print"].to_list(), task.checkpoint.config.classes
    prints = [
        {"print": name, "class": classes[code]}
        for name, code in zip(names, task.print_labels, strict=True)
        if code >= 0
    ]
    return {"n": len(prints), "file": run.labels, "prints": prints}


def _call_shares(run: Run, scores: Floats) -> dict[str, float]:
    """Share of prints (frames, where labels differ inside prints) that get each class."""
    config = run.task.checkpoint.config
    probabilities: np.ndarray[Any, Any] = scores
    if not config.provenance.labels_vary_inside_prints:
        probabilities = print_probabilities(probabilities, run.table.print_codes)
    calls = decide(probabilities, config.threshold)
    shares = np.bincount(calls, minlength=len(config.classes)) / len(calls)
    return {name: round(float(share), 4) for name, share in zip(config.classes, shares, strict=True)}


def _candidate_row(examination: Examination) -> dict[str, Any]:
    return {
        "name": examination.candidate.name,
        "score": round(examination.score, 4),
        "vetoes": [veto.name for veto in examination.vetoes if veto.stands],
        "witnesses": {witness.name: round(witness.value, 4) for witness in examination.witnesses if witness.applies},
        "validators": {
            validator.name: {
                "before": validator.before,
                "after": validator.after,
                "delta": validator.delta,
                "applies": validator.applies,
            }
            for validator in examination.validators
        },
    }


def _recipe_header(run: Run) -> str:
    words = ["adaptprint", "adapt", "--source", "CKPT", "--target", "DIR", "--recipe", "recipe.toml"]
    words += ["--seed", str(run.task.seed), "--target-prior", run.word.text]
    for option, value in run.options.items():
        words += [option, value] if value else [option]
    words += ["--labels", "CSV"] if run.labels else []
    return f"{shlex.join(words)}\n\nRecipe `{run.recipe.name}` as it was run."
