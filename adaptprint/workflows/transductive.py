"""Calls of these prints, as opposed to a model for the printer's future: the prints are read in each other's light."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from adaptprint.adaptation.domain_views import look_at_source
from adaptprint.adaptation.print_margins import log_odds
from adaptprint.adaptation.prior import PriorEstimate, PriorWord, estimate_prior, of_fault
from adaptprint.errors import BadDataError, UsageError
from adaptprint.frames.table import FrameTable
from adaptprint.frames.wording import listed, plural
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.device import Compute
from adaptprint.models.embed import Floats
from adaptprint.reporting.progress import ProgressCallback
from adaptprint.workflows.abstention import as_candidate

Doubles = npt.NDArray[np.float64]
_LEAST_PRINTS = 3
_WITHOUT = "Leave --transductive out: each print is then called by itself."


@dataclass(frozen=True)
class TransductiveCalls:
    """What a set of prints of one printer is, taken together.

    Attributes:
        frames: (n, K) class probabilities of frames, the printer's shift undone.
        prints: (p, K) class probabilities of prints, in order of the print codes.
        share: Share of the faulty class among these prints; of every class where there are more than two.
        interval: Ends of its 90 % interval.
        shift: How far this printer moves the log odds of the faulty class; ``None`` with more than two classes.
        notes: What the user should know, one sentence each.
    """

    frames: Doubles
    prints: Doubles
    share: Any
    interval: list[Any]
    shift: float | None
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Share, interval and shift for JSON."""
        return {
            "share": self.share,
            "interval": self.interval,
            "shift": None if self.shift is None else round(self.shift, 4),
        }


def refuse_apart(checkpoint: Checkpoint, table: FrameTable, knows_prints: bool) -> None:
    """Refuses what cannot be called together, before a frame is read.

    Args:
        checkpoint: The model.
        table: The frames.
        knows_prints: Whether it is known which frames belong to one print.

    Raises:
        UsageError: If the frames are of several printers, or their prints are not known.
        BadDataError: If there are too few prints, no source frames, or labels that differ inside prints.
    """
    if not knows_prints:
        raise UsageError(
            "--transductive calls prints, and of single images nobody knows the prints",
            "Give a folder, CSV or video, or leave --transductive out.",
        )
    if len(table.printers) > 1:
        raise UsageError(
            f"--transductive takes all prints as one printer's, but {table.root} holds "
            f"{len(table.printers)} printers: {listed(table.printers)}",
            "Name one with --printer ID, or leave --transductive out.",
        )
    if checkpoint.config.provenance.labels_vary_inside_prints:
        raise BadDataError(
            "labels differ inside the prints this model was trained on, so prints cannot be called as a whole", _WITHOUT
        )
    if checkpoint.memory is None:
        raise BadDataError(
            "--transductive compares with source frames, and this checkpoint carries none",
            "Use a checkpoint with a source memory, or leave --transductive out.",
        )
    refuse_few(table)


def refuse_few(table: FrameTable) -> None:
    """Refuses fewer than three prints.

    Raises:
        BadDataError: There are fewer.
    """
    if table.prints.height < _LEAST_PRINTS:
        raise BadDataError(
            f"--transductive needs {_LEAST_PRINTS} prints or more; {table.root} has {table.prints.height}", _WITHOUT
        )


def call_together(
    checkpoint: Checkpoint,
    table: FrameTable,
    probabilities: Floats,
    word: PriorWord,
    compute: Compute,
    progress: ProgressCallback,
) -> TransductiveCalls:
    """Calls prints and frames by what the class shares and the printer's shift are estimated to be.

    Args:
        checkpoint: The model, with source memory.
        table: The n frames, all of one printer.
        probabilities: (n, K) of the model.
        word: What the user says of the class shares.
        compute: Device and number format.
        progress: Progress callback.

    Raises:
        BadDataError: If too few prints could be read, or the source memory has too few of a class.
    """
    refuse_few(table)
    memory = checkpoint.memory
    if memory is None:
        raise ValueError("without source frames nothing can be called together; refuse_apart comes first")
    # An adapted model may hold its printer's statistics, where source frames have their own; it decides alike on both.
    model, stage = replace(as_candidate(checkpoint), decision=None), "model on its own prints"
    own = look_at_source(checkpoint, model, memory, compute, 0, progress, stage)
    found = estimate_prior(probabilities, table, word, source=own.scores)
    if found.print_posteriors is None:
        raise BadDataError("the source memory of this checkpoint holds too few prints of some class", _WITHOUT)
    notes = [
        f"transductive: these calls hold for these {plural(len(found.print_posteriors), 'print')} only, read in each "
        "other's light as one printer's; they say nothing of prints to come",
        *([found.doubt] if found.doubt else []),
    ]
    if len(found.shares) != 2 and not word.is_unknown:
        notes.append("--target-prior speaks of two classes; with more it is ignored")
    return TransductiveCalls(
        _frames(probabilities, found),
        found.print_posteriors,
        of_fault(found.shares),
        [of_fault(found.low), of_fault(found.high)],
        found.shift,
        tuple(notes),
    )


def _frames(probabilities: Floats, found: PriorEstimate) -> Doubles:
    """Of two classes the shift is undone; of more, whose shift is not known, the class shares weigh (Saerens 2002)."""
    if found.shift is not None:
        faulty = expit(log_odds(probabilities) - found.shift)
        return np.stack([1 - faulty, faulty], axis=1)
    joint = np.maximum(probabilities.astype(np.float64), 1e-12) * found.shares
    return np.asarray(joint / joint.sum(axis=1, keepdims=True), dtype=np.float64)
