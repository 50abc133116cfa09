"""Validators: label-free scores of the source model and of a candidate, side by side, higher being better.

The field knows many; none can be trusted alone, and each fails where its assumption does. So each declares what it
takes for granted, that is checked on this target, and where it does not hold the validator is shown but is no evidence.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from adaptprint.diagnostics import assumptions as check
from adaptprint.diagnostics import model_sight as sight
from adaptprint.diagnostics import validator_scores as scores
from adaptprint.diagnostics.assumptions import Situation
from adaptprint.diagnostics.model_sight import ModelSight


@dataclass(frozen=True)
class Validator:
    """One validator's scores.

    Attributes:
        name: Short name.
        before: Of the source model; ``None`` where it cannot be worked out.
        after: Of the candidate, likewise.
        applies: Whether its assumption holds on this target; if not, it is no evidence.
        assumption: What it takes for granted.
        says: What it is, or why it does not apply; one sentence.
        cites: Where it comes from.
    """

    name: str
    before: float | None
    after: float | None
    applies: bool
    assumption: str
    says: str
    cites: str

    @property
    def delta(self) -> float | None:
        """Candidate minus source model; above zero speaks for the candidate, where the validator applies."""
        return None if self.before is None or self.after is None else self.after - self.before

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return {
            "name": self.name,
            "before": self.before,
            "after": self.after,
            "delta": self.delta,
            "applies": self.applies,
            "assumption": self.assumption,
            "says": self.says,
            "cites": self.cites,
        }


@dataclass(frozen=True)
class _Rule:
    """A validator: how it scores one model, and what has to hold of the target (and of each model)."""

    name: str
    score: Callable[[ModelSight], "float | None"]
    meaning: str
    assumption: str
    cites: str
    checks: tuple[Callable[[Situation], "str | None"], ...]
    model_check: Callable[[ModelSight], "str | None"] | None = None
    needs_source: bool = False


_RULES = (
    _Rule(
        "source accuracy",
        sight.source_accuracy,
        "balanced accuracy on source prints that training did not see",
        "what is better on the source is better on the target",
        "Musgrave et al. 2022, Three New Validators and a Large-Scale Benchmark Ranking for UDA",
        (check.held_out,),
        needs_source=True,
    ),
    _Rule(
        "entropy",
        lambda one: scores.negative_entropy(one.probabilities, one.weights),
        "minus the mean entropy of the target's predictions, in nats",
        "a model is right where it is sure, and does not call everything alike",
        "Morerio et al. 2018, Minimal-Entropy Correlation Alignment for Unsupervised Deep Domain Adaptation",
        (check.not_trained, check.not_collapsed),
    ),
    _Rule(
        "information maximisation",
        lambda one: scores.information_maximisation(one.probabilities, one.weights),
        "entropy of the mean prediction, less the mean entropy of predictions, in nats",
        "the target's classes are balanced",
        "Krause et al. 2010, Discriminative Clustering by Regularized Information Maximization",
        (check.balanced, check.not_trained),
    ),
    _Rule(
        "BNM",
        lambda one: scores.nuclear_norm(one.probabilities, one.weights),
        "nuclear norm of the target's predictions over their number",
        "the target's classes are balanced",
        "Cui et al. 2020, Towards Discriminability and Diversity: Batch Nuclear-norm Maximization",
        (check.balanced, check.not_trained),
    ),
    _Rule(
        "SND",
        lambda one: scores.neighbourhood_density(one.probabilities, one.codes, one.weights),
        "soft neighbourhood density: how many frames of other prints each prediction has around it, as an entropy",
        "every class occurs on the target, and the model does not call everything alike",
        "Saito et al. 2021, Tune it the Right Way: Unsupervised Validation via Soft Neighborhood Density",
        (check.all_classes_present, check.not_collapsed),
    ),
    _Rule(
        "class cluster AMI",
        lambda one: scores.cluster_agreement(one.view.target.features, one.calls, one.probabilities.shape[1]),
        "agreement of calls with K-means clusters of the target's features, adjusted for chance",
        "every class occurs on the target, and classes are its strongest clusters",
        "Musgrave et al. 2022, Three New Validators and a Large-Scale Benchmark Ranking for UDA",
        (check.all_classes_present, check.not_collapsed),
    ),
    _Rule(
        "MMD",
        sight.mmd,
        "minus the squared maximum mean discrepancy between the domains' features",
        "the target's classes are balanced, as the source frames are, and nothing was trained to move features",
        "Gretton et al. 2012, A Kernel Two-Sample Test",
        (check.balanced, check.not_aligned),
        needs_source=True,
    ),
    _Rule(
        "DEV",
        sight.weighted,
        "accuracy on unseen source frames, weighted by how much the target holds of their like, with a control variate",
        "source and target overlap, and frames that look alike have the same label",
        "You et al. 2019, Towards Accurate Model Selection in Deep Unsupervised Domain Adaptation",
        (check.held_out,),
        sight.overlap,
        needs_source=True,
    ),
    _Rule(
        "ATC",
        lambda one: scores.thresholded_confidence(*sight.confidences(one)),
        "estimated accuracy: share of the target called with the confidence of right calls on unseen source frames",
        "confidence means on the target what it means on the source, and was not trained up",
        "Garg et al. 2022, Leveraging Unlabeled Data to Predict Out-of-Distribution Performance",
        (check.held_out, check.not_trained, check.not_collapsed),
        needs_source=True,
    ),
    _Rule(
        "DoC",
        lambda one: scores.difference_of_confidences(*sight.confidences(one)),
        "estimated accuracy: that on unseen source frames, less what confidence falls by on the target",
        "confidence falls on the target by as much as accuracy, and was not trained up",
        "Guillory et al. 2021, Predicting with Confidence on Unseen Distributions",
        (check.held_out, check.not_trained, check.not_collapsed),
        needs_source=True,
    ),
    _Rule(
        "print consistency",
        sight.print_consistency,
        "share of frames that are called what their print as a whole is",
        "all frames of a print share one label, and the model does not call everything alike",
        "adaptprint: frames of a print are one observation",
        (check.prints_agree, check.not_collapsed),
    ),
    _Rule(
        "neighbour agreement",
        sight.neighbour_agreement,
        "share of a frame's nearest source frames, in the other model's space, whose label is its call",
        "the target lies within the source's reach, and frames that look alike share a label",
        "adaptprint: a classifier agrees with every neighbour in its own space",
        (check.supported,),
        needs_source=True,
    ),
)


def run_validators(found: Situation) -> tuple[Validator, ...]:
    """Every validator that can be worked out on this evidence; those of the source only with source frames."""
    evidence = found.evidence
    before = ModelSight(evidence, evidence.frozen, evidence.adapted)
    after = ModelSight(evidence, evidence.adapted, evidence.frozen)
    has_source = evidence.source is not None and None not in (evidence.frozen.source, evidence.adapted.source)
    rules = [rule for rule in _RULES if has_source or not rule.needs_source]
    return tuple(_validated(rule, found, before, after) for rule in rules)


def _validated(rule: _Rule, found: Situation, before: ModelSight, after: ModelSight) -> Validator:
    old, new = rule.score(before), rule.score(after)
    why = next(_failing(rule, found, before, after), None)
    if why is None and (old is None or new is None):
        why = "there is a single print"
    says = rule.meaning if why is None else f"{rule.meaning}; no evidence here: {why}"
    return Validator(rule.name, old, new, why is None, rule.assumption, says, rule.cites)


def _failing(rule: _Rule, found: Situation, before: ModelSight, after: ModelSight) -> Iterator[str]:
    """Why the rule does not apply, one reason after the other."""
    for each in (check.one_decision, *rule.checks):
        if why := each(found):
            yield why
    for one in (before, after):
        if rule.model_check is not None and (why := rule.model_check(one)):
            yield why
