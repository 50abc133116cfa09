"""The checkpoint: a folder without pickles, written atomically, its digests checked when it is loaded."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from adaptprint.errors import BadDataError
from adaptprint.models.atomic_folder import atomic_folder
from adaptprint.models.checkpoint_config import FORMAT_VERSION, KIND, CheckpointConfig
from adaptprint.models.memory import SourceFrames, read_memory, write_memory
from adaptprint.models.network import PrintNet
from adaptprint.models.resnets import ARCHITECTURES
from adaptprint.reporting.model_card import model_card

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
MEMORY = "source_memory.safetensors"
MOMENTS = "source_moments.safetensors"
CARD = "README.md"
_MAX_CONFIG_BYTES = 4 << 20


@dataclass(frozen=True)
class Checkpoint:
    """A model and all that adapting it needs.

    Attributes:
        config: The typed content of config.json.
        state: State dict of :class:`PrintNet`, on the CPU.
        memory: Labelled source frames, or ``None`` for a checkpoint without.
        moments: Class-conditional BatchNorm moments of the source, see :mod:`adaptprint.models.moments`; may be empty.
    """

    config: CheckpointConfig
    state: dict[str, Tensor]
    memory: SourceFrames | None = None
    moments: dict[str, Tensor] | None = None

    def network(self) -> PrintNet:
        """A fresh network in evaluation mode with these weights."""
        config = self.config
        # On the meta device nothing is drawn: random weights that are overwritten at once cost a tenth of a second.
        with torch.device("meta"):
            network = PrintNet(config.arch, len(config.classes), config.bottleneck)
        network.load_state_dict({name: value.clone() for name, value in self.state.items()}, assign=True)
        network.set_input(config.mean, config.std)
        return network.eval()

    @property
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
    save_file({name: _stored(value) for name, value in checkpoint.state.items()}, folder / WEIGHTS)
    if checkpoint.memory is not None:
        write_memory(folder / MEMORY, checkpoint.memory)
    if checkpoint.moments:
        save_file(checkpoint.moments, folder / MOMENTS)
    card = folder / CARD
    card.write_text(model_card(checkpoint.config.model_dump(mode="json")), encoding="utf-8")
    for file in folder.glob("*.safetensors"):
        file.chmod(card.stat().st_mode)  # safetensors shuts all others out, whatever the user's umask says
    files = [path for path in sorted(folder.iterdir()) if path.name not in (CONFIG, CARD)]
    integrity = {path.name: _file_digest(path) for path in files}
    config = checkpoint.config.model_copy(update={"integrity": integrity})
    integrity[CONFIG] = _config_digest(config)
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
    _check_integrity(folder, config)
    try:
        state = {name: _worked_with(value) for name, value in load_file(folder / WEIGHTS).items()}
        moments = load_file(folder / MOMENTS) if MOMENTS in config.integrity else {}
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(folder, str(error)) from error
    memory = read_memory(folder / MEMORY, config.input_size) if MEMORY in config.integrity else None
    checkpoint = Checkpoint(config, state, memory, moments)
    try:
        checkpoint.network()
    except RuntimeError as error:
        raise _damaged(folder, "its weights do not fit its config.json") from error
    return checkpoint


def _stored(value: Tensor) -> Tensor:
    """As half precision where that holds every number exactly (see ``half_weights`` of training), else as it is."""
    half = value.half()
    exact = value.dtype == torch.float32 and value.ndim >= 2 and torch.equal(half.float(), value)
    return (half if exact else value).contiguous()


def _worked_with(value: Tensor) -> Tensor:
    return value.float() if value.dtype == torch.float16 else value


def read_config(folder: Path) -> CheckpointConfig:
    """The config alone, without a look at the files it names; its digests stand for their contents.

    Raises:
        BadDataError: If it is missing, newer than this adaptprint, or damaged.
    """
    if not folder.is_dir():
        raise BadDataError(
            f"no checkpoint at {folder}",
            "Give the folder that `adaptprint train` or `adaptprint pack` wrote (it holds config.json).",
        )
    path = folder / CONFIG
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise _damaged(folder, "config.json is larger than any real one")
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadDataError(
            f"{folder} is no adaptprint checkpoint: it has no config.json",
            "Give the checkpoint folder itself; wrap bare weights with `adaptprint pack`.",
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(folder, "config.json cannot be read") from error
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise BadDataError(
            f"{folder} is no adaptprint checkpoint",
            "Give the folder that `adaptprint train` or `pack` wrote.",
        )
    version = content.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise BadDataError(
            f"{folder} has format version {version}; this adaptprint reads up to {FORMAT_VERSION}",
            "Upgrade adaptprint: pip install -U adaptprint.",
        )
    try:
        config = CheckpointConfig.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise _damaged(folder, f"config.json: {key}: {first['msg']}") from error
    if config.arch not in ARCHITECTURES:
        raise _damaged(folder, f"config.json names an unknown architecture `{config.arch}`")
    return config


def _check_integrity(folder: Path, config: CheckpointConfig) -> None:
    expected = dict(config.integrity)
    config_digest = expected.pop(CONFIG, None)
    try:
        digest = _config_digest(config.model_copy(update={"integrity": expected}))
    except ValueError as error:  # e.g. nested deeper than pydantic writes
        raise _damaged(folder, "config.json cannot be written back") from error
    if config_digest != digest:
        raise _damaged(folder, "config.json was changed after it was written")
    if WEIGHTS not in expected or not set(expected) <= {WEIGHTS, MEMORY, MOMENTS}:
        raise _damaged(folder, "config.json names unexpected files")
    for name, digest in expected.items():
        try:
            found = _file_digest(folder / name)
        except OSError as error:
            raise _damaged(folder, f"{name} is missing or unreadable") from error
        if found != digest:
            raise _damaged(folder, f"{name} is truncated or was changed after it was written")


def _damaged(folder: Path, why: str) -> BadDataError:
    return BadDataError(f"the checkpoint {folder} cannot be trusted: {why}", "Copy it again from where it was made.")


def _config_digest(config: CheckpointConfig) -> str:
    text = json.dumps(config.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
