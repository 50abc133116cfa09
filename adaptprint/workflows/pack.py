"""pack: wraps an existing ResNet, given as a bare state dict, into a checkpoint."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from adaptprint.errors import BadDataError
from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.classes import order_classes
from adaptprint.frames.network_size import network_size
from adaptprint.models.atomic_folder import refuse_taken
from adaptprint.models.checkpoint import Checkpoint, save_checkpoint
from adaptprint.models.device import Compute, choose_compute
from adaptprint.models.embed import embed
from adaptprint.models.memory import MAX_FRAMES
from adaptprint.models.metrics import Metrics, measure
from adaptprint.models.network import PrintNet
from adaptprint.models.resnets import detect_architecture
from adaptprint.models.weights import read_weights
from adaptprint.reporting.progress import ProgressCallback, silent
from adaptprint.workflows.assembly import assemble
from adaptprint.workflows.inputs import open_labelled, read_pixels, refuse_negative


@dataclass(frozen=True)
class PackResult:
    """A wrapped model.

    Attributes:
        out: The checkpoint folder.
        arch: The architecture that the weights belong to.
        classes: Class names in model order.
        on_source_data: Metrics on the given data; the model may have been trained on it.
    """

    out: Path
    arch: str
    classes: tuple[str, ...]
    on_source_data: Metrics

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return {
            "out": str(self.out),
            "arch": self.arch,
            "classes": list(self.classes),
            "on_source_data": self.on_source_data.to_dict(),
        }


def pack(
    weights: str | Path,
    source_data: str | Path,
    *,
    out: str | Path,
    layout: str = "auto",
    camera: CameraProfile | None = None,
    device: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    overwrite: bool = False,
    progress: ProgressCallback = silent,
) -> PackResult:
    """Wraps a torchvision ResNet's state dict, its ``fc`` as classifier, into a checkpoint.

    The rows of ``fc`` must follow the class order of the data: the faultless class first, the others sorted.

    Args:
        weights: ``.safetensors``, or ``.pth`` holding tensors only.
        source_data: Labelled frames the model was made for; a small part travels as source memory.
        out: The checkpoint folder to write.
        layout: Force a layout of the data.
        camera: Camera profile of the frames.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: CPU threads.
        seed: Decides the choice of the memory.
        overwrite: Replace an existing checkpoint.
        progress: Progress callback.

    Raises:
        AdaptprintError: With cause and fix.
    """
    refuse_taken(Path(out), overwrite)
    refuse_negative(seed)
    compute = choose_compute(device, threads)
    checkpoint = pack_weights(Path(weights), Path(source_data), layout, camera, compute, threads, seed, progress)
    save_checkpoint(checkpoint, Path(out))
    config = checkpoint.config
    return PackResult(Path(out), config.arch, tuple(config.classes), Metrics(**config.metrics["on_source_data"]))


def pack_weights(
    weights: Path,
    source_data: Path,
    layout: str,
    camera: CameraProfile | None,
    compute: Compute,
    threads: int | None,
    seed: int,
    progress: ProgressCallback,
) -> Checkpoint:
    """The checkpoint that :func:`pack` writes, in memory."""
    state = read_weights(weights)
    arch = detect_architecture(state)
    table = open_labelled(source_data, layout)
    classes = order_classes(table.classes)
    camera = camera or CameraProfile()
    pixels = read_pixels(table, network_size(table, camera), camera, threads, progress, "reading source frames")
    network = _classifier(arch, state, classes, weights).on(compute.device)
    found = embed(network.eval(), pixels.array, compute, progress=progress)
    metrics = measure(pixels.table, found.probabilities, classes)
    return assemble(
        network,
        arch,
        pixels,
        [],
        classes,
        camera,
        compute,
        command="pack",
        recipe={"weights": weights.name},
        metrics={"on_source_data": metrics.to_dict()},
        seed=seed,
        bottleneck=None,
        memory_frames=MAX_FRAMES,
    )


def _classifier(arch: str, state: dict[str, Tensor], classes: tuple[str, ...], weights: Path) -> PrintNet:
    n_outputs = len(state["fc.weight"]) if "fc.weight" in state else 0
    if n_outputs != len(classes) or "fc.bias" not in state:
        has = f"{n_outputs} outputs" if n_outputs else "no classifier (`fc`)"
        raise BadDataError(
            f"{weights.name} has {has}, but the data has {len(classes)} classes: {', '.join(classes)}",
            "Give weights of a classifier for these classes, or train one: adaptprint train DATA --init FILE.",
        )
    network = PrintNet(arch, len(classes), bottleneck=None)
    network.load_trunk(state)
    network.classifier.load_state_dict({"weight": state["fc.weight"], "bias": state["fc.bias"]})
    return network
