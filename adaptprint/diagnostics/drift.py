"""Whether a printer looks as it did when a model was adapted to it: three signs, by print, blind to class shares.

More faulty prints than before are no drift: they lie in directions in which known printers' prints differ anyway, they
are compared with prints of their own call only, and the margin model tells a share of faulty prints from a shift.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from adaptprint.adaptation.print_margins import MarginModel, share_posterior
from adaptprint.diagnostics.bootstrap import N_DRAWS, Interval, by_print
from adaptprint.diagnostics.neighbours import NeighbourIndex
from adaptprint.frames.table import Ints
from adaptprint.frames.wording import plural
from adaptprint.models.domain_reference import DomainReference
from adaptprint.models.embed import Floats

Doubles = npt.NDArray[np.float64]
DriftVerdict = Literal["steady", "drifted", "unclear"]
LEAST_REFERENCE_PRINTS = 4
LEAST_RECENT_PRINTS = 3
# Of few prints one odd one is the .9 quantile as soon as the bootstrap draws it twice; of a quarter it is not.
QUANTILE = 0.75
MOST_OUTSIDE = 0.5
LEVEL_TOLERANCE = 0.25
_NEIGHBOURS = 5


@dataclass(frozen=True)
class Sign:
    """One way in which a printer's frames may have moved.

    Attributes:
        name: ``camera``, ``neighbours`` or ``print margins``.
        value: Share of recent prints outside what was usual at adaptation, in [0, 1]; of the margins the change of
            their level, in units of the gap between the classes.
        interval: Ends of the 90 % interval of the value, over prints of both times.
        limit: The printer has moved where the whole interval lies beyond it (of the margins, beyond it on one side).
        moved: Whether it does.
        heard: Whether there were enough prints to tell.
        says: The finding, or why there is none, one sentence.
    """

    name: str
    value: float
    interval: tuple[float, float]
    limit: float
    moved: bool
    heard: bool
    says: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON; numbers are null where the sign is not heard."""
        numbers = [round(number, 4) if self.heard else None for number in (self.value, *self.interval)]
        return {
            "name": self.name,
            "value": numbers[0],
            "interval": numbers[1:],
            "limit": self.limit,
            "moved": self.moved,
            "heard": self.heard,
            "says": self.says,
        }


def weigh_signs(signs: list[Sign]) -> DriftVerdict:
    """One sign is enough; without any that could be heard nothing is known."""
    if any(sign.moved for sign in signs):
        return "drifted"
    return "steady" if any(sign.heard for sign in signs) else "unclear"


def camera_sign(reference: DomainReference, recent: Floats, known: Floats | None, seed: int = 0) -> Sign:
    """Early BatchNorm statistics: are recent prints farther from those at adaptation than these from each other?

    Args:
        reference: Of p prints at adaptation.
        recent: (q, c) statistics of the recent prints.
        known: (s, c) the same of prints of known printers, less the mean of their printer: the directions in which
            prints differ on one printer, by class, filament and object, count the less. ``None`` without such.
        seed: For the bootstrap.
    """
    name = "camera"
    if few := _too_few(reference.n_prints, len(recent)):
        return _unheard(name, few)
    own, found = _in_usual_steps(reference.statistics, known), _in_usual_steps(recent, known)
    n = len(own)
    others = (own.sum(axis=0) - own) / (n - 1)
    inside = np.linalg.norm(own - others, axis=1)
    outside = np.linalg.norm(found - own.mean(axis=0), axis=1)
    return _by_share_outside(name, inside, outside, seed, "in what the early BatchNorms see of the camera")


def neighbour_sign(
    reference: DomainReference, features: Floats, prints: Ints, calls: Doubles, by_call: bool, seed: int = 0
) -> Sign:
    """Neighbours: do recent frames lie farther from those at adaptation than these do across prints?

    Args:
        reference: Of the frames at adaptation.
        features: (m, d) float32 of recent frames, by the same model.
        prints: (m,) print of each, 0 to q-1.
        calls: (q, K) probability of each class by all frames of each print.
        by_call: Compare only prints that are called alike, as frames of a print share one label.
        seed: For the bootstrap.
    """
    name = "neighbours"
    if few := _too_few(reference.n_prints, len(calls)):
        return _unheard(name, few)
    called_then, called_now = reference.calls.argmax(axis=1), calls.argmax(axis=1)
    if not by_call:
        called_then, called_now = np.zeros_like(called_then), np.zeros_like(called_now)
    inside: list[Doubles] = []
    outside: list[Doubles] = []
    for call in np.unique(called_then):
        then, now = called_then[reference.prints] == call, called_now[prints] == call
        if (called_then == call).sum() < LEAST_REFERENCE_PRINTS:
            continue
        index = NeighbourIndex(reference.features[then], reference.prints[then])
        own = _print_distances(index, reference.features[then], reference.prints[then], own=True)
        limit = max(float(np.quantile(own, QUANTILE)), 1e-6)
        inside.append(own / limit)
        outside.append(_print_distances(index, features[now], prints[now], own=False) / limit)
    n_heard = sum(map(len, outside))
    if n_heard < LEAST_RECENT_PRINTS:
        return _unheard(
            name, f"only {plural(n_heard, 'recent print')} of {len(calls)} had enough prints of the same call then"
        )
    where = "among the frames of prints that were called alike" if by_call else "among the frames"
    return _by_share_outside(name, np.concatenate(inside), np.concatenate(outside), seed, where)


def margin_sign(reference: DomainReference, margins: Doubles, counts: Ints, seed: int = 0) -> Sign:
    """Print margins: has the level of either class moved, whatever the share of faulty prints?

    Args:
        reference: Of the prints at adaptation, with a margin model.
        margins: (q,) of the recent prints, on the reference's scale; empty where margins say nothing.
        counts: (q,) their frames.
        seed: Decides the draws.
    """
    name = "print margins"
    if not len(reference.margin_model) or not len(reference.margins) or not len(margins):
        return _unheard(name, "margins need two classes, one label for each print, and source prints of both")
    if few := _too_few(reference.n_prints, len(margins)):
        return _unheard(name, few)
    model = unpacked(reference.margin_model)
    then = share_posterior(model, reference.margins, reference.counts, seed=seed).means
    now = share_posterior(model, margins, counts, seed=seed + 1).means
    moved = (now - then) / model.gap
    ends = np.quantile(moved, [0.05, 0.95], axis=0)
    # The class that says more: of one that neither time shows, the interval is wide.
    surest = int((ends[1] - ends[0]).argmin())
    clear = [k for k in (0, 1) if ends[0, k] > LEVEL_TOLERANCE or ends[1, k] < -LEVEL_TOLERANCE]
    k = clear[0] if clear else surest
    value = float(moved[:, k].mean())
    which = "good" if k == 0 else "faulty"
    way = "higher" if value > 0 else "lower"
    says = f"the margins of {which} prints lie {abs(value):.2f} class gaps {way} than at adaptation"
    return Sign(name, value, (float(ends[0, k]), float(ends[1, k])), LEVEL_TOLERANCE, bool(clear), True, says)


def packed(model: MarginModel | None) -> Doubles:
    """The numbers of a margin model, (10,); (0,) for ``None``."""
    if model is None:
        return np.zeros(0)
    ends = [model.shift_sd, model.scale_mean, model.scale_sd, model.freedom]
    return np.concatenate([model.means, model.between, model.within, ends])


def unpacked(numbers: Doubles) -> MarginModel:
    """What :func:`packed` was made from."""
    return MarginModel(numbers[0:2], numbers[2:4], numbers[4:6], *map(float, numbers[6:10]))


def _in_usual_steps(rows: Floats, known: Floats | None) -> Doubles:
    """Rows scaled so that, in any direction, a step that is usual between a known printer's prints has length one."""
    wide = rows.astype(np.float64)
    if known is None or len(known) < LEAST_REFERENCE_PRINTS:
        return wide
    _, sizes, directions = np.linalg.svd(known.astype(np.float64), full_matrices=False)
    spread = sizes / np.sqrt(len(known))
    floor = max(float(np.median(spread)), 1e-6)
    along = wide @ directions.T
    rest = wide - along @ directions
    return np.concatenate([along / np.hypot(spread, floor), rest / floor], axis=1)


def _print_distances(index: NeighbourIndex, features: Floats, prints: Ints, own: bool) -> Doubles:
    """Mean over each print's frames of the cosine distance to the last of five neighbours from other prints."""
    if not len(features):
        return np.zeros(0)
    found = index.search(features, _NEIGHBOURS, prints if own else None)
    last = np.maximum((found.rows >= 0).sum(axis=1) - 1, 0)
    return by_print(1.0 - found.similarity[np.arange(len(last)), last].astype(np.float64), prints)


def _by_share_outside(name: str, inside: Doubles, outside: Doubles, seed: int, where: str) -> Sign:
    """The share of recent prints beyond the .75 quantile of the prints at adaptation; bootstrap over prints of both."""
    interval = share_outside(inside, outside, seed)
    says = (
        f"{round(interval.value * len(outside))} of {plural(len(outside), 'recent print')} lie farther off than "
        f"{QUANTILE:.0%} of those at adaptation do from each other, {where}"
    )
    moved = interval.low > MOST_OUTSIDE
    return Sign(name, interval.value, (interval.low, interval.high), MOST_OUTSIDE, moved, True, says)


def share_outside(inside: Doubles, outside: Doubles, seed: int = 0) -> Interval:
    """Share of ``outside`` (q,) beyond the .75 quantile of ``inside`` (p,); 90 % bootstrap interval over both."""
    rng = np.random.default_rng([seed, 7])
    limits = np.quantile(inside[rng.integers(len(inside), size=(N_DRAWS, len(inside)))], QUANTILE, axis=1)
    drawn = outside[rng.integers(len(outside), size=(N_DRAWS, len(outside)))]
    low, high = np.quantile((drawn > limits[:, None]).mean(axis=1), [0.05, 0.95])
    value = float((outside > np.quantile(inside, QUANTILE)).mean())
    return Interval(value, min(float(low), value), max(float(high), value))


def _too_few(then: int, now: int) -> str | None:
    if then < LEAST_REFERENCE_PRINTS:
        return f"adapted to {plural(then, 'print')} only; it takes {LEAST_REFERENCE_PRINTS} to tell what is usual"
    if now < LEAST_RECENT_PRINTS:
        return f"only {plural(now, 'recent print')}; it takes {LEAST_RECENT_PRINTS}"
    return None


def _unheard(name: str, why: str) -> Sign:
    limit = LEVEL_TOLERANCE if name == "print margins" else MOST_OUTSIDE
    return Sign(name, 0.0, (0.0, 0.0), limit, False, False, why)
