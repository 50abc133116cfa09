"""What a run is made of, as one digest: as long as it stays the same, adapting again would change nothing.

Frames count by name, size and time of change, as `make` and `rsync` do it: reading them to find out that nothing is to
be done would cost as much as the first half of doing it. The source model counts by content.
"""

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

import adaptprint
from adaptprint.adaptation.prior_word import PriorWord
from adaptprint.adaptation.recipe import NamedRecipe
from adaptprint.errors import UsageError
from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.table import FrameTable
from adaptprint.models.checkpoint_files import CONFIG, file_digest, read_config
from adaptprint.workflows.inputs import fingerprint, open_labelled


@dataclass(frozen=True)
class SourceStamp:
    """A source model told from others without loading it.

    Attributes:
        digest: SHA-256 (hex) of the model, and of the source data that comes with it.
        classes: Class names in model order.
    """

    digest: str
    classes: tuple[str, ...]


def options_given(
    printer: str | None,
    layout: str,
    camera: CameraProfile | None,
    source_data: Path | None,
    continue_: bool,
) -> dict[str, str]:
    """The options that a run was given beside source, target, recipe, seed, prior and labels, as on the command line.

    One without a value, such as ``--continue``, has an empty one. Without them its command would not repeat it.
    """
    given = {"--printer": printer, "--layout": None if layout == "auto" else layout}
    if camera is not None:
        given["--crop"] = None if camera.crop is None else ",".join(f"{end:g}" for end in camera.crop)
        given["--rotate"] = str(camera.rotate) if camera.rotate else None
        given["--flip"] = None if camera.flip == "none" else camera.flip
    given["--source-data"] = None if source_data is None else str(source_data)
    given["--continue"] = "" if continue_ else None
    return {option: value for option, value in given.items() if value is not None}


def stamp_source(source: Path, source_data: Path | None, continue_: bool = False) -> SourceStamp:
    """The stamp of a checkpoint folder, or of bare weights together with their data.

    Args:
        source: The folder or file.
        source_data: Labelled frames beside it.
        continue_: Whether an adapted checkpoint is taken as it is.

    Raises:
        UsageError: If bare weights come without source data.
        BadDataError: If it is no checkpoint, or the data cannot be used.
    """
    if source.is_file():
        table = open_labelled(require_data(source, source_data), "auto")
        return SourceStamp(fingerprint(_content(source), frames_digest(table)), tuple(table.classes))
    config = read_config(source)
    # Holds the digests of all files of the checkpoint, which are checked when it is loaded.
    own = config.integrity.get(CONFIG)
    frames = None if source_data is None else frames_digest(open_labelled(source_data, "auto", config.classes))
    return SourceStamp(fingerprint(own, frames, continue_), tuple(config.classes))


def require_data(source: str | Path, source_data: str | Path | None) -> Path:
    """The data that bare weights need.

    Raises:
        UsageError: If there is none.
    """
    if source_data is None:
        raise UsageError(
            f"{source} is a bare weights file, which says nothing about classes or source frames",
            "Add --source-data DATA, or make a checkpoint once: adaptprint pack --weights FILE --source-data DATA.",
        )
    return Path(source_data)


def inputs_digest(
    source: SourceStamp,
    table: FrameTable,
    recipe: NamedRecipe,
    word: PriorWord,
    labels: str | Path | None,
    camera: CameraProfile | None,
    seed: int,
) -> str:
    """SHA-256 (hex) over all that decides what a run comes to, but for the machine it runs on.

    Args:
        source: The source model.
        table: All frames of the printer.
        recipe: With all its settings.
        word: What the user says of the class shares.
        labels: The CSV of labelled prints; counts by content.
        camera: As the user gave it; the source's own profile is part of the source.
        seed: Decides every draw.
    """
    return fingerprint(
        adaptprint.__version__,
        source.digest,
        frames_digest(table),
        recipe.name,
        recipe.recipe.settings,
        word.text,
        None if labels is None else _content(Path(labels)),
        None if camera is None else camera.model_dump(),
        seed,
    )


def training_digest(
    source: SourceStamp,
    table: FrameTable,
    recipe: NamedRecipe,
    word: PriorWord,
    camera: CameraProfile | None,
    seed: int,
) -> str:
    """As :func:`inputs_digest`, of what the candidates of a recipe that learns no print labels are made of."""
    nameless = replace(recipe, name="")
    return inputs_digest(source, table, nameless, word, None, camera, seed)


def frames_digest(table: FrameTable) -> str:
    """Digest of a table's rows and of the files they name, without opening them."""
    digest = hashlib.sha256()
    for path, *row in table.data.select("path", "name", "printer", "print", "time", "label").iter_rows():
        # A still of a video lies in the cache, below a name that is the digest of the video's content.
        facts = Path(path).parent.name if table.layout == "video" else file_facts(path)
        digest.update(repr((row, facts)).encode())
    return digest.hexdigest()


def file_facts(path: str | Path) -> tuple[int, int] | None:
    """Size and time of change; ``None`` for a file that cannot be reached."""
    try:
        status = os.stat(path)  # noqa: PTH116 - up to a hundred thousand of them
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns


def _content(file: Path) -> str | None:
    """SHA-256 of a file; ``None`` where it cannot be read, which whoever needs it reports."""
    try:
        return file_digest(file)
    except OSError:
        return None
