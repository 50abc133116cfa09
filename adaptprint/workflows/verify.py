"""verify: checks a data set before anything is trained or adapted on it."""

from pathlib import Path

from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.checks import Findings, verify_frames
from adaptprint.frames.layouts import read_frames
from adaptprint.reporting.progress import ProgressCallback, counting, silent


def verify(
    data: str | Path,
    *,
    layout: str = "auto",
    camera: CameraProfile | None = None,
    progress: ProgressCallback = silent,
) -> Findings:
    """Reads every frame once and lists what is wrong with the data set.

    Args:
        data: Frames, in any layout, labelled or not.
        layout: Force a layout.
        camera: Camera profile to look through.
        progress: Progress callback.

    Raises:
        AdaptprintError: If the data cannot be read at all.
    """
    table = read_frames(data, layout=layout, labels="optional")
    return verify_frames(table, camera=camera or CameraProfile(), progress=counting("checking frames", progress))
