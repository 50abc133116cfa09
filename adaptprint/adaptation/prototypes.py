"""A head of prototypes: a frame belongs to the class with the nearest centre; prints of the target move the centres.

Sources: Snell et al. 2017, Prototypical Networks for Few-shot Learning, equation 2, whose squared distances make a
linear classifier; the centres follow the target as far as whole prints, not frames, belong to a class.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from adaptprint.adaptation.domain_views import candidate_network, view_of_source
from adaptprint.adaptation.task import AdaptationTask, Candidate
from adaptprint.errors import BadDataError
from adaptprint.frames.sampling import print_weights
from adaptprint.models.embed import embed

_SOURCE_PRINTS = 6.0
"""Prints of the target at which its centre counts as much as the source's."""


def with_prototypes(
    task: AdaptationTask, candidate: Candidate, posteriors: npt.NDArray[np.float64] | None
) -> Candidate:
    """The candidate with its classifier replaced by the classes' centres.

    Args:
        task: What is adapted.
        candidate: The model whose features are used.
        posteriors: (p, K) class probabilities of the target's prints; ``None`` keeps to the source's centres.

    Raises:
        BadDataError: Without source frames.
    """
    if task.source is None:
        raise BadDataError(
            "prototypes are centres of labelled source frames, and this checkpoint carries none",
            "Give --source-data DATA, or use a source-free recipe: --recipe bn-early.",
        )
    labels = task.source.table.label_codes(task.checkpoint.config.classes)
    source = view_of_source(task.checkpoint, candidate, task.source, labels, task.compute, task.seed)
    weights = print_weights(task.source.table)
    n_classes = len(task.checkpoint.config.classes)
    one_hot = np.eye(n_classes)[labels] * weights[:, None]
    centres = (one_hot.T @ source.features) / one_hot.sum(0)[:, None]
    scale = _scale(source.features, source.logits, centres)
    if posteriors is not None:
        network = candidate_network(task.checkpoint, candidate, task.compute)
        target = embed(network, task.target.array, task.compute).features
        shares = posteriors[task.target.table.print_codes] * print_weights(task.target.table)[:, None]
        mass = shares.sum(0)
        own = (shares.T @ target) / np.maximum(mass, 1e-9)[:, None]
        trust = (mass / (mass + _SOURCE_PRINTS))[:, None]
        centres = (1 - trust) * centres + trust * own
    state = {
        **candidate.state,
        "classifier.weight": torch.tensor(2 * scale * centres, dtype=torch.float32),
        "classifier.bias": torch.tensor(-scale * (centres**2).sum(1), dtype=torch.float32),
    }
    return replace(candidate, name=f"{candidate.name}, prototypes", state=state, own_head=True)


def _scale(
    features: npt.NDArray[np.float32], logits: npt.NDArray[np.float32], centres: npt.NDArray[np.float64]
) -> float:
    """What makes distances as decided as the classifier's logits are: equal spread over the source's frames."""
    distances = 2 * features @ centres.T - (centres**2).sum(1)
    return float(_spread(logits) / max(_spread(distances), 1e-9))


def _spread(scores: npt.NDArray[np.floating]) -> float:
    """Standard deviation of scores (n, K) about each row's mean."""
    return float((scores - scores.mean(1, keepdims=True)).std())
