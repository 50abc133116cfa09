"""Everything the witnesses look at: source and target as the old and the new model see them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adaptprint.adaptation.print_decision import PrintDecision
from adaptprint.diagnostics.rehearsal import BUILT_IN, GainRelation
from adaptprint.diagnostics.rehearsed_recipes import Trial
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.models.embed import Embedding
from adaptprint.models.memory import SourceFrames
from adaptprint.models.metrics import decide, print_probabilities


@dataclass(frozen=True)
class View:
    """How one model sees the data.

    Attributes:
        source: Of the source frames, in the order of the source table; ``None`` without source frames.
        target: Of the target frames.
        varied: Of the target frames under each of a few small camera changes; empty where the two models compared
            are one network, of which they would tell nothing.
    """

    source: Embedding | None
    target: Embedding
    varied: tuple[Embedding, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """The source model's view (frozen) beside a candidate's view (adapted).

    Attributes:
        source: Labelled source frames, or ``None``.
        source_labels: (m,) int64, empty without source frames.
        target: The target's table; labels are never in it.
        classes: Class names.
        threshold: Decision threshold of class 1 in a binary model.
        frozen: The source model's view.
        adapted: The candidate's view.
        print_consensus: Whether all frames of a print share one label, as far as the source tells.
        trained: Whether the candidate's weights were trained on the source anew.
        decision: Set where the candidate is the source model with its decision moved, and nothing else.
        relation: What an expected gain came to in rehearsal.
        recipe_trials: What candidates of this recipe came to in rehearsal; empty where it was not rehearsed.
        print_posteriors: (p, K) probability of each class for each target print, in order of the print codes;
            ``None`` where there are no posteriors.
        print_labels: (p,) int64 class of each labelled target print, -1 for the others, in the same order; ``None``
            where none is labelled, and where the candidate learned from the labels, which then cannot measure it.
    """

    source: SourceFrames | None
    source_labels: Ints
    target: FrameTable
    classes: tuple[str, ...]
    threshold: float
    frozen: View
    adapted: View
    print_consensus: bool
    trained: bool = False
    decision: PrintDecision | None = None
    relation: GainRelation = BUILT_IN
    recipe_trials: tuple[Trial, ...] = ()
    print_posteriors: npt.NDArray[np.float64] | None = None
    print_labels: Ints | None = None

    def print_scores(self, view: View) -> npt.NDArray[np.float64]:
        """(p, K) probabilities of each target print as one model sees it."""
        return print_probabilities(view.target.probabilities, self.target.print_codes)

    def print_calls(self, view: View) -> Ints:
        """(p,) class of each target print as one model calls it."""
        return decide(self.print_scores(view), self.threshold)
