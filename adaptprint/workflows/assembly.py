"""Puts a checkpoint together: weights, source memory, class-conditional moments, provenance."""

import platform
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import numpy as np

from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.pixels import Pixels
from adaptprint.frames.sampling import print_weights
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.checkpoint_config import CheckpointConfig, Provenance
from adaptprint.models.device import Compute
from adaptprint.models.memory import choose_memory
from adaptprint.models.moments import class_moments
from adaptprint.models.network import PrintNet, copy_state
from adaptprint.workflows.inputs import data_digest


def library_versions() -> dict[str, str]:
    """Versions of adaptprint, Python and the libraries that decide results."""
    found = {"python": platform.python_version()}
    for name in ("adaptprint", "torch", "torchvision", "pytorch-adapt", "faiss-cpu", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def utc_now() -> str:
    """The time, ISO 8601, UTC, to the second."""
    return datetime.now(timezone.utc).replace(microsecond=0).isoformat()


def assemble(
    network: PrintNet,
    arch: str,
    pixels: Pixels,
    held_out: list[str],
    classes: tuple[str, ...],
    camera: CameraProfile,
    compute: Compute,
    *,
    command: Literal["train", "pack"],
    recipe: dict[str, Any],
    metrics: dict[str, Any],
    seed: int,
    bottleneck: int | None,
    memory_frames: int,
) -> Checkpoint:
    """A source checkpoint from a finished network and its labelled frames.

    Args:
        network: As it ships, on ``compute.device``.
        arch: Its architecture.
        pixels: Labelled source frames.
        held_out: Names of the frames that training did not see.
        classes: Class names in model order.
        camera: The camera profile the frames were read with.
        compute: Device and number format.
        command: What made it.
        recipe: Settings, for the record.
        metrics: Measured results, for the record.
        seed: For the choice of the memory.
        bottleneck: Width of the bottleneck, or ``None``.
        memory_frames: Size of the source memory at most.
    """
    table = pixels.table
    memory = choose_memory(pixels, held_out, classes, seed, memory_frames)
    moments = class_moments(
        network, memory.array, memory.table.label_codes(classes), print_weights(memory.table), compute
    )
    height, width = pixels.array.shape[1:3]
    config = CheckpointConfig(
        arch=arch,
        classes=list(classes),
        bottleneck=bottleneck,
        input_size=(height, width),
        mean=tuple(np.round(network.mean.flatten().cpu().numpy().astype(float), 6)),
        std=tuple(np.round(network.std.flatten().cpu().numpy().astype(float), 6)),
        camera=camera,
        metrics=metrics,
        provenance=Provenance(
            created=utc_now(),
            command=command,
            versions=library_versions(),
            seed=seed,
            recipe=recipe,
            data_digest=data_digest(pixels),
            n_frames=len(table),
            n_prints=table.prints.height,
            printers=table.printers,
            labels_vary_inside_prints=table.labels_vary_inside_prints,
        ),
    )
    return Checkpoint(config, copy_state(network), memory, moments)
