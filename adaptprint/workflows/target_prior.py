"""The target prior of a run: what the source model makes of its own labelled prints says how to read the target's."""

from typing import Any

import numpy as np
import numpy.typing as npt

from adaptprint.adaptation.prior import PriorEstimate, PriorWord, SourceScores, estimate_prior
from adaptprint.frames.sampling import balanced_rows
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.device import Compute
from adaptprint.models.embed import Floats, embed
from adaptprint.models.memory import SourceFrames
from adaptprint.models.network import PrintNet
from adaptprint.reporting.progress import ProgressCallback, silent

# A few frames of each print say what its margin is; more would only cost time.
_SOURCE_FRAMES = 500

Doubles = npt.NDArray[np.float64]


def prior_of_target(
    checkpoint: Checkpoint,
    network: PrintNet,
    source: SourceFrames | None,
    probabilities: Floats,
    table: FrameTable,
    word: PriorWord,
    compute: Compute,
    seed: int,
    progress: ProgressCallback = silent,
    known: Ints | None = None,
) -> PriorEstimate:
    """Class shares of the target as the source model sees them, in the light of how it sees the source.

    Args:
        checkpoint: The source model.
        network: Its network, on ``compute.device``.
        source: Labelled source frames, if there are any.
        probabilities: (n, K) of the network for the target's frames.
        table: The n target frames.
        word: What the user says.
        compute: Device and number format.
        seed: Decides every draw.
        progress: Progress callback.
        known: (p,) class of each target print that the user labelled, -1 for the others.
    """
    by_frame = checkpoint.config.provenance.labels_vary_inside_prints
    scores = None
    if source is not None and not by_frame:
        scores = source_scores(checkpoint, network, source, compute, seed, progress)
    return estimate_prior(probabilities, table, word, by_frame, seed, scores, known)


def source_scores(
    checkpoint: Checkpoint,
    network: PrintNet,
    source: SourceFrames,
    compute: Compute,
    seed: int,
    progress: ProgressCallback = silent,
) -> SourceScores:
    """The network's view of a part of the source that is balanced over classes, printers and prints."""
    labels = source.table.label_codes(checkpoint.config.classes)
    levels = [source.held_out.astype(np.int64), labels, source.table.printer_codes, source.table.print_codes]
    rows = balanced_rows(levels, _SOURCE_FRAMES, seed)
    seen = embed(network, source.array[rows], compute, progress=progress, stage="source model on its own prints")
    return SourceScores(seen.probabilities, source.table.take(rows), labels[rows], source.held_out[rows])


def of_fault(shares: Doubles) -> Any:
    """The share of the faulty class in a binary model, else the list of all class shares."""
    if len(shares) == 2:
        return round(float(shares[1]), 4)
    return [round(float(share), 4) for share in shares]
