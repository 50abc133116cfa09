"""adaptprint: adapts a 3D-print fault classifier to a new printer, without labels, with an honest verdict.

Every command of the CLI is a function of the same name here, with the same words and a typed result. Nothing prints.

Example:
    >>> import adaptprint
    >>> result = adaptprint.adapt(source="ckpt", target="new_printer/")  # doctest: +SKIP
    >>> result.verdict  # doctest: +SKIP
    'ship'
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from adaptprint.errors import AdaptprintError as AdaptprintError
    from adaptprint.frames.camera import CameraProfile as CameraProfile
    from adaptprint.reporting.progress import Progress as Progress
    from adaptprint.workflows.adapt import adapt as adapt
    from adaptprint.workflows.batch import adapt_many as adapt_many
    from adaptprint.workflows.batch import batch as batch
    from adaptprint.workflows.compare import compare as compare
    from adaptprint.workflows.diagnose import diagnose as diagnose
    from adaptprint.workflows.doctor import doctor as doctor
    from adaptprint.workflows.drift import drift as drift
    from adaptprint.workflows.evaluate import evaluate as evaluate
    from adaptprint.workflows.model import load as load
    from adaptprint.workflows.pack import pack as pack
    from adaptprint.workflows.predict import predict as predict
    from adaptprint.workflows.rehearse import rehearse as rehearse
    from adaptprint.workflows.report import report as report
    from adaptprint.workflows.synth import synth as synth
    from adaptprint.workflows.train import train as train
    from adaptprint.workflows.verify import verify as verify

# Loaded on first use: `import adaptprint` must not wait for torch.
_HOMES = {
    "AdaptprintError": "errors",
    "CameraProfile": "frames.camera",
    "Progress": "reporting.progress",
    "adapt": "workflows.adapt",
    "adapt_many": "workflows.batch",
    "batch": "workflows.batch",
    "compare": "workflows.compare",
    "diagnose": "workflows.diagnose",
    "doctor": "workflows.doctor",
    "drift": "workflows.drift",
    "evaluate": "workflows.evaluate",
    "load": "workflows.model",
    "pack": "workflows.pack",
    "predict": "workflows.predict",
    "rehearse": "workflows.rehearse",
    "report": "workflows.report",
    "synth": "workflows.synth",
    "train": "workflows.train",
    "verify": "workflows.verify",
}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module `adaptprint` has no attribute `{name}`")
    return getattr(import_module(f"adaptprint.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


class _Package(ModuleType):
    """Keeps the name ``synth`` for the function: Python binds it to the subpackage as soon as that is loaded."""

    @property
    def synth(self) -> Any:
        return __getattr__("synth")

    @synth.setter
    def synth(self, subpackage: ModuleType) -> None:
        """Ignored; ``from adaptprint.synth.scene import ...`` finds the subpackage without it."""


sys.modules[__name__].__class__ = _Package
