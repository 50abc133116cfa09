"""One printer left out: its frames, a source model that has not seen it, and how that model sees them."""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import adaptprint
from adaptprint.adaptation.prior import PriorWord
from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.pixels import Pixels
from adaptprint.frames.table import FrameTable
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.device import Compute, choose_compute
from adaptprint.models.embed import Embedding
from adaptprint.models.kept_embeddings import embed_once
from adaptprint.models.settings import make_settings, parse_overrides
from adaptprint.models.train_settings import TrainSettings
from adaptprint.reporting.progress import ProgressCallback, silent
from adaptprint.workflows.inputs import data_digest, fingerprint, open_checkpoint, open_labelled, read_pixels
from adaptprint.workflows.run_inputs import file_facts, frames_digest
from adaptprint.workflows.train import train


@dataclass(frozen=True)
class Setting:
    """What all cells of a comparison share; small enough to be sent to another process.

    Attributes:
        data: Labelled frames.
        layout: As the user gave it.
        source: One source model for all printers; ``None`` where one is trained without each.
        sources: Folder of the source models that are trained.
        init: Starting weights of these.
        set: Overrides of their training.
        train_seed: Their seed.
        held_out: Printers that none of them is trained on.
        camera: Camera profile of the frames; ``None`` takes the source's.
        word: What the user says of the share of faulty prints.
        labelled_prints: How many of the prints adapted on have their class told.
        device: As the user gave it.
        threads: CPU threads of one process.
        scratch: Folder for what is worth keeping until the comparison is finished.
    """

    data: Path
    layout: str
    source: Path | None
    sources: Path
    init: str
    set: tuple[str, ...]
    train_seed: int
    held_out: tuple[str, ...]
    camera: CameraProfile | None
    word: PriorWord
    labelled_prints: int
    device: str
    threads: int | None
    scratch: Path


@dataclass(frozen=True)
class LeftOut:
    """A printer that the source model has not seen.

    Attributes:
        checkpoint: The source model.
        pixels: All n readable frames of the printer, with labels.
        seen: The source model's view of them.
        compute: Device and number format.
        digest: Of everything above.
    """

    checkpoint: Checkpoint
    pixels: Pixels
    seen: Embedding
    compute: Compute
    digest: str


def open_left_out(setting: Setting, printer: str, progress: ProgressCallback = silent) -> LeftOut:
    """Reads the printer's frames and its source model, which is trained first where that was not done yet.

    Raises:
        AdaptprintError: With cause and fix, for anything wrong with frames or models.
    """
    compute = choose_compute(setting.device, setting.threads)
    table = open_labelled(setting.data, setting.layout)
    checkpoint = open_checkpoint(setting.source or _trained(setting, table, printer, compute, progress))
    config = checkpoint.config
    camera = setting.camera or config.camera
    pixels = read_pixels(table.of_printer(printer), config.input_size, camera, setting.threads, progress)
    digest = fingerprint(
        adaptprint.__version__,
        # Verdicts hear the rehearsal in its config, and recipes its memory: the weights alone would not tell.
        sorted(config.integrity.items()),
        data_digest(pixels),
        config.input_size,
        camera.model_dump(),
        setting.word.text,
        setting.labelled_prints,
        compute.precision,
        compute.device.type,
    )
    seen = embed_once(checkpoint, pixels.array, compute, progress=progress, stage="source model on the printer")
    return LeftOut(checkpoint, pixels, seen, compute, digest)


@lru_cache(maxsize=1)
def opened(setting: Setting, printer: str) -> LeftOut:
    """:func:`open_left_out`, kept until another printer is asked for: its cells come one after the other."""
    return open_left_out(setting, printer)


def _trained(setting: Setting, table: FrameTable, printer: str, compute: Compute, progress: ProgressCallback) -> Path:
    """The source model without this printer; its name tells the data and settings it was trained on."""
    left_out = list(dict.fromkeys([printer, *setting.held_out]))
    key = fingerprint(
        adaptprint.__version__,
        frames_digest(table.where(~table.data["printer"].is_in(left_out).to_numpy())),
        file_facts(Path(setting.init) / "config.json") or file_facts(setting.init) or setting.init,
        make_settings(TrainSettings, parse_overrides(setting.set), "--set").model_dump(),
        setting.train_seed,
        setting.camera.model_dump() if setting.camera else None,
        compute.precision,
    )
    folder = setting.sources / f"{plain(printer)}-{key[:12]}"
    if not (folder / "config.json").is_file():
        train(
            setting.data,
            out=folder,
            init=setting.init,
            hold_out_printer=left_out,
            set=setting.set,
            layout=setting.layout,
            camera=setting.camera,
            device=setting.device,
            threads=setting.threads,
            seed=setting.train_seed,
            resume=True,
            progress=progress,
        )
    return folder


def plain(name: str) -> str:
    """A name that every file system takes; a digest keeps apart what was not plain before."""
    if re.fullmatch(r"[a-z0-9_-][a-z0-9_.-]{0,40}", name):
        return name
    kept = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:24].strip("-")
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()  # names on disk need be no UTF-8
    return f"{kept}-{digest[:8]}".lstrip("-")
