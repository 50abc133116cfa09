"""How a printer looked when a model was adapted to it: what later frames are compared with. Some hundred kilobytes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from adaptprint.errors import BadDataError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DomainReference:
    """A part of a printer's frames as one model saw them, p prints in all.

    Attributes:
        features: (n, d) float32, rows of length one.
        prints: (n,) int64 print of each frame, in [0, p).
        statistics: (p, c) float32, see :func:`adaptprint.models.print_statistics.print_statistics`.
        calls: (p, K) float64 probability of each class by all frames of each print.
        margins: (p,) float64 mean log odds of each print's frames on the scale on which the source's own frames are
            judged; empty unless there are two classes and prints have one label.
        counts: (p,) int64 frames behind each margin; empty likewise.
        margin_model: The numbers of a :class:`~adaptprint.adaptation.print_margins.MarginModel`; empty where the
            source has too few prints for one.
    """

    features: Floats
    prints: Ints
    statistics: Floats
    calls: Doubles
    margins: Doubles
    counts: Ints
    margin_model: Doubles

    @property
    def n_prints(self) -> int:
        """Number of prints p."""
        return len(self.statistics)


def write_reference(path: Path, reference: DomainReference) -> None:
    """Writes one safetensors file; features and statistics in half precision."""
    save_file(
        {
            "features": torch.from_numpy(reference.features).half(),
            "prints": torch.from_numpy(reference.prints),
            "statistics": torch.from_numpy(reference.statistics).half(),
            "calls": torch.from_numpy(reference.calls),
            "margins": torch.from_numpy(reference.margins),
            "counts": torch.from_numpy(reference.counts),
            "margin_model": torch.from_numpy(reference.margin_model),
        },
        path,
    )


def read_reference(path: Path, n_classes: int) -> DomainReference:
    """Reads a reference back.

    Args:
        path: The safetensors file.
        n_classes: K.

    Raises:
        BadDataError: If the file is damaged or its tables contradict each other.
    """
    try:
        held = load_file(path)
        reference = DomainReference(
            held["features"].float().numpy(),
            held["prints"].long().numpy(),
            held["statistics"].float().numpy(),
            held["calls"].double().numpy(),
            held["margins"].double().numpy(),
            held["counts"].long().numpy(),
            held["margin_model"].double().numpy(),
        )
        _refuse_contradictions(reference, n_classes)
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
        raise BadDataError(
            f"{path}, which says how the printer looked at adaptation, is damaged: {error}",
            "Copy the checkpoint again from where it was made.",
        ) from error
    return reference


def _refuse_contradictions(reference: DomainReference, n_classes: int) -> None:
    features, prints, margins = reference.features, reference.prints, reference.margins
    if features.ndim != 2 or prints.shape != features.shape[:1] or reference.statistics.ndim != 2:
        raise ValueError("its tables have other shapes")
    if reference.calls.shape != (reference.n_prints, n_classes):
        raise ValueError("it is of other classes")
    if len(prints) == 0 or not np.array_equal(np.unique(prints), np.arange(reference.n_prints)):
        raise ValueError("it counts its prints wrongly")
    if margins.shape not in ((0,), (reference.n_prints,)) or reference.counts.shape != margins.shape:
        raise ValueError("its margins are of other prints")
    if reference.margin_model.shape not in ((0,), (10,)) or (reference.counts < 1).any():
        raise ValueError("its margins cannot be")
    numbers = (features, reference.statistics, reference.calls, margins, reference.margin_model)
    if not all(np.isfinite(each).all() for each in numbers):
        raise ValueError("it holds what is no number")
