"""Where a source model comes from: a checkpoint, with or without fresh source data, or bare weights with data."""

from pathlib import Path

from adaptprint.errors import UsageError
from adaptprint.frames.camera import CameraProfile
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.device import Compute
from adaptprint.models.memory import SourceFrames
from adaptprint.reporting.progress import ProgressCallback
from adaptprint.workflows.inputs import open_checkpoint, open_labelled, read_pixels, source_frames
from adaptprint.workflows.pack import pack_weights


def open_source(
    source: str | Path,
    source_data: str | Path | None,
    camera: CameraProfile | None,
    compute: Compute,
    threads: int | None,
    seed: int,
    progress: ProgressCallback,
) -> tuple[Checkpoint, SourceFrames | None]:
    """The source model and its labelled frames; ``source_data`` replaces the checkpoint's own memory.

    Raises:
        UsageError: If bare weights come without source data.
        BadDataError: If the checkpoint or the data cannot be used.
    """
    if Path(source).is_file():
        if source_data is None:
            raise UsageError(
                f"{source} is a bare weights file, which says nothing about classes or source frames",
                "Add --source-data DATA, or make a checkpoint once: adaptprint pack --weights FILE --source-data DATA.",
            )
        checkpoint = pack_weights(Path(source), Path(source_data), "auto", camera, compute, threads, seed, progress)
        return checkpoint, checkpoint.memory
    checkpoint = open_checkpoint(source)
    if source_data is None:
        return checkpoint, checkpoint.memory
    config = checkpoint.config
    table = open_labelled(source_data, "auto", config.classes)
    pixels = read_pixels(table, config.input_size, config.camera, threads, progress, "reading source frames")
    return checkpoint, source_frames(pixels)
