"""Where and how to compute: device, threads, and whether bfloat16 pays on this machine."""

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from threadpoolctl import threadpool_limits

from adaptprint.errors import MissingDependencyError, UsageError
from adaptprint.frames.kept_files import default_folder
from adaptprint.models.resnets import build_trunk

Precision = Literal["fp32", "bf16"]
_HOPELESS = 3.0  # times as slow in the very first pass, warm-up of both included


@dataclass(frozen=True)
class Compute:
    """Device and number format of a run.

    Attributes:
        device: The torch device.
        precision: ``bf16`` runs the network under autocast; weights stay float32.
    """

    device: torch.device
    precision: Precision

    @contextmanager
    def autocast(self) -> Iterator[None]:
        """Runs the block in the chosen number format."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            yield


def choose_compute(device: str = "auto", threads: int | None = None, precision: str = "auto") -> Compute:
    """Resolves the user's words to a device and number format.

    Args:
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: CPU threads of torch and of every library that has its own; ``None`` leaves their choice.
        precision: ``auto`` (probed once per machine on a CPU), ``fp32`` or ``bf16``.

    Raises:
        UsageError: For an unknown device or precision, or fewer than one thread.
        MissingDependencyError: If CUDA is asked for and absent.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"unknown device `{device}`", "Use auto, cpu or cuda.")
    if precision not in ("auto", "fp32", "bf16"):
        raise UsageError(f"unknown precision `{precision}`", "Use auto, fp32 or bf16.")
    if threads is not None:
        if threads < 1:
            raise UsageError(f"--threads {threads} is not possible", "Use 1 or more, or leave it out.")
        torch.set_num_threads(threads)
        # Linear algebra of NumPy and SciPy, and faiss, have pools of their own: processes that share a machine would
        # wait for each other's, and sums of other numbers of threads round otherwise.
        threadpool_limits(threads)
    if device == "cuda" and not torch.cuda.is_available():
        raise MissingDependencyError(
            "CUDA was asked for, but torch sees no CUDA device",
            "Use --device cpu, or install a CUDA build of torch and its driver (`adaptprint doctor` tells more).",
        )
    resolved = torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")
    if precision == "auto":
        precision = _probed_precision() if resolved.type == "cpu" else _cuda_precision()
    return Compute(resolved, "bf16" if precision == "bf16" else "fp32")


def _cuda_precision() -> Precision:
    return "bf16" if torch.cuda.is_bf16_supported() else "fp32"


def _machine_key() -> str:
    return f"step|{platform.node()}|{platform.processor()}|{os.cpu_count()}|torch {torch.__version__}"


def _probed_precision() -> Precision:
    """Times a small step both ways, once per machine and torch, and remembers the answer."""
    record = default_folder() / "precision.json"
    key = _machine_key()
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        if known.get("machine") == key and known.get("precision") in ("fp32", "bf16"):
            return "bf16" if known["precision"] == "bf16" else "fp32"
    except (OSError, ValueError, AttributeError):
        pass
    seconds = _step_seconds()
    # bfloat16 costs accuracy in small updates: a narrow win is not worth it.
    precision: Precision = "bf16" if seconds["bf16"] < 0.8 * seconds["fp32"] else "fp32"
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        partial = record.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps({"machine": key, "precision": precision, "seconds": seconds}), encoding="utf-8")
        partial.replace(record)
    except OSError:
        pass  # A cache that cannot be written only means that the next run probes again.
    return precision


def _step_seconds() -> dict[Precision, float]:
    """The best of several passes of a ResNet-18 over four frames, forward and back, in each format."""
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        trunk = build_trunk("resnet18").to(memory_format=torch.channels_last)
    images = torch.randn(4, 3, 128, 224, generator=generator).contiguous(memory_format=torch.channels_last)
    best: dict[Precision, float] = {"fp32": float("inf"), "bf16": float("inf")}
    # In turn, since the answer is kept for good: whatever else the machine does must not decide it.
    for _ in range(4):
        for precision in best:
            start = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
                trunk(images).float().square().mean().backward()
            best[precision] = min(best[precision], time.perf_counter() - start)
        if best["bf16"] > _HOPELESS * best["fp32"]:
            break  # emulated: seconds a pass, and no doubt
    return best
