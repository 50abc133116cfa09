"""A checkpoint's config.json and digests: read with distrust, before any other file of it is opened."""

import hashlib
import json
from pathlib import Path

from pydantic import ValidationError

from adaptprint.errors import BadDataError
from adaptprint.models.checkpoint_config import FORMAT_VERSION, KIND, CheckpointConfig
from adaptprint.models.resnets import ARCHITECTURES

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
MEMORY = "source_memory.safetensors"
MOMENTS = "source_moments.safetensors"
ORIGIN = "origin.safetensors"
REFERENCE = "adapted_on.safetensors"
CARD = "README.md"
_MAX_CONFIG_BYTES = 4 << 20


def read_config(folder: Path) -> CheckpointConfig:
    """The config alone, without a look at the files it names; its digests stand for their contents.

    Raises:
        BadDataError: If it is missing, newer than this adaptprint, or not what a config.json is.
    """
    if not folder.is_dir():
        raise BadDataError(
            f"no checkpoint at {folder}",
            "Give the folder that `adaptprint train` or `adaptprint pack` wrote (it holds config.json).",
        )
    path = folder / CONFIG
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise damaged(folder, "config.json is larger than any real one")
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadDataError(
            f"{folder} is no adaptprint checkpoint: it has no config.json",
            "Give the checkpoint folder itself; wrap bare weights with `adaptprint pack`.",
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(folder, "config.json cannot be read") from error
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
        raise damaged(folder, f"config.json: {key}: {first['msg']}") from error
    if config.arch not in ARCHITECTURES:
        raise damaged(folder, f"config.json names an unknown architecture `{config.arch}`")
    return config


def check_integrity(folder: Path, config: CheckpointConfig) -> None:
    """Checks the digests of config.json and of every file it names.

    Raises:
        BadDataError: If a file is missing, damaged, altered, or none of a checkpoint's.
    """
    expected = dict(config.integrity)
    said = expected.pop(CONFIG, None)
    try:
        digest = config_digest(config.model_copy(update={"integrity": expected}))
    except ValueError as error:  # e.g. nested deeper than pydantic writes
        raise damaged(folder, "config.json cannot be written back") from error
    if said != digest:
        raise damaged(folder, "config.json was changed after it was written")
    if WEIGHTS not in expected or not set(expected) <= {WEIGHTS, MEMORY, MOMENTS, ORIGIN, REFERENCE}:
        raise damaged(folder, "config.json names unexpected files")
    if (ORIGIN in expected) != (config.origin is not None):
        raise damaged(folder, "config.json and the files tell different stories of the source model")
    for name, digest in expected.items():
        try:
            found = file_digest(folder / name)
        except OSError as error:
            raise damaged(folder, f"{name} is missing or unreadable") from error
        if found != digest:
            raise damaged(folder, f"{name} is truncated or was changed after it was written")


def damaged(folder: Path, why: str) -> BadDataError:
    """The error of a checkpoint that does not hold what it says."""
    return BadDataError(f"the checkpoint {folder} cannot be trusted: {why}", "Copy it again from where it was made.")


def config_digest(config: CheckpointConfig) -> str:
    """SHA-256 (hex) over all keys of config.json."""
    text = json.dumps(config.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
