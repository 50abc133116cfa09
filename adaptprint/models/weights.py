"""Bare weights files: safetensors, or a .pth read without running any code in it."""

import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from adaptprint.errors import BadDataError, MissingDependencyError, UsageError
from adaptprint.models.resnets import strip_prefixes

_PICKLED = (".pth", ".pt", ".bin", ".ckpt")


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Reads a ResNet state dict; floats come back as float32, wrapper prefixes stripped.

    Args:
        path: A ``.safetensors`` file, a ``.pth`` / ``.pt`` saved by torch, or a checkpoint folder, whose trunk it
            is. Pickled files are opened with ``weights_only=True`` only: code inside is refused, never run.

    Raises:
        MissingDependencyError: If the file does not exist.
        BadDataError: If it is damaged, holds code, or holds no tensors.
        UsageError: If it is another kind of file.
    """
    path = Path(path)
    if (path / "model.safetensors").is_file():
        path = path / "model.safetensors"
    if not path.is_file():
        raise MissingDependencyError(f"no weights file at {path}", "Check the path given for the weights.")
    if path.suffix == ".safetensors":
        state = _read_safetensors(path)
    elif path.suffix in _PICKLED:
        state = _read_pickled(path)
    else:
        raise UsageError(
            f"{path.name} is not a weights file that can be read",
            "Give a .safetensors file, or a .pth / .pt holding a plain state dict.",
        )
    return {
        name: value.float() if value.is_floating_point() else value for name, value in strip_prefixes(state).items()
    }


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise BadDataError(f"{path} is damaged: {error}", "Copy or download the file again.") from error


def _read_pickled(path: Path) -> dict[str, Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise BadDataError(
            f"{path} holds more than tensors; code in it was not run",
            "Save the plain state dict instead: torch.save(model.state_dict(), path), or use safetensors.",
        ) from error
    except Exception as error:  # damaged bytes make torch's reader fail in any way, assertions included
        raise BadDataError(f"{path} is damaged or no torch file", "Copy or save the file again.") from error
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict):
        content = {}
    state = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    if not state:
        raise BadDataError(f"{path} holds no state dict", "Save it with torch.save(model.state_dict(), path).")
    return state
