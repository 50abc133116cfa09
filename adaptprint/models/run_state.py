"""The saved state of an unfinished run: tensors and plain values only, written atomically, read without code."""

import io
from pathlib import Path
from typing import Any

import torch

from adaptprint.errors import DamagedStateError, StaleStateError
from adaptprint.models.atomic_folder import write_atomic


def save_state(path: Path, fingerprint: str, content: dict[str, Any]) -> None:
    """Writes the state of a run.

    Args:
        path: The state file.
        fingerprint: Digest of everything that must be the same when the run goes on.
        content: Tensors, numbers, texts, and lists and dictionaries of them.
    """
    buffer = io.BytesIO()
    torch.save({"fingerprint": fingerprint, "content": content}, buffer)
    write_atomic(path, buffer.getvalue())


def load_state(path: Path, fingerprint: str) -> dict[str, Any] | None:
    """Reads the state of a run back; ``None`` where there is none.

    Raises:
        StaleStateError: If the state belongs to a run with other data or settings.
        DamagedStateError: If the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        found, content = state["fingerprint"], state["content"]
    except Exception as error:  # damaged bytes make torch's reader fail in any way, assertions included
        raise DamagedStateError(
            f"the saved state {path} is damaged", "Start afresh: repeat the command without --resume."
        ) from error
    if found != fingerprint:
        raise StaleStateError(
            "the saved run had other data or settings than this call",
            "Repeat the first command with --resume added, or start afresh without --resume.",
        )
    result: dict[str, Any] = content
    return result
