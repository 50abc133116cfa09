"""synth: renders procedural printers, to practise on."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from adaptprint.reporting.progress import ProgressCallback, counting, silent
from adaptprint.synth.dataset import SynthResult, render_dataset


def synth(
    out: str | Path,
    *,
    printers: int | Sequence[str] = 7,
    prints: int = 12,
    frames: int = 40,
    bad_share: float = 0.5,
    seed: int = 0,
    family: str = "endoscope",
    jobs: int = 1,
    size: tuple[int, int] | None = None,
    overwrite: bool = False,
    progress: ProgressCallback = silent,
) -> SynthResult:
    """Renders labelled frames of made-up printers in the competition layout.

    Args:
        out: Folder to write.
        printers: How many printers, or names of presets.
        prints: Prints per printer.
        frames: Frames per print.
        bad_share: Share of under-extruded prints, in [0, 1].
        seed: The same seed gives the same bytes, whatever ``jobs``.
        family: ``endoscope`` or ``portrait``.
        jobs: Processes.
        size: Height and width in pixels; ``None`` uses each camera's own.
        overwrite: Replace an existing folder.
        progress: Progress callback.

    Raises:
        AdaptprintError: With cause and fix.
    """
    count: Callable[[int, int], Any] = counting("rendering prints", progress)
    return render_dataset(
        Path(out),
        printers=printers,
        prints=prints,
        frames=frames,
        bad_share=bad_share,
        seed=seed,
        family=family,
        jobs=jobs,
        size=size,
        overwrite=overwrite,
        progress=count,
    )
