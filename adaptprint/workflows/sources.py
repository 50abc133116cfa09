"""Where a source model comes from: a checkpoint, with or without fresh source data, or bare weights with data."""

from pathlib import Path

from adaptprint.errors import UsageError
from adaptprint.frames.camera import CameraProfile
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.checkpoint_files import read_config
from adaptprint.models.device import Compute
from adaptprint.models.memory import SourceFrames
from adaptprint.models.origin import original
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
    from_original: bool = False,
) -> tuple[Checkpoint, SourceFrames | None]:
    """The source model and its labelled frames; ``source_data`` replaces the checkpoint's own memory.

    With ``from_original`` an adapted checkpoint stands for the source model that it was adapted from.

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
    config = checkpoint.config
    if from_original:
        checkpoint = original(checkpoint)
    if source_data is None:
        return checkpoint, checkpoint.memory
    table = open_labelled(source_data, "auto", config.classes)
    source_camera = config.camera if config.origin is None else config.origin.camera
    pixels = read_pixels(table, config.input_size, source_camera, threads, progress, "reading source frames")
    return checkpoint, source_frames(pixels)


def on_where_it_starts(source: str | Path, continue_: bool) -> tuple[str, ...]:
    """A note where ``source`` was adapted itself: which of its two models the adaptation starts from."""
    if Path(source).is_file() or (config := read_config(Path(source))).provenance.command != "adapt":
        return ()
    recipe, when = config.provenance.recipe.get("name"), config.provenance.created
    if continue_:
        return (f"continues from the weights that recipe `{recipe}` adapted on {when}, as --continue asks",)
    return (
        f"{source} was adapted with recipe `{recipe}` on {when}: this adaptation starts from its source model again, "
        "which is what stays in use unless the verdict is ship (--continue starts from the adapted weights)",
    )
