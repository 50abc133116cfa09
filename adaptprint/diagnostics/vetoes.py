"""Vetoes: findings that forbid shipping a candidate, whatever the witnesses say.

One can be answered: that a model for this printer calls frames of *others* worse is a sign of harm and no harm. Labels
of this printer, or what became of such candidates in rehearsal, know better (docs/decisions/0019).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adaptprint.adaptation.prior import PriorWord
from adaptprint.diagnostics.evidence import Evidence, View
from adaptprint.diagnostics.labelled_prints import hear_labels
from adaptprint.diagnostics.neighbourhood import Neighbourhood
from adaptprint.diagnostics.rehearsed_recipes import ANSWERABLE, SOURCE_ACCURACY_LOST, Trial, printers_under
from adaptprint.models.metrics import decide, recall_by_class

MIN_PRINTS = 3
_MAX_RECALL_LOSS = 0.05
_ONE_CLASS = 0.95
_MAX_SUPPORT_LOSS = 0.2
_PRIOR_SLACK = 0.15
_LEAST_PRINTERS = 3


@dataclass(frozen=True)
class Veto:
    """One reason that forbids shipping, unless there is an answer to it: what knows better, one sentence."""

    name: str
    says: str
    answer: str | None = None

    @property
    def stands(self) -> bool:
        """Whether it forbids shipping."""
        return self.answer is None

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return {"name": self.name, "says": self.says, "answer": self.answer}


def find_vetoes(
    evidence: Evidence, frozen: Neighbourhood | None, adapted: Neighbourhood | None, word: PriorWord
) -> tuple[Veto, ...]:
    """Every veto against the candidate of this evidence, answered or not.

    The neighbourhoods are ``None`` without source frames.
    """
    found = [
        _too_few_prints(evidence),
        _source_accuracy_lost(evidence),
        _collapsed(evidence, word),
        _outside_stated_prior(evidence, word),
        _support_lost(frozen, adapted),
    ]
    return answered([veto for veto in found if veto is not None], evidence)


def answered(vetoes: Sequence[Veto], evidence: Evidence) -> tuple[Veto, ...]:
    """The vetoes with the answers that the evidence has to them."""
    return tuple(replace(veto, answer=_answer(veto, evidence)) for veto in vetoes)


def borne_out(name: str, trials: Sequence[Trial]) -> bool:
    """Whether the trials say what becomes of candidates under this veto, so that it need not forbid them."""
    return name in ANSWERABLE and printers_under(name, trials) >= _LEAST_PRINTERS


def _answer(veto: Veto, evidence: Evidence) -> str | None:
    if veto.name not in ANSWERABLE:
        return None
    labels = hear_labels(evidence)
    if labels is not None and labels.decides:
        return labels.says
    if not borne_out(veto.name, evidence.recipe_trials):
        return None
    n_printers = printers_under(veto.name, evidence.recipe_trials)
    return f"rehearsal on {n_printers} printers says what candidates of this recipe came to that lost it too"


def _too_few_prints(evidence: Evidence) -> Veto | None:
    n_prints = evidence.target.prints.height
    if n_prints >= MIN_PRINTS:
        return None
    return Veto(
        "too few prints",
        f"the target has {n_prints} print{'s' if n_prints > 1 else ''}; "
        f"below {MIN_PRINTS} no gain can be told from chance",
    )


def _source_accuracy_lost(evidence: Evidence) -> Veto | None:
    before, after = _source_recall(evidence, evidence.frozen), _source_recall(evidence, evidence.adapted)
    if before is None or after is None:
        return None
    loss = before - after
    worst = int(np.nanargmax(loss))
    if loss[worst] <= _MAX_RECALL_LOSS:
        return None
    return Veto(
        SOURCE_ACCURACY_LOST,
        f"on source frames the candidate calls `{evidence.classes[worst]}` right {after[worst]:.0%} of the time, "
        f"the source model {before[worst]:.0%}",
    )


def _source_recall(evidence: Evidence, view: View) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    if evidence.source is None or view.source is None:
        return None
    rows = np.flatnonzero(evidence.source.held_out)
    labels = evidence.source_labels
    # Frames the source model was trained on flatter it; held-out ones are used as soon as every class has some.
    if len(np.unique(labels[rows])) < len(evidence.classes):
        rows = np.arange(len(labels))
    calls = decide(view.source.probabilities[rows], evidence.threshold)
    return recall_by_class(calls, labels[rows], len(evidence.classes))


def _print_shares(evidence: Evidence, view: View) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(K,) share of each called class: over prints, or over frames where labels differ inside prints."""
    if not evidence.print_consensus:
        return _frame_shares(evidence, view)
    calls = evidence.print_calls(view)
    return np.asarray(np.bincount(calls, minlength=len(evidence.classes)) / len(calls), dtype=np.float64)


def _frame_shares(evidence: Evidence, view: View) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(K,) share of the target frames that get each call."""
    calls = decide(view.target.probabilities, evidence.threshold)
    return np.asarray(np.bincount(calls, minlength=len(evidence.classes)) / len(calls), dtype=np.float64)


def _collapsed(evidence: Evidence, word: PriorWord) -> Veto | None:
    # By frame: print votes would turn a narrow majority everywhere into unanimity.
    frames, before = _frame_shares(evidence, evidence.adapted), _frame_shares(evidence, evidence.frozen)
    winner = int(frames.argmax())
    declared = len(evidence.classes) == 2 and not word.is_unknown and word.contains(float(winner))
    if frames[winner] < _ONE_CLASS or declared or before[winner] >= _ONE_CLASS:
        return None
    return Veto(
        "collapse to one class",
        f"the candidate calls {frames[winner]:.0%} of the frames `{evidence.classes[winner]}`; "
        f"the source model calls {before[winner]:.0%} so",
    )


def _outside_stated_prior(evidence: Evidence, word: PriorWord) -> Veto | None:
    if len(evidence.classes) != 2 or word.is_unknown:
        return None
    share = float(_print_shares(evidence, evidence.adapted)[1])
    if word.contains(share, _PRIOR_SLACK):
        return None
    return Veto(
        "outside the stated prior",
        f"the candidate calls {share:.0%} of the prints `{evidence.classes[1]}`; you said {word.text}",
    )


def _support_lost(frozen: Neighbourhood | None, adapted: Neighbourhood | None) -> Veto | None:
    if frozen is None or adapted is None:
        return None
    loss = frozen.support.value - adapted.support.value
    if loss <= _MAX_SUPPORT_LOSS:
        return None
    return Veto(
        "support lost",
        f"{adapted.support.value:.0%} of the target frames stand as near to the source as its own prints do; "
        f"before adaptation it was {frozen.support.value:.0%}",
    )
