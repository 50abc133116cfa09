"""The few labelled prints of a new printer that a user may give to adapt: read, and refused where they cannot hold."""

from pathlib import Path

from adaptprint.adaptation.prior_word import PriorWord
from adaptprint.errors import UsageError
from adaptprint.frames.print_labels import read_print_labels
from adaptprint.frames.table import FrameTable
from adaptprint.models.checkpoint_config import CheckpointConfig


def open_print_labels(
    path: str | Path | None, table: FrameTable, config: CheckpointConfig, word: PriorWord
) -> dict[str, str]:
    """Class name of each labelled print; empty for ``None``.

    Args:
        path: A CSV with the columns ``print`` and ``class``.
        table: All frames of the printer.
        config: Of the source model.
        word: What the user says of the class shares.

    Raises:
        UsageError: If prints of this model's data have no one class, or the labels contradict ``word``.
        BadDataError: If the file cannot be used.
    """
    if path is None:
        return {}
    if config.provenance.labels_vary_inside_prints:
        raise UsageError(
            "--labels names one class for each print, but labels differ inside the prints this model was trained on",
            "Leave --labels out.",
        )
    labels = read_print_labels(path, table, config.classes)
    if len(config.classes) == 2:
        _refuse_contradiction(labels, config.classes, word)
    return labels


def _refuse_contradiction(labels: dict[str, str], classes: list[str], word: PriorWord) -> None:
    ruled_out = {1.0: classes[0]}.get(word.low, {0.0: classes[1]}.get(word.high))
    against = next((name for name, label in labels.items() if label == ruled_out), None)
    if against is not None:
        raise UsageError(
            f"--target-prior {word.text} leaves no print {ruled_out}, but --labels calls print `{against}` so",
            "Correct one of the two, or leave --target-prior out.",
        )
