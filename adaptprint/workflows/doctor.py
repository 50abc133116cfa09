"""doctor: what this machine has, what is missing, and the fix."""

import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from adaptprint.errors import AdaptprintError

State = Literal["ok", "warning", "missing"]


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    state: State
    found: str
    fix: str | None = None


@dataclass(frozen=True)
class DoctorResult:
    """All checks."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is missing."""
        return all(check.state != "missing" for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return {"ok": self.ok, "checks": [asdict(check) for check in self.checks]}


def doctor() -> DoctorResult:
    """Looks at packages, device, threads, cache and recipes; changes nothing but the probed precision."""
    checks = [_package(name, extra) for name, extra in _PACKAGES]
    for name, look in (
        ("pytorch-adapt hooks", _hooks),
        ("torch and torchvision", _torch_pair),
        ("device", _device),
        ("precision", _precision),
        ("cores and threads", _threads),
        ("memory", _memory),
        ("cache", _cache),
        ("recipes", _recipes),
    ):
        checks.append(_guarded(name, look))
    return DoctorResult(tuple(checks))


_PACKAGES = (
    ("torch", None),
    ("torchvision", None),
    ("pytorch-adapt", None),
    ("faiss-cpu", None),
    ("av", "video"),
)


def _package(name: str, extra: str | None) -> Check:
    try:
        return Check(name, "ok", version(name))
    except PackageNotFoundError:
        if extra:
            fix = f"Only needed for video: pip install 'adaptprint[{extra}]'."
            return Check(name, "warning", "not installed", fix)
        return Check(name, "missing", "not installed", f"pip install {name}")


def _guarded(name: str, look: Callable[[str], Check]) -> Check:
    """A check that itself fails is a finding, not a crash."""
    try:
        return look(name)
    except AdaptprintError as error:
        return Check(name, "missing", error.cause, error.fix)
    except Exception as error:  # a broken library may raise anything while it is imported
        return Check(name, "missing", f"{type(error).__name__}: {error}", "Install adaptprint again in a fresh venv.")


def _hooks(name: str) -> Check:
    import adaptprint.adaptation.hooks  # noqa: F401 - the import itself is the check

    return Check(name, "ok", "import")


def _torch_pair(name: str) -> Check:
    import torch
    import torchvision

    # A torchvision built for another torch fails here, not at import.
    torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    return Check(name, "ok", "fit each other")


def _device(name: str) -> Check:
    import torch

    if torch.cuda.is_available():
        return Check(name, "ok", f"cuda: {torch.cuda.get_device_name(0)}")
    return Check(name, "ok", "cpu (no CUDA device; two cores are enough)")


def _precision(name: str) -> Check:
    from adaptprint.models.device import choose_compute

    compute = choose_compute()
    return Check(name, "ok", f"{compute.precision} (probed on this machine)")


def _threads(name: str) -> Check:
    import torch

    from adaptprint.frames.frame_files import usable_cores

    cores, threads = usable_cores(), torch.get_num_threads()
    if threads > cores:
        return Check(name, "warning", f"{threads} threads on {cores} cores", f"Pass --threads {cores}.")
    return Check(name, "ok", f"{cores} cores, {threads} threads")


def _memory(name: str) -> Check:
    import psutil

    free = psutil.virtual_memory().available / 2**30
    found = f"{free:.1f} GiB free"
    return Check(
        name,
        "ok" if free >= 2 else "warning",
        found,
        None if free >= 2 else "Close other programs: 2 GiB help.",
    )


def _cache(name: str) -> Check:
    from adaptprint.frames.kept_files import default_folder

    folder = default_folder()
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free / 2**30
    if not os.access(folder, os.W_OK):
        return Check(name, "warning", f"{folder} cannot be written", "Set ADAPTPRINT_CACHE to a folder you may write.")
    if free < 1:
        return Check(name, "warning", f"{folder}: {free:.1f} GiB free", "Free disk space, or set ADAPTPRINT_CACHE.")
    return Check(name, "ok", f"{folder}: {free:.0f} GiB free")


def _recipes(name: str) -> Check:
    from adaptprint.adaptation.recipe import recipe_names

    return Check(name, "ok", ", ".join(recipe_names()))
