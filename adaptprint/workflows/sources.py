"""Where a source model comes from: a checkpoint, with or without fresh source data, or bare weights with data."""

from dataclasses import dataclass, field
from pathlib import Path

from adaptprint.adaptation.domain_views import SourceView, source_model_view
from adaptprint.frames.camera import CameraProfile
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.checkpoint_files import read_config
from adaptprint.models.device import Compute
from adaptprint.models.memory import SourceFrames
from adaptprint.models.origin import original
from adaptprint.reporting.progress import ProgressCallback
from adaptprint.workflows.inputs import open_checkpoint, open_labelled, read_pixels, source_frames
from adaptprint.workflows.pack import pack_weights
from adaptprint.workflows.run_inputs import SourceStamp, require_data, stamp_source

STAGE = "source model on its own prints"


@dataclass(frozen=True)
class SharedSource:
    """A source model for several adaptations: in one process it is opened once, and looks at its own frames once.

    Two of the same content are equal, so that a process which gets one with every job keeps the first. One that was
    not opened yet is small to send elsewhere.

    Attributes:
        path: A checkpoint folder, or bare weights.
        data: Labelled frames that replace the checkpoint's memory.
        stamp: Tells its content.
        continue_: Whether an adapted checkpoint is taken as it is, and not for the source model it came from.
    """

    path: Path
    data: Path | None
    stamp: SourceStamp
    continue_: bool = False
    # One entry each at most: what was made last, by what it depends on.
    _opened: dict[object, tuple[Checkpoint, SourceFrames | None]] = field(default_factory=dict, compare=False)
    _views: dict[object, SourceView] = field(default_factory=dict, compare=False)

    @classmethod
    def at(cls, path: str | Path, data: str | Path | None = None, continue_: bool = False) -> "SharedSource":
        """The source at a path, not opened yet.

        Raises:
            UsageError: If bare weights come without source data.
            BadDataError: If there is no checkpoint, or the data cannot be used.
        """
        path, data = Path(path), None if data is None else Path(data)
        return cls(path, data, stamp_source(path, data, continue_), continue_)

    def open(
        self, compute: Compute, threads: int | None, seed: int, progress: ProgressCallback
    ) -> tuple[Checkpoint, SourceFrames | None]:
        """As :func:`open_source`, once."""
        # A checkpoint is what it is; what is made of bare weights depends on seed and number format.
        key = (compute, seed) if self.path.is_file() else None
        opened = self._opened.get(key)
        if opened is None:
            opened = open_source(
                self.path, self.data, None, compute, threads, seed, progress, from_original=not self.continue_
            )
            # Threads of someone's executor may come at the same time: each returns what it holds itself.
            self._opened.clear()
            self._opened[key] = opened
        return opened

    def look(self, compute: Compute, threads: int | None, seed: int, progress: ProgressCallback) -> SourceView | None:
        """What the model makes of its own frames, worked out once for each seed; ``None`` without source frames."""
        checkpoint, frames = self.open(compute, threads, seed, progress)
        if frames is None:
            return None
        key = (compute, seed)
        view = self._views.get(key)
        if view is None:
            view = source_model_view(checkpoint, frames, compute, seed, progress, STAGE)
            self._views.clear()
            self._views[key] = view
        return view


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
        source_data = require_data(source, source_data)
        checkpoint = pack_weights(Path(source), Path(source_data), "auto", camera, compute, threads, seed, progress)
        return checkpoint, checkpoint.memory
    checkpoint = open_checkpoint(source)
    config = checkpoint.config
    if from_original:
        checkpoint = original(checkpoint)
    if source_data is None:
        return checkpoint, checkpoint.memory
    table = open_labelled(source_data, "auto", config.classes)
    pixels = read_pixels(table, config.input_size, config.camera_of_source, threads, progress, "reading source frames")
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
