"""The verdict: ship, keep-source or need-labels. Keeping the source is the default and a good result."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from adaptprint.adaptation.print_decision import PrintDecision
from adaptprint.adaptation.print_margins import least_sure
from adaptprint.diagnostics.evidence import Evidence
from adaptprint.diagnostics.rehearsal import Expectation
from adaptprint.diagnostics.vetoes import Veto
from adaptprint.diagnostics.witnesses import Family, Witness
from adaptprint.models.metrics import print_probabilities

Decision = Literal["ship", "keep-source", "need-labels"]
NEEDED_FAMILIES = 2
_ALONE: dict[Family, str] = {
    "self-consistency": "the candidate agrees more with itself, but nothing on the source's side confirms a gain",
    "source": "the candidate agrees more with the source, but not with itself",
}
_TELLING_GAP = 0.02
# Chosen on renders, see docs/decisions/0015.
SHIPPED_GAIN, LARGEST_RISK, WORTH_LABELS = 0.005, 0.2, 0.02
_MIN_PRINTS_TO_LABEL, _MAX_PRINTS_TO_LABEL = 3, 5


@dataclass(frozen=True)
class Verdict:
    """The decision and why.

    Attributes:
        decision: ``ship``, ``keep-source`` or ``need-labels``.
        reasons: One sentence each, the most important first.
        prints_to_label: Print ids whose label would decide, most telling first; empty unless labels are needed.
    """

    decision: Decision
    reasons: tuple[str, ...]
    prints_to_label: tuple[str, ...] = ()


def candidate_score(witnesses: Sequence[Witness]) -> float:
    """How strongly the heard witnesses support a candidate: the mean of value over half the interval's width."""
    heard = [witness for witness in witnesses if witness.applies]
    ratios = [witness.value / max((witness.high - witness.low) / 2, 0.005) for witness in heard]
    return float(np.mean(np.clip(ratios, -5, 5))) if ratios else 0.0


def weigh(evidence: Evidence, witnesses: Sequence[Witness], vetoes: Sequence[Veto]) -> Verdict:
    """Ships only on the word of two witnesses of different families, with no witness against and no veto.

    Witnesses that contradict each other, or of one family alone, leave the question to a few labels.
    """
    if vetoes:
        return Verdict("keep-source", tuple(veto.says for veto in vetoes))
    if evidence.decision is not None:
        return _weigh_decision(evidence, evidence.decision)
    supporting = [witness for witness in witnesses if witness.favours == "candidate"]
    against = [witness for witness in witnesses if witness.favours == "source"]
    if not supporting:
        if against:
            return Verdict("keep-source", tuple(witness.says for witness in against))
        return Verdict("keep-source", ("no witness sees a gain that could not be chance",))
    if len({witness.family for witness in supporting}) >= NEEDED_FAMILIES and not against:
        return Verdict("ship", tuple(witness.says for witness in supporting))
    prints = most_telling_prints(evidence)
    if not prints:
        return Verdict("keep-source", ("both models call every print alike, so nothing would change",))
    reason = "the witnesses contradict each other" if against else _ALONE[supporting[0].family]
    return Verdict("need-labels", (reason, *(witness.says for witness in (*supporting, *against))), prints)


def _weigh_decision(evidence: Evidence, decision: PrintDecision) -> Verdict:
    """A moved decision ranks frames as before: only the printer's margins can tell whether it is better placed."""
    expected = evidence.relation.expect(decision)
    if decision.margin:
        says = (
            f"moving the decision is expected to gain {100 * expected.gain:.1f} points on this printer's next prints "
            f"({100 * expected.low:+.1f} to {100 * expected.high:+.1f}); it loses more than one with probability "
            f"{expected.risk:.0%} ({_told_by(expected)})"
        )
    else:
        says = f"no move of the decision is worth its risk on these prints ({_told_by(expected)})"
    if worth_shipping(expected.gain, expected.risk):
        return Verdict("ship", (says,))
    prints = least_sure_prints(evidence)
    if decision.further < WORTH_LABELS or not prints:
        return Verdict("keep-source", (says,))
    worth = f"the class of these prints may be worth {100 * decision.further:.1f} points more"
    return Verdict("need-labels", (f"too little to ship unseen: {says}", worth), prints)


def worth_shipping(gain: float, risk: float) -> bool:
    """Whether an expected gain in balanced accuracy, and the probability of losing over a point, let a model ship."""
    return gain >= SHIPPED_GAIN and risk <= LARGEST_RISK


def least_sure_prints(evidence: Evidence) -> tuple[str, ...]:
    """Three prints whose class is least sure, of those that are not labelled; none where all are.

    Their labels gain as much as those of any other three that were tried (docs/decisions/0013). Without posteriors, the
    prints on which the two models differ most.
    """
    if evidence.print_posteriors is None:
        return most_telling_prints(evidence)
    names, certain = evidence.target.prints["print"].to_list(), evidence.print_posteriors.max(axis=1) == 1
    return tuple(names[row] for row in least_sure(evidence.print_posteriors, _MIN_PRINTS_TO_LABEL) if not certain[row])


def _told_by(expected: Expectation) -> str:
    if expected.printers:
        return f"rehearsed on {expected.printers} source printers"
    return "this source model was not rehearsed"


def most_telling_prints(evidence: Evidence) -> tuple[str, ...]:
    """Prints on which the two models differ most, by the gap between their print scores: three to five, or none."""
    codes = evidence.target.print_codes
    before = print_probabilities(evidence.frozen.target.probabilities, codes)
    after = print_probabilities(evidence.adapted.target.probabilities, codes)
    gap = np.abs(after - before).max(1)
    order = np.argsort(-gap, kind="stable")[:_MAX_PRINTS_TO_LABEL]
    names = evidence.target.prints["print"].to_list()
    telling = int((gap[order] > _TELLING_GAP).sum())
    if telling == 0:
        return ()
    return tuple(names[row] for row in order[: max(telling, _MIN_PRINTS_TO_LABEL)])
