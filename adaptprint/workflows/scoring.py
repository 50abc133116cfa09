"""Scores every frame of a target with both models: the coreset first, then the rest in a stream of pieces.

What the run's tables need of a piece is saved as soon as it is known, so that ``--resume`` goes on from there.
The next piece is decoded while the networks look at one; pixels and features are gone thereafter: memory does not grow
with the target, but for a few numbers a frame.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adaptprint.adaptation.domain_views import candidate_network
from adaptprint.adaptation.task import SOURCE_ONLY, AdaptationTask, Candidate
from adaptprint.diagnostics.evidence import Evidence
from adaptprint.errors import InterruptedRunError
from adaptprint.frames.pixel_cache import PixelCache
from adaptprint.frames.pixels import Pixels
from adaptprint.frames.table import Ints
from adaptprint.models.checkpoint import state_digest
from adaptprint.models.device import Compute
from adaptprint.models.embed import Embedding, embed
from adaptprint.models.interrupt import stop_on_signal
from adaptprint.models.network import PrintNet
from adaptprint.models.run_state import load_state, save_state
from adaptprint.reporting.progress import Progress, ProgressCallback
from adaptprint.workflows.inputs import fingerprint
from adaptprint.workflows.judge import Judgement, rows_examined
from adaptprint.workflows.scores import Scores, joined, score, scores_from_state
from adaptprint.workflows.stream import pieces_of, read_pieces, read_rows
from adaptprint.workflows.target import Target

STAGE = "scoring other frames"


def score_target(target: Target, task: AdaptationTask, judgement: Judgement, before: Embedding, pieces: Path) -> Scores:
    """Both models' scores of every frame that can be read, and where it stands among the source frames.

    Args:
        target: The frames.
        task: The adaptation; its fingerprint tells saved pieces of this run from those of others.
        judgement: Names the candidate, and holds the source frames it was judged by.
        before: The source model's view of the coreset.
        pieces: Folder for the scores of finished pieces.

    Raises:
        InterruptedRunError: After Ctrl-C or SIGTERM; finished pieces are saved.
    """
    candidate, evidence = judgement.candidate, judgement.chosen.evidence
    looks_alike = candidate.name == SOURCE_ONLY or candidate.moves_decision_only
    network = None if looks_alike else candidate_network(task.checkpoint, candidate, task.compute)
    after = _decided(before, candidate) if network is None else _view_of_candidate(network, task, judgement)
    coreset = score(target.rows, evidence, before, after, target.pixels.unreadable)
    if len(target.rest) == 0:
        return coreset
    source_model = task.checkpoint.network().on(task.compute.device)
    stream = _Stream(target, source_model, candidate, network, evidence, task.compute)
    key = fingerprint("scores", task.fingerprint, candidate.name, state_digest(candidate.state))
    return joined([coreset, *stream.run(pieces / key[:16], key, task.report)])


def _view_of_candidate(network: PrintNet, task: AdaptationTask, judgement: Judgement) -> Embedding:
    """The candidate's view of the coreset; the frames it was examined on are not embedded again."""
    examined, found = rows_examined(task), judgement.chosen.evidence.adapted.target
    rows = np.setdiff1d(np.arange(len(task.target.table)), examined)
    others = embed(
        network, task.target.array[rows], task.compute, progress=task.report, stage="candidate on the target"
    )
    order = np.argsort(np.concatenate([examined, rows]))
    return Embedding(
        np.concatenate([found.features, others.features])[order],
        np.concatenate([found.logits, others.logits])[order],
    )


def _decided(before: Embedding, candidate: Candidate) -> Embedding:
    """The view of a candidate that differs from the source model by its decision at most."""
    return before if candidate.decision is None else before.decided_at(candidate.decision.margin)


@dataclass(frozen=True)
class _Stream:
    """Scores the frames beyond the coreset.

    Attributes:
        target: The frames.
        source_model: On the compute device.
        candidate: What is scored beside it.
        network: The candidate's, on the device; ``None`` where its view follows from the source model's.
        evidence: Holds the source frames.
        compute: Device and number format.
    """

    target: Target
    source_model: PrintNet
    candidate: Candidate
    network: PrintNet | None
    evidence: Evidence
    compute: Compute

    def run(self, folder: Path, key: str, report: ProgressCallback) -> list[Scores]:
        """The scores of all pieces; those found in ``folder`` under the same ``key`` are not made again."""
        target, total = self.target, len(self.target.rest)
        pieces = pieces_of(target.rest)
        files = [folder / f"{number:06}.pt" for number in range(len(pieces))]
        states = [load_state(file, key) for file in files]
        found = [scores_from_state(state) for state in states if state is not None]
        missing = [place for place, state in enumerate(states) if state is None]
        done = total - sum(len(pieces[place]) for place in missing)
        with stop_on_signal() as stop:

            def stop_if_asked() -> None:
                if stop.requested:
                    raise InterruptedRunError(
                        f"stopped after {done} of {total} frames beyond the coreset; their scores are saved",
                        "Repeat the command with --resume to go on.",
                    )

            def tell(frames: int) -> None:
                stop_if_asked()
                report(Progress(STAGE, done + frames, total))

            tell(0)  # the pace begins here: what an earlier run did says nothing about the time that is left
            with closing(
                read_pieces(
                    target.listed,
                    [pieces[place] for place in missing],
                    target.size,
                    target.camera,
                    self.compute,
                    # Nothing is kept: a pass larger than the cache would only push out what others come back for.
                    cache=PixelCache(limit_bytes=0),
                    threads=target.threads,
                    while_waiting=stop_if_asked,
                )
            ) as read:
                for place, pixels in zip(missing, read, strict=True):
                    found.append(self._score(pieces[place], pixels, tell))
                    save_state(files[place], key, found[-1].to_state())
                    done += len(pieces[place])
                    tell(0)
        return found

    def _score(self, rows: Ints, pixels: Pixels, tell: Callable[[int], None]) -> Scores:
        """Looks at a piece with each model; both count alike."""
        works = 1 if self.network is None else 2

        def look(network: PrintNet, work: int) -> Embedding:
            begun = work * len(rows)
            return embed(
                network, pixels.array, self.compute, progress=lambda event: tell((begun + event.done) // works)
            )

        before = look(self.source_model, 0)
        after = _decided(before, self.candidate) if self.network is None else look(self.network, 1)
        return score(read_rows(self.target.listed, rows, pixels), self.evidence, before, after, pixels.unreadable)
