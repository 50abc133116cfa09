"""What both models say of target frames, and where these stand: a few numbers a frame, joined from pieces."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from adaptprint.diagnostics.evidence import Evidence
from adaptprint.diagnostics.neighbourhood import Standing, stand
from adaptprint.frames.pixels import Unreadable
from adaptprint.frames.table import Ints
from adaptprint.models.embed import Embedding, Floats


@dataclass(frozen=True)
class Scores:
    """Scores of n target frames. Features are not among them: they would be most of the memory.

    Attributes:
        rows: (n,) int64 rows of the target's list of frames, ascending.
        before: (n, K) float32 probabilities of the source model.
        after: (n, K) float32 probabilities of the candidate.
        standing: Where the frames stand among the source frames, in the source model's space; ``None`` without
            source frames.
        unreadable: Frames that were to be scored too and could not be read.
    """

    rows: Ints
    before: Floats
    after: Floats
    standing: Standing | None
    unreadable: tuple[Unreadable, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, rows: Ints) -> "Scores":
        """The scores of some of :attr:`rows`."""
        return _taken(self, np.searchsorted(self.rows, rows))

    def to_state(self) -> dict[str, Any]:
        """Tensors and plain values, for the state of an unfinished run."""
        standing = None
        if self.standing is not None:
            standing = {
                "nearest": torch.from_numpy(self.standing.nearest),
                "distance": torch.from_numpy(self.standing.distance),
                "limit": self.standing.limit,
                "votes": torch.from_numpy(self.standing.votes),
            }
        return {
            "rows": torch.from_numpy(self.rows),
            "before": torch.from_numpy(self.before),
            "after": torch.from_numpy(self.after),
            "standing": standing,
            "unreadable": [[frame.name, frame.reason, frame.passing] for frame in self.unreadable],
        }


def scores_from_state(state: dict[str, Any]) -> Scores:
    """What :meth:`Scores.to_state` was made from."""
    standing = state["standing"]
    if standing is not None:
        nearest, distance, votes = (standing[name].numpy() for name in ("nearest", "distance", "votes"))
        standing = Standing(nearest, distance, standing["limit"], votes)
    rows, before, after = (state[name].numpy() for name in ("rows", "before", "after"))
    return Scores(rows, before, after, standing, tuple(Unreadable(*words) for words in state["unreadable"]))


def score(
    rows: Ints, evidence: Evidence, before: Embedding, after: Embedding, unreadable: Sequence[Unreadable]
) -> Scores:
    """Keeps of two embeddings what the run's tables need.

    Args:
        rows: (n,) rows of the target's list of frames.
        evidence: What the candidate was judged by: its source frames are the neighbours.
        before: The source model's view of the n frames.
        after: The candidate's view of them.
        unreadable: Frames beside them that could not be read.
    """
    standing = None
    if evidence.source is not None and evidence.frozen.source is not None:
        standing = stand(
            evidence.source.table,
            evidence.frozen.source.features,
            evidence.source_labels,
            before.features,
            len(evidence.classes),
        )
    return Scores(rows, before.probabilities, after.probabilities, standing, tuple(unreadable))


def joined(pieces: Sequence[Scores]) -> Scores:
    """All pieces as one, in order of their rows; there is at least one, and all have the same source frames."""
    standings = [piece.standing for piece in pieces if piece.standing is not None]
    standing = None
    if standings:
        standing = Standing(
            np.concatenate([each.nearest for each in standings]),
            np.concatenate([each.distance for each in standings]),
            standings[0].limit,
            np.concatenate([each.votes for each in standings]),
        )
    whole = Scores(
        np.concatenate([piece.rows for piece in pieces]),
        np.concatenate([piece.before for piece in pieces]),
        np.concatenate([piece.after for piece in pieces]),
        standing,
        tuple(frame for piece in pieces for frame in piece.unreadable),
    )
    return _taken(whole, np.argsort(whole.rows))


def _taken(scores: Scores, places: Ints) -> Scores:
    standing = scores.standing
    if standing is not None:
        standing = Standing(standing.nearest[places], standing.distance[places], standing.limit, standing.votes[places])
    return Scores(scores.rows[places], scores.before[places], scores.after[places], standing, scores.unreadable)
