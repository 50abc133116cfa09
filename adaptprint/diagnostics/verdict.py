"""The verdict: ship, keep-source or need-labels. Keeping the source is the default and a good result."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from adaptprint.adaptation.print_decision import PrintDecision
from adaptprint.adaptation.print_margins import least_sure
from adaptprint.diagnostics.evidence import Evidence
from adaptprint.diagnostics.labelled_prints import LabelledPrints, hear_labels
from adaptprint.diagnostics.recipe_gain import RecipeExpectation, covariates, recipe_relation
from adaptprint.diagnostics.rehearsal import Expectation
from adaptprint.diagnostics.rehearsed_recipes import trials_like
from adaptprint.diagnostics.validators import Validator
from adaptprint.diagnostics.vetoes import Veto
from adaptprint.diagnostics.witnesses import Family, Witness
from adaptprint.frames.wording import plural

Decision = Literal["ship", "keep-source", "need-labels"]
_ALONE: dict[Family, str] = {
    "self-consistency": "the candidate agrees more with itself, but nothing on the source's side confirms a gain",
    "source": "the candidate agrees more with the source, but not with itself",
}
_UNTRIED = "the witnesses agree, but where they did on other printers the candidate often harmed all the same"
_TELLING_GAP = 0.02
# Chosen on renders, see docs/decisions/0015 and, for the gain, 0017.
SHIPPED_GAIN, LARGEST_RISK, WORTH_LABELS = 0.02, 0.2, 0.02
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


def expected_of_recipe(
    evidence: Evidence, vetoes: Sequence[Veto], validators: Sequence[Validator]
) -> RecipeExpectation | None:
    """What a candidate that changes more than the decision is expected to gain; ``None`` if it was not rehearsed."""
    relation = recipe_relation(trials_like(evidence.recipe_trials, [veto.name for veto in vetoes]))
    if relation is None:
        return None
    return relation.expect(covariates({each.name: each.delta for each in validators}))


def weigh(
    evidence: Evidence, witnesses: Sequence[Witness], vetoes: Sequence[Veto], validators: Sequence[Validator] = ()
) -> Verdict:
    """Vetoes first; then a moved decision's expected gain, labelled prints, and what the recipe came to in rehearsal.

    Witnesses alone ship nothing: where they speak for a candidate, a few labels or a rehearsal have to bear them out
    (docs/decisions/0018).
    """
    standing = tuple(veto.says for veto in vetoes if veto.stands)
    if standing:
        return Verdict("keep-source", standing)
    if evidence.decision is not None:
        return _weigh_decision(evidence, evidence.decision)
    labels = hear_labels(evidence)
    if labels is not None and labels.decides:
        return Verdict("ship", (labels.says,))
    if labels is not None and labels.favours == "source":
        return Verdict("keep-source", (labels.says,))
    expected = expected_of_recipe(evidence, vetoes, validators)
    if expected is not None:
        return _weigh_rehearsed(evidence, expected, labels)
    return _weigh_witnesses(evidence, witnesses, labels)


def _weigh_rehearsed(evidence: Evidence, expected: RecipeExpectation, labels: LabelledPrints | None) -> Verdict:
    """A recipe that was rehearsed is known by its deeds."""
    says = (
        f"a candidate of this recipe that looks like this one without labels is expected to gain "
        f"{100 * expected.gain:+.1f} points on this printer's next prints ({100 * expected.low:+.1f} to "
        f"{100 * expected.high:+.1f}); it loses more than one with probability {expected.risk:.0%} "
        f"(rehearsed on {plural(expected.printers, 'printer')})"
    )
    told = () if labels is None else (labels.says,)
    if worth_shipping(expected.gain, expected.risk):
        return Verdict("ship", (says, *told))
    lacks = _lacking(expected.gain)
    prints = most_telling_prints(evidence)
    if expected.worth_knowing < WORTH_LABELS or not prints:
        return Verdict("keep-source", (says, lacks, *told))
    worth = f"to know whether it helps here may be worth {100 * expected.worth_knowing:.1f} points"
    return Verdict("need-labels", (says, lacks, *told, worth), prints)


def _weigh_witnesses(evidence: Evidence, witnesses: Sequence[Witness], labels: LabelledPrints | None) -> Verdict:
    """Labelled prints that favour the candidate, but are too few to decide alone, and a witness ship it together."""
    told = (labels.says,) if labels is not None and labels.favours == "candidate" else ()
    supporting = [witness for witness in witnesses if witness.favours == "candidate"]
    against = [witness for witness in witnesses if witness.favours == "source"]
    if not supporting and not told:
        if against:
            return Verdict("keep-source", tuple(witness.says for witness in against))
        return Verdict("keep-source", ("no witness sees a gain that could not be chance",))
    reasons = (*told, *(witness.says for witness in supporting))
    if told and supporting and not against:
        return Verdict("ship", reasons)
    prints = most_telling_prints(evidence)
    if not prints:
        return Verdict("keep-source", (_nothing_left(evidence),))
    if against:
        why = "the witnesses contradict each other"
    elif not supporting:
        why = "the labelled prints are too few to decide alone"
    else:
        families = {witness.family for witness in supporting}
        why = _ALONE[supporting[0].family] if len(families) == 1 else _UNTRIED
    return Verdict("need-labels", (why, *reasons, *(witness.says for witness in against)), prints)


def _nothing_left(evidence: Evidence) -> str:
    if evidence.print_labels is None:
        return "both models call every print alike, so nothing would change"
    return "both models call every print that is not labelled alike, and the labels do not decide"


def _weigh_decision(evidence: Evidence, decision: PrintDecision) -> Verdict:
    """A moved decision ranks frames as before: only the printer's margins can tell whether it is better placed."""
    expected = evidence.relation.expect(decision)
    if worth_shipping(expected.gain, expected.risk):
        return Verdict("ship", (_says_of_move(expected),))
    if decision.margin:
        reasons: tuple[str, ...] = (_says_of_move(expected), _lacking(expected.gain))
    else:
        reasons = (f"no move of the decision is worth its risk on these prints ({_told_by(expected)})",)
    prints = least_sure_prints(evidence)
    if decision.further < WORTH_LABELS or not prints:
        return Verdict("keep-source", reasons)
    worth = f"the class of these prints may be worth {100 * decision.further:.1f} points more"
    return Verdict("need-labels", (*reasons, worth), prints)


def _says_of_move(expected: Expectation) -> str:
    return (
        f"moving the decision is expected to gain {100 * expected.gain:.1f} points on this printer's next prints "
        f"({100 * expected.low:+.1f} to {100 * expected.high:+.1f}); it loses more than one with probability "
        f"{expected.risk:.0%} ({_told_by(expected)})"
    )


def _lacking(gain: float) -> str:
    """Why what is expected of a candidate ships nothing."""
    if gain < SHIPPED_GAIN:
        return f"for less than {100 * SHIPPED_GAIN:.0f} points of expected gain no model is replaced"
    return f"where it loses more than one point with a probability above {LARGEST_RISK:.0%} no model is replaced"


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
        return f"rehearsed on {plural(expected.printers, 'printer')}"
    return "this source model was not rehearsed"


def most_telling_prints(evidence: Evidence, most: int = _MAX_PRINTS_TO_LABEL) -> tuple[str, ...]:
    """Three to five prints whose class would tell most of which model is better, or none.

    Those that the two models call differently come first, then those that they score differently; labelled ones are
    left out.

    Args:
        evidence: What is known of both models.
        most: Prints at most.
    """
    before, after = (evidence.print_scores(view) for view in (evidence.frozen, evidence.adapted))
    gap = np.abs(after - before).max(1)
    flipped = evidence.print_calls(evidence.frozen) != evidence.print_calls(evidence.adapted)
    flipped &= gap > _TELLING_GAP
    asked = np.flatnonzero(np.ones(len(gap), bool) if evidence.print_labels is None else evidence.print_labels < 0)
    order = asked[np.lexsort([-gap[asked], ~flipped[asked]])][:most]
    names = evidence.target.prints["print"].to_list()
    telling = int((gap[order] > _TELLING_GAP).sum())
    if telling == 0:
        return ()
    return tuple(names[row] for row in order[: max(telling, _MIN_PRINTS_TO_LABEL)])
