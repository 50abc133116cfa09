"""One printer of a fleet as a job: small enough to be sent anywhere, done where the frames can be read."""

import contextlib
import json
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from adaptprint.adaptation.prior import parse_prior
from adaptprint.adaptation.recipe import load_recipe
from adaptprint.errors import AdaptprintError, DamagedStateError, StaleStateError
from adaptprint.frames.camera import CameraProfile
from adaptprint.models.checkpoint_files import CONFIG
from adaptprint.reporting.progress import Progress, ProgressCallback, silent
from adaptprint.workflows.adapt import AdaptResult, adapt, finished_run
from adaptprint.workflows.inputs import one_printer, open_unlabelled
from adaptprint.workflows.run_inputs import inputs_digest
from adaptprint.workflows.sources import SharedSource

_SECONDS_BETWEEN_NOTES = 1.0
_OPTIONS = (
    "out", "recipe", "set", "target_prior", "labels", "printer", "layout", "camera", "device", "threads", "seed"
)  # fmt: skip


@dataclass(frozen=True)
class FleetJob:
    """What to do for one printer. All paths are absolute: a worker may stand elsewhere.

    Attributes:
        name: Its name.
        source: The source model, not opened.
        out: Its run folder.
        note: A file to which another process notes how far it is.
        target: Its frames, as in :func:`adaptprint.adapt`; and so are the others.
    """

    name: str
    source: SharedSource
    out: Path
    note: Path
    target: Path
    recipe: str | Path
    set: tuple[str, ...]
    target_prior: str
    labels: Path | None
    printer: str | None
    layout: str
    camera: CameraProfile | None
    device: str
    threads: int | None
    seed: int


def up_to_date(job: FleetJob) -> AdaptResult | None:
    """The result of an earlier run with the very same inputs; ``None`` where there is something to do."""
    found = finished_run(job.out)
    if found is None or not all((job.out / name / CONFIG).is_file() for name in ("checkpoint", "candidate")):
        return None
    try:
        digest = _digest(job)
    except (AdaptprintError, OSError):
        return None  # Whatever is wrong, the run itself says it best.
    return replace(found, out=job.out) if found.content.get("inputs_digest") == digest else None


def adapt_here(job: FleetJob, progress: ProgressCallback = silent, source: SharedSource | None = None) -> AdaptResult:
    """Adapts to one printer in this process; an unfinished run of the same inputs goes on.

    Raises:
        AdaptprintError: With cause and fix.
    """
    options: dict[str, Any] = {name: getattr(job, name) for name in _OPTIONS}
    options |= {"overwrite": True, "progress": progress}
    try:
        return adapt(source or job.source, job.target, resume=True, **options)
    except (StaleStateError, DamagedStateError):
        # What was saved belongs to frames or settings of before: nobody is here to be asked, so it starts afresh.
        return adapt(source or job.source, job.target, resume=False, **options)


def adapt_elsewhere(job: FleetJob, source: SharedSource | None = None) -> AdaptResult:
    """As :func:`adapt_here`, in a process that may get several jobs; the source model is opened for the first.

    Args:
        job: What to do.
        source: The source model, opened already, where it came along.
    """
    tell = _noting(job.note)
    tell(Progress("starting", 0, 0))
    try:
        return adapt_here(job, tell, _kept(source or job.source))
    finally:
        with contextlib.suppress(OSError):
            job.note.unlink()


@lru_cache(maxsize=1)
def _kept(source: SharedSource) -> SharedSource:
    """The first of all equal sources, with what was opened and worked out of it."""
    return source


def _digest(job: FleetJob) -> str:
    stamp = job.source.stamp
    table = one_printer(open_unlabelled(job.target, job.layout, stamp.classes), job.printer)
    recipe, word = load_recipe(job.recipe, job.set), parse_prior(job.target_prior)
    return inputs_digest(stamp, table, recipe, word, job.labels, job.camera, job.seed)


def _noting(note: Path) -> ProgressCallback:
    """Writes the latest event to a file now and then: it needs no channel that some engine lacks."""
    latest = float("-inf")

    def tell(event: Progress) -> None:
        nonlocal latest
        now = time.monotonic()
        if now - latest < _SECONDS_BETWEEN_NOTES:
            return
        latest = now
        partial = note.with_suffix(".part")
        with contextlib.suppress(OSError):
            partial.write_text(json.dumps([event.stage, event.done, event.total]), encoding="utf-8")
            partial.replace(note)

    return tell


def read_note(note: Path) -> Progress | None:
    """What another process noted last; ``None`` while there is nothing."""
    try:
        stage, done, total = json.loads(note.read_text(encoding="utf-8"))
        return Progress(str(stage), int(done), int(total))
    except (OSError, ValueError, TypeError):
        return None
