"""What an adaptation starts from and what it ends with."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from torch import Tensor

from adaptprint.adaptation.print_decision import PrintDecision
from adaptprint.adaptation.prior import PriorEstimate
from adaptprint.adaptation.prior_word import UNKNOWN, PriorWord
from adaptprint.adaptation.recipe import Recipe
from adaptprint.errors import BadDataError
from adaptprint.frames.pixels import Pixels
from adaptprint.frames.table import Ints
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.device import Compute
from adaptprint.models.memory import SourceFrames
from adaptprint.reporting.progress import ProgressCallback, silent

SOURCE_ONLY = "source-only"
TargetNorms = Literal["none", "early", "all"]


@dataclass(frozen=True)
class AdaptationTask:
    """One model to adapt to one printer.

    Attributes:
        checkpoint: The source model.
        source: Labelled source frames, or ``None`` for a source-free adaptation.
        target: Unlabelled target frames at network size.
        prior: Class shares of the target, and what else the source model's scores say of its prints.
        word: What the user says of the class shares.
        print_labels: (p,) int64 class of each target print that the user labelled, -1 for the others; ``None`` where
            there are no labels at all.
        recipe: Method and settings.
        compute: Device and number format.
        seed: Decides every draw.
        state_file: Where an unfinished run is saved.
        fingerprint: Digest of everything that must be equal for a resume.
        resume: Whether to go on from ``state_file``.
        report: Progress callback.
    """

    checkpoint: Checkpoint
    source: SourceFrames | None
    target: Pixels
    prior: PriorEstimate
    recipe: Recipe
    compute: Compute
    seed: int
    state_file: Path
    fingerprint: str
    word: PriorWord = UNKNOWN
    print_labels: Ints | None = None
    resume: bool = False
    report: ProgressCallback = silent


@dataclass(frozen=True)
class Candidate:
    """A model that might replace the source model.

    Attributes:
        name: ``source-only``, ``bn``, ``bn-early``, ``bn-prior`` or ``trained@STEP``, and what was done to it after.
        state: State dict of :class:`~adaptprint.models.network.PrintNet`, as it would ship.
        target_norms: Which BatchNorm layers hold the target's own statistics. Source frames are judged with
            statistics of the source in these layers, as each domain has its own there.
        trained: Whether weights were trained on the source anew, and not statistics alone replaced.
        own_head: Whether its classifier is another one than the source model's, and not only moved.
        decision: Where the candidate decides on the target's prints, if that was moved. Source frames are judged
            where it decided before: each printer has a decision of its own.
    """

    name: str
    state: dict[str, Tensor]
    target_norms: TargetNorms = "none"
    trained: bool = False
    own_head: bool = False
    decision: PrintDecision | None = None

    @property
    def moves_decision_only(self) -> bool:
        """Whether it ranks all frames as the source model does."""
        changed = self.target_norms != "none" or self.trained or self.own_head
        return self.decision is not None and not changed

    def to_dict(self) -> dict[str, Any]:
        """Everything but the weights, for JSON."""
        return {
            "name": self.name,
            "target_norms": self.target_norms,
            "trained": self.trained,
            "own_head": self.own_head,
            "decision": None if self.decision is None else asdict(self.decision),
        }

    @classmethod
    def from_dict(cls, said: Mapping[str, Any], state: dict[str, Tensor]) -> "Candidate":
        """The candidate that :meth:`to_dict` tells of; what is missing is taken for unchanged.

        Raises:
            BadDataError: If what is told of its decision is none.
        """
        held: dict[Any, TargetNorms] = {name: name for name in get_args(TargetNorms)}
        return cls(
            str(said.get("name", "model")),
            state,
            held.get(said.get("target_norms"), "none"),
            said.get("trained") is True,
            said.get("own_head") is True,
            _told_decision(said.get("decision")),
        )


def _told_decision(said: Any) -> PrintDecision | None:
    if said is None:
        return None
    try:
        return PrintDecision(**{name: float(value) for name, value in dict(said).items()})
    except (TypeError, ValueError) as error:
        raise BadDataError(
            "what config.json tells of the model's decision cannot be read",
            "Copy the checkpoint again from where it was made.",
        ) from error


@dataclass(frozen=True)
class Adaptation:
    """The candidates of a run, the source model always first, and what happened on the way.

    Attributes:
        candidates: In order of creation.
        trace: One dictionary per training step: step, losses, λ, discriminator accuracy, gradient norm.
        warnings: What went wrong without ending the run, one sentence each.
        discriminator_accuracy: Running accuracy at the end, in [0, 1]; ``None`` without a discriminator.
    """

    candidates: tuple[Candidate, ...]
    trace: tuple[dict[str, Any], ...] = ()
    warnings: tuple[str, ...] = field(default=())
    discriminator_accuracy: float | None = None
