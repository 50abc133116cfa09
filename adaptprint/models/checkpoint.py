"""The checkpoint: a folder without pickles, written atomically, its digests checked when it is loaded."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from adaptprint.models.atomic_folder import atomic_folder
from adaptprint.models.checkpoint_config import CheckpointConfig
from adaptprint.models.checkpoint_files import (
    CARD,
    CONFIG,
    MEMORY,
    MOMENTS,
    ORIGIN,
    REFERENCE,
    WEIGHTS,
    check_integrity,
    config_digest,
    damaged,
    file_digest,
    read_config,
)
from adaptprint.models.domain_reference import DomainReference, read_reference, write_reference
from adaptprint.models.memory import SourceFrames, read_memory, write_memory
from adaptprint.models.network import EARLY_STAGES, PrintNet
from adaptprint.reporting.model_card import model_card


@dataclass(frozen=True)
class Checkpoint:
    """A model and all that adapting it needs.

    Attributes:
        config: The typed content of config.json.
        state: State dict of :class:`PrintNet`, on the CPU.
        memory: Labelled source frames, or ``None`` for a checkpoint without.
        moments: Class-conditional BatchNorm moments of the source, see :mod:`adaptprint.models.moments`; may be empty.
        origin: Of an adapted model: those weights of its source model that it does not share, see
            :mod:`adaptprint.models.origin`.
        reference: How the printer looked when the model was adapted to it, or ``None`` for one that never was.
    """

    config: CheckpointConfig
    state: dict[str, Tensor]
    memory: SourceFrames | None = None
    moments: dict[str, Tensor] | None = None
    origin: dict[str, Tensor] | None = None
    reference: DomainReference | None = None

    def network(self) -> PrintNet:
        """A fresh network in evaluation mode with these weights."""
        config = self.config
        # On the meta device nothing is drawn: random weights that are overwritten at once cost a tenth of a second.
        with torch.device("meta"):
            network = PrintNet(config.arch, len(config.classes), config.bottleneck)
        network.load_state_dict({name: value.clone() for name, value in self.state.items()}, assign=True)
        network.set_input(config.mean, config.std)
        return network.eval()

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the names and contents of all weights."""
        return state_digest(self.state)


def state_digest(state: dict[str, Tensor]) -> str:
    """SHA-256 (hex) over the names and contents of a state dict."""
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


def halve(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict whose weight matrices hold only numbers that half precision can hold; still float32."""
    return {name: value.half().float() if value.ndim >= 2 else value for name, value in state.items()}


def save_checkpoint(checkpoint: Checkpoint, folder: Path) -> CheckpointConfig:
    """Writes a checkpoint atomically, replacing what stood at ``folder``.

    Returns:
        The config as written, with the digests of the files.

    Raises:
        OutputError: If the disk is full or not writable.
    """
    with atomic_folder(folder) as partial:
        return write_checkpoint_files(checkpoint, partial)


def write_checkpoint_files(checkpoint: Checkpoint, folder: Path) -> CheckpointConfig:
    """Writes the files of a checkpoint into an existing folder, config.json last."""
    _save_state(checkpoint.state, folder / WEIGHTS)
    if checkpoint.memory is not None:
        write_memory(folder / MEMORY, checkpoint.memory)
    if checkpoint.moments:
        save_file(checkpoint.moments, folder / MOMENTS)
    if checkpoint.origin is not None:
        _save_state(checkpoint.origin, folder / ORIGIN)
    if checkpoint.reference is not None:
        write_reference(folder / REFERENCE, checkpoint.reference)
    card = folder / CARD
    card.write_text(model_card(checkpoint.config.model_dump(mode="json")), encoding="utf-8")
    for file in folder.glob("*.safetensors"):
        file.chmod(card.stat().st_mode)  # safetensors shuts all others out, whatever the user's umask says
    files = [path for path in sorted(folder.iterdir()) if path.name not in (CONFIG, CARD)]
    integrity = {path.name: file_digest(path) for path in files}
    # An older adaptprint reads what holds nothing that is new to it.
    version = 1 if checkpoint.origin is None and checkpoint.reference is None else 2
    version = version if checkpoint.config.source_camera is None else 3
    config = checkpoint.config.model_copy(update={"format_version": version, "integrity": integrity})
    integrity[CONFIG] = config_digest(config)
    config = config.model_copy(update={"integrity": integrity})
    text = json.dumps(config.model_dump(mode="json"), indent=2, ensure_ascii=False)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")
    return config


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Loads a checkpoint folder after checking its format, completeness and digests. Runs no code from it.

    Raises:
        BadDataError: If it is missing, newer than this adaptprint, incomplete, damaged or altered.
    """
    folder = Path(path)
    config = read_config(folder)
    check_integrity(folder, config)
    try:
        state = _load_state(folder / WEIGHTS)
        origin = _load_state(folder / ORIGIN) if ORIGIN in config.integrity else None
        moments = load_file(folder / MOMENTS) if MOMENTS in config.integrity else {}
    except (SafetensorError, OSError, ValueError) as error:
        raise damaged(folder, str(error)) from error
    try:
        Checkpoint(config, state).network()
    except RuntimeError as error:
        raise damaged(folder, "its weights do not fit its config.json") from error
    memory = read_memory(folder / MEMORY, config.input_size) if MEMORY in config.integrity else None
    reference = read_reference(folder / REFERENCE, len(config.classes)) if REFERENCE in config.integrity else None
    checkpoint = Checkpoint(config, state, memory, moments, origin, reference)
    _refuse_misfits(checkpoint, folder)
    return checkpoint


def _refuse_misfits(checkpoint: Checkpoint, folder: Path) -> None:
    """Refuses parts that are whole each but belong to different models; whatever uses them may rely on that."""
    config, state = checkpoint.config, checkpoint.state
    if any(name not in state or state[name].shape != value.shape for name, value in (checkpoint.origin or {}).items()):
        raise damaged(folder, f"{ORIGIN} belongs to another model")
    memory, reference = checkpoint.memory, checkpoint.reference
    if memory is not None and not set(memory.table.classes) <= set(config.classes):
        raise damaged(folder, f"{MEMORY} holds frames of other classes")
    suffix, start = ".running_mean", "trunk."
    widths = {name[len(start) : -len(suffix)]: len(state[name]) for name in state if name.endswith(suffix)}
    if reference is not None:
        seen = 2 * sum(width for layer, width in widths.items() if layer.split(".")[0] in EARLY_STAGES)
        found = reference.features.shape[1], reference.statistics.shape[1]
        if found != (state["classifier.weight"].shape[1], seen):
            raise damaged(folder, f"{REFERENCE} belongs to another model")
    if checkpoint.moments:
        expected = {
            f"{layer}.{moment}": (len(config.classes), width)
            for layer, width in widths.items()
            for moment in ("mean", "second")
        }
        if {name: tuple(value.shape) for name, value in checkpoint.moments.items()} != expected:
            raise damaged(folder, f"{MOMENTS} belongs to another model")


def _save_state(state: dict[str, Tensor], file: Path) -> None:
    save_file({name: _stored(value) for name, value in state.items()}, file)


def _load_state(file: Path) -> dict[str, Tensor]:
    return {name: _worked_with(value) for name, value in load_file(file).items()}


def _stored(value: Tensor) -> Tensor:
    """As half precision where that holds every number exactly (see ``half_weights`` of training), else as it is."""
    half = value.half()
    exact = value.dtype == torch.float32 and value.ndim >= 2 and torch.equal(half.float(), value)
    return (half if exact else value).contiguous()


def _worked_with(value: Tensor) -> Tensor:
    return value.float() if value.dtype == torch.float16 else value
