"""The two models of a run: the candidate, and the one that the verdict lets ship."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from adaptprint.adaptation.task import SOURCE_ONLY
from adaptprint.models.checkpoint import Checkpoint, write_checkpoint_files
from adaptprint.models.origin import with_origin
from adaptprint.workflows.assembly import library_versions, utc_now

if TYPE_CHECKING:
    from adaptprint.workflows.run_folder import Run


def write_models(run: "Run", folder: Path) -> None:
    """``candidate/`` is always the adapted model; ``checkpoint/`` is it only where the verdict says ship."""
    candidate = _adapted(run)
    ships = run.judgement.verdict.decision == "ship"
    for name, checkpoint in (("candidate", candidate), ("checkpoint", candidate if ships else _source(run))):
        (folder / name).mkdir()
        write_checkpoint_files(checkpoint, folder / name)


def _source(run: "Run") -> Checkpoint:
    """The source model, with the camera it will now look through and how the printer looks to it."""
    source = run.task.checkpoint
    own = source.config.camera_of_source
    other = None if own == run.camera else own
    config = source.config.model_copy(update={"camera": run.camera, "source_camera": other})
    return replace(source, config=config, reference=run.references.source)


def _adapted(run: "Run") -> Checkpoint:
    source, candidate = run.task.checkpoint, run.judgement.candidate
    if candidate.name == SOURCE_ONLY:
        return _source(run)
    provenance = source.config.provenance.model_copy(
        update={
            "created": utc_now(),
            "command": "adapt",
            "versions": library_versions(),
            "seed": run.task.seed,
            "recipe": {
                "name": run.recipe.name,
                "candidate": candidate.to_dict(),
                **run.recipe.recipe.settings,
            },
            "parent_digest": source.digest,
            "verdict": run.judgement.verdict.decision,
        }
    )
    config = source.config.model_copy(update={"provenance": provenance, "camera": run.camera, "metrics": {}})
    # Memory and moments stay the source's: the next adaptation starts from labels, never from guesses.
    adapted = Checkpoint(config, candidate.state, source.memory, source.moments, reference=run.references.candidate)
    return with_origin(adapted, source)
