"""What validators take for granted, and whether it holds on this target: each check gives why it fails, or ``None``."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adaptprint.adaptation.prior import PriorEstimate
from adaptprint.adaptation.prior_word import UNKNOWN, PriorWord
from adaptprint.diagnostics.evidence import Evidence, View
from adaptprint.models.metrics import decide

Doubles = npt.NDArray[np.float64]
# Less of a class than this among the target's prints may as well be none of it.
_PRESENT = 0.05
# A class counts as balanced from half of its fair share on.
_BALANCED = 0.5
_ONE_CLASS = 0.95
_LEAST_SUPPORT = 0.5
_SEPARABLE = 0.9
_LEAST_EFFECTIVE = 5.0


@dataclass(frozen=True)
class Situation:
    """What is known of a target when a candidate is compared with the source model.

    Attributes:
        evidence: What both models see.
        low: (K,) least share of each class among the target's prints, as far as known.
        high: (K,) largest share.
        sound: Whether the range covers what the new printer changes, and not only which prints were seen.
        told_by: Where the range comes from, to be put into a sentence.
        support: Share of target frames within the source's reach, in the frozen and in the adapted space; ``None``
            without source frames.
    """

    evidence: Evidence
    low: Doubles
    high: Doubles
    sound: bool
    told_by: str
    support: tuple[float, float] | None


def situation(
    evidence: Evidence, prior: PriorEstimate, word: PriorWord = UNKNOWN, support: tuple[float, float] | None = None
) -> Situation:
    """Takes the range of class shares from the print margins, else from the user's word, else as not known.

    Args:
        evidence: What both models see.
        prior: The estimated class shares, with their interval.
        word: What the user says of them.
        support: As in :class:`Situation`.
    """
    stated = len(evidence.classes) == 2 and not word.is_unknown
    if prior.method == "print margins":
        by = f"you said {word.text}" if stated and word.low == word.high else "as estimated from print margins"
        return Situation(evidence, prior.low, prior.high, True, by, support)
    if stated:
        low, high = np.array([1 - word.high, word.low]), np.array([1 - word.low, word.high])
        return Situation(evidence, low, high, True, f"you said {word.text}", support)
    return Situation(evidence, prior.low, prior.high, False, f"by {prior.method}", support)


def one_decision(found: Situation) -> str | None:
    """Both models rank frames differently: where only the decision moved, calls near it are unsure on either side."""
    if found.evidence.decision is None:
        return None
    return "only the decision was moved, and where it lies better cannot be told from calls near it"


def all_classes_present(found: Situation) -> str | None:
    """Every class occurs among the target's prints."""
    return _scarce(found, _PRESENT, "every class among the target's prints")


def balanced(found: Situation) -> str | None:
    """Every class has at least half of its fair share."""
    return _scarce(found, _BALANCED / len(found.evidence.classes), "about as many prints of each class")


def _scarce(found: Situation, least: float, wanted: str) -> str | None:
    if not found.sound:
        return (
            f"it takes {wanted}, and the class shares are only known {found.told_by}, which does not cover what the "
            "new printer changes"
        )
    rarest = int(found.low.argmin())
    if found.low[rarest] >= least:
        return None
    name = found.evidence.classes[rarest]
    return (
        f"it takes {wanted}, and `{name}` may be as few as {found.low[rarest]:.0%} of them "
        f"({found.low[rarest]:.0%} to {found.high[rarest]:.0%}, {found.told_by})"
    )


def not_collapsed(found: Situation) -> str | None:
    """Neither model calls nearly everything alike, unless nearly everything is."""
    evidence = found.evidence
    for name, view in (("the source model", evidence.frozen), ("the candidate", evidence.adapted)):
        shares = _called(evidence, view)
        winner = int(shares.argmax())
        known = found.sound and found.low[winner] >= _ONE_CLASS - _PRESENT
        if shares[winner] >= _ONE_CLASS and not known:
            return (
                f"{name} calls {shares[winner]:.0%} of the frames `{evidence.classes[winner]}`, and a model that "
                "calls everything alike pleases it, right or wrong"
            )
    return None


def _called(evidence: Evidence, view: View) -> Doubles:
    calls = decide(view.target.probabilities, evidence.threshold)
    return np.asarray(np.bincount(calls, minlength=len(evidence.classes)) / len(calls), dtype=np.float64)


def not_trained(found: Situation) -> str | None:
    """Confidence means the same for both models."""
    if not found.evidence.trained:
        return None
    return "the candidate's weights were trained, which raises confidence everywhere, right or wrong"


def not_aligned(found: Situation) -> str | None:
    """Nobody has worked on the features' distance itself."""
    if not found.evidence.trained:
        return None
    return "the candidate's weights were trained, and training may bring the domains together without sorting them"


def held_out(found: Situation) -> str | None:
    """There are source frames of each class that training did not see."""
    source = found.evidence.source
    if source is None or found.evidence.frozen.source is None:
        return "there are no source frames"
    seen = np.bincount(found.evidence.source_labels[source.held_out], minlength=len(found.evidence.classes))
    if seen.min() > 0:
        return None
    return (
        f"no source frame of `{found.evidence.classes[int(seen.argmin())]}` is known to be unseen in training, and "
        "trained ones flatter"
    )


def prints_agree(found: Situation) -> str | None:
    """All frames of a print share one label, and prints have several."""
    evidence = found.evidence
    if not evidence.print_consensus:
        return "labels differ inside the source's prints"
    if len(evidence.target) < 2 * evidence.target.prints.height:
        return "of most prints a single frame is looked at"
    return None


def supported(found: Situation) -> str | None:
    """Most target frames have source frames near them, in both spaces."""
    if found.support is None:
        return "there are no source frames"
    least = min(found.support)
    if least >= _LEAST_SUPPORT:
        return None
    return f"only {least:.0%} of the target frames are as near to the source as its own prints are to each other"


def overlapping(told_apart: float, weights: Doubles, codes: npt.NDArray[np.int64]) -> str | None:
    """Source and target overlap, so that source frames can be weighted to stand for the target.

    Args:
        told_apart: Balanced accuracy of telling the domains apart.
        weights: (m,) of the source frames that errors are counted on.
        codes: (m,) their prints.
    """
    if told_apart > _SEPARABLE:
        return f"source and target are told apart {told_apart:.0%} of the time: no source frame stands for the target"
    sums = np.bincount(np.unique(codes, return_inverse=True)[1], weights=weights)
    effective = float(sums.sum() ** 2 / max((sums**2).sum(), 1e-12))
    if effective < _LEAST_EFFECTIVE:
        return f"the weights leave {effective:.1f} source prints to count errors on"
    return None
