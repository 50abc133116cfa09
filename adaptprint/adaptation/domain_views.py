"""How a candidate sees each domain: with the statistics that belong to it."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from adaptprint.adaptation.batchnorm import take_target_statistics
from adaptprint.adaptation.print_decision import decided_at
from adaptprint.adaptation.task import Candidate
from adaptprint.frames.sampling import source_sampler
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.device import Compute
from adaptprint.models.embed import Embedding, embed
from adaptprint.models.memory import SourceFrames
from adaptprint.models.network import PrintNet
from adaptprint.reporting.progress import ProgressCallback, silent

_STATISTICS_FRAMES = 256


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
    network = candidate_network(checkpoint, _as_on_source(candidate), compute)
    if candidate.target_norms != "none":
        early = candidate.target_norms == "early"
        norms = network.early_batch_norms() if early else dict(network.batch_norms())
        rows = source_sampler(source.table, labels, seed).batch(0, min(_STATISTICS_FRAMES, len(source)))
        take_target_statistics(network, norms.values(), source.array, rows, compute)
    return embed(network, source.array, compute, progress=report, stage=stage)


def _as_on_source(candidate: Candidate) -> Candidate:
    if candidate.decision is None:
        return candidate
    return replace(candidate, state=decided_at(candidate.state, -candidate.decision.margin))
