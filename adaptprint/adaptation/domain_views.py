"""How a candidate sees each domain: with the statistics that belong to it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from adaptprint.adaptation.batchnorm import take_target_statistics
from adaptprint.adaptation.print_decision import decided_at
from adaptprint.adaptation.prior import SourceScores
from adaptprint.adaptation.task import SOURCE_ONLY, Candidate
from adaptprint.frames.sampling import balanced_rows, source_sampler
from adaptprint.frames.table import Ints
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.device import Compute
from adaptprint.models.embed import Embedding, embed
from adaptprint.models.kept_embeddings import embed_once
from adaptprint.models.memory import SourceFrames
from adaptprint.models.network import PrintNet
from adaptprint.reporting.progress import ProgressCallback, silent

_STATISTICS_FRAMES = 256
# A few frames of each print say where the source stands; more would only cost time.
_SOURCE_FRAMES = 500


@dataclass(frozen=True)
class SourceView:
    """What a model makes of a part of the source.

    Attributes:
        frames: The m frames of the part.
        labels: (m,) int64 their classes in model order.
        seen: Their features and logits.
    """

    frames: SourceFrames
    labels: Ints
    seen: Embedding

    @property
    def scores(self) -> SourceScores:
        """The view without features and pixels, as priors are estimated from."""
        return SourceScores(self.seen.probabilities, self.frames.table, self.labels, self.frames.held_out)


def candidate_network(checkpoint: Checkpoint, candidate: Candidate, compute: Compute) -> PrintNet:
    """The candidate's network, on the device, as it would ship."""
    network = checkpoint.network()
    network.load_state_dict(candidate.state)
    return network.on(compute.device)


def view_of_source(
    checkpoint: Checkpoint,
    candidate: Candidate,
    source: SourceFrames,
    labels: npt.NDArray[np.int64],
    compute: Compute,
    seed: int,
    report: ProgressCallback = silent,
    stage: str = "source frames",
) -> Embedding:
    """What a candidate makes of source frames, with the source's own statistics and decision where it has the target's.

    Args:
        checkpoint: The source model.
        candidate: The candidate.
        source: The s source frames.
        labels: (s,) their classes.
        compute: Device and number format.
        seed: Decides which frames the statistics are taken from.
        report: Progress callback.
        stage: Name of the stage in progress events.
    """
    if candidate.state is checkpoint.state and candidate.target_norms == "none" and candidate.decision is None:
        return embed_once(checkpoint, source.array, compute, progress=report, stage=stage)
    network = candidate_network(checkpoint, _as_on_source(candidate), compute)
    if candidate.target_norms != "none":
        early = candidate.target_norms == "early"
        norms = network.early_batch_norms() if early else dict(network.batch_norms())
        rows = source_sampler(source.table, labels, seed).batch(0, min(_STATISTICS_FRAMES, len(source)))
        take_target_statistics(network, norms.values(), source.array, rows, compute)
    return embed(network, source.array, compute, progress=report, stage=stage)


def look_at_source(
    checkpoint: Checkpoint,
    candidate: Candidate,
    source: SourceFrames,
    compute: Compute,
    seed: int,
    report: ProgressCallback = silent,
    stage: str = "source frames",
) -> SourceView:
    """A candidate's view of :func:`part_of_source`; arguments as for :func:`view_of_source`."""
    part = part_of_source(source, checkpoint.config.classes, seed)
    labels = part.table.label_codes(checkpoint.config.classes)
    return SourceView(part, labels, view_of_source(checkpoint, candidate, part, labels, compute, seed, report, stage))


def source_model_view(
    checkpoint: Checkpoint,
    source: SourceFrames,
    compute: Compute,
    seed: int,
    report: ProgressCallback = silent,
    stage: str = "source frames",
) -> SourceView:
    """The source model's own view of :func:`part_of_source`, worked out once on a machine."""
    return look_at_source(checkpoint, Candidate(SOURCE_ONLY, checkpoint.state), source, compute, seed, report, stage)


def part_of_source(source: SourceFrames, classes: Sequence[str], seed: int) -> SourceFrames:
    """At most 500 source frames, balanced over held out or not, classes, printers and prints."""
    if len(source) <= _SOURCE_FRAMES:
        return source
    table = source.table
    levels = [source.held_out.astype(np.int64), table.label_codes(classes), table.printer_codes, table.print_codes]
    rows = balanced_rows(levels, _SOURCE_FRAMES, seed)
    return SourceFrames(table.take(rows), source.array[rows], source.held_out[rows], source.digests)


def _as_on_source(candidate: Candidate) -> Candidate:
    if candidate.decision is None:
        return candidate
    return replace(candidate, state=decided_at(candidate.state, -candidate.decision.margin))
