"""batch, adapt_many: many targets in one call, each isolated, one result each."""

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from adaptprint.adaptation.recipe import DEFAULT_RECIPE
from adaptprint.errors import AdaptprintError, InterruptedRunError, UsageError
from adaptprint.models.settings import make_settings, read_toml
from adaptprint.reporting.progress import Progress, ProgressCallback, silent
from adaptprint.workflows.adapt import AdaptResult, adapt, finished_run


class FleetTarget(BaseModel):
    """One target of a fleet file."""

    model_config = ConfigDict(extra="forbid")

    path: str
    name: str | None = None
    target_prior: str | None = None
    recipe: str | None = None
    printer: str | None = None


class Fleet(BaseModel):
    """A fleet file: paths are relative to the file."""

    model_config = ConfigDict(extra="forbid")

    source: str
    out: str = "fleet"
    source_data: str | None = None
    recipe: str = DEFAULT_RECIPE
    target_prior: str = "unknown"
    seed: int = 0
    set: list[str] = Field(default_factory=list)
    target: Annotated[list[dict[str, Any]], Field(min_length=1)]


@dataclass(frozen=True)
class TargetResult:
    """What became of one target.

    Attributes:
        target: Its name.
        result: The adaptation's result, or ``None`` where it failed.
        error: Cause and fix where it failed.
        out: Its run folder.
    """

    target: str
    result: AdaptResult | None
    error: str | None
    out: Path

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return {
            "target": self.target,
            "verdict": self.result.verdict if self.result else None,
            "reasons": list(self.result.reasons) if self.result else [],
            "seconds": self.result.content["seconds"] if self.result else None,
            "error": self.error,
            "out": str(self.out),
        }


@dataclass(frozen=True)
class BatchResult:
    """One result per target, in the order asked for."""

    results: tuple[TargetResult, ...]

    @property
    def ok(self) -> bool:
        """Whether every target went through."""
        return all(result.error is None for result in self.results)

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return {"ok": self.ok, "results": [result.to_dict() for result in self.results]}


def adapt_many(
    source: str | Path,
    targets: Sequence[str | Path] | Mapping[str, str | Path],
    *,
    out: str | Path = "fleet",
    recipe: str | Path = DEFAULT_RECIPE,
    set: Sequence[str] = (),
    target_prior: str = "unknown",
    source_data: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    overwrite: bool = False,
    progress: ProgressCallback = silent,
) -> BatchResult:
    """Adapts one source model to many targets, one after the other; a target that fails stops no other.

    A second call goes on where the first ended: finished run folders are kept and read, unless ``overwrite``.

    Args:
        source: A checkpoint folder, or bare weights together with ``source_data``.
        targets: Folders, or a mapping from names to folders.
        out: Holds one run folder per target.
        recipe: A recipe by name, or a TOML file.
        set: ``key=value`` overrides of the recipe.
        target_prior: As in :func:`adaptprint.adapt`, for all targets.
        source_data: As in :func:`adaptprint.adapt`.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: CPU threads.
        seed: Decides every draw.
        overwrite: Replace existing run folders.
        progress: Progress callback; stages carry the target's name.

    Raises:
        InterruptedRunError: After Ctrl-C; finished targets stay.
    """
    shared = {
        "recipe": recipe,
        "set": set,
        "target_prior": target_prior,
        "source_data": source_data,
        "device": device,
        "threads": threads,
        "seed": seed,
        "overwrite": overwrite,
    }
    jobs = [(name, {**shared, "target": path}) for name, path in _named(targets).items()]
    return _run_all(source, Path(out), jobs, progress)


def batch(
    fleet: str | Path,
    *,
    out: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    overwrite: bool = False,
    progress: ProgressCallback = silent,
) -> BatchResult:
    """Adapts to every target of a fleet file; a second call goes on where the first ended.

    Args:
        fleet: A TOML file: ``source``, ``out``, defaults, and one ``[[target]]`` table for each printer.
        out: Overrides the file's ``out``.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: CPU threads.
        overwrite: Replace existing run folders.
        progress: Progress callback.

    Raises:
        UsageError: If the file is wrong; single targets that fail are reported in the result.
    """
    path = Path(fleet)
    content = make_settings(Fleet, read_toml(path), path.name)
    targets = [make_settings(FleetTarget, target, f"{path.name}, [[target]]") for target in content.target]
    here = path.resolve().parent
    names = list(_named([Path(target.name or target.path).name for target in targets]))
    jobs = []
    for name, target in zip(names, targets, strict=True):
        options: dict[str, Any] = {
            "target": here / target.path,
            "recipe": target.recipe or content.recipe,
            "set": content.set,
            "target_prior": target.target_prior or content.target_prior,
            "printer": target.printer,
            "source_data": here / content.source_data if content.source_data else None,
            "seed": content.seed,
            "device": device,
            "threads": threads,
            "overwrite": overwrite,
        }
        jobs.append((name, options))
    return _run_all(here / content.source, Path(out) if out else here / content.out, jobs, progress)


def _named(targets: Sequence[str | Path] | Mapping[str, str | Path]) -> dict[str, str | Path]:
    """Targets by a name that is good for a folder and different for each."""
    if isinstance(targets, Mapping):
        for name in targets:
            if not name or Path(name).name != name:
                raise UsageError(f"`{name}` cannot name a run folder", "Use a plain name without slashes.")
        return dict(targets)
    named: dict[str, str | Path] = {}
    for target in targets:
        stem = Path(target).resolve().name or "target"
        name, number = stem, 2
        while name in named:
            name, number = f"{stem}-{number}", number + 1
        named[name] = target
    return named


def _run_all(
    source: str | Path, out: Path, jobs: Sequence[tuple[str, dict[str, Any]]], progress: ProgressCallback
) -> BatchResult:
    if not jobs:
        raise UsageError("no targets were given", "Name at least one folder of frames.")
    results = []
    for name, options in jobs:
        folder = out / name

        def report(event: Progress, name: str = name) -> None:
            progress(Progress(f"{name}: {event.stage}", event.done, event.total, event.values))

        try:
            done = None if options["overwrite"] else finished_run(folder)
            if done is not None:
                results.append(TargetResult(name, done, None, folder))
                continue
            result = adapt(source, out=folder, progress=report, resume=True, **options)
            results.append(TargetResult(name, result, None, folder))
        except InterruptedRunError:
            raise
        except AdaptprintError as error:
            results.append(TargetResult(name, None, str(error), folder))
        except Exception as error:  # one printer's surprise must not stop a fleet
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = f"internal error: {type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
            results.append(TargetResult(name, None, text, folder))
    return BatchResult(tuple(results))
