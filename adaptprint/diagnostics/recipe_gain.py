"""What a rehearsed recipe's next candidate is expected to gain: a regression on what is known of it without labels.

A candidate that changes more than the decision has no posterior of its gain. What there is: how candidates of the
recipe fared on printers that their source model did not know, and how each looked without labels. No label-free score
can be trusted by itself; so whether one says anything, which way it points and how far, is learned from those trials.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.special import stdtr, stdtrit  # of scipy.stats the import alone takes a third of a second

from adaptprint.adaptation.print_margins import Doubles
from adaptprint.diagnostics.rehearsed_recipes import Trial

_HARM = -0.01
# Before anything was rehearsed: as if this many printers had shown what candidates of any recipe come to, more often a
# loss than a gain, and as if one more had shown that no covariate says anything.
_BUILT_IN_PRINTERS, _USUAL_GAIN, _USUAL_SD = 3.0, -0.01, 0.05
_LEAST_SCALE = 1e-6
# Validators whose change is read; chosen on renders (docs/decisions/0020).
_READ = ("MMD",)


class RecipeExpectation(BaseModel):
    """What a candidate is expected to gain.

    Attributes:
        gain: Expected balanced accuracy on the printer's next prints, minus the source model's.
        low: Lower end of a 90 % interval.
        high: Its upper end.
        risk: Probability of losing more than one point.
        worth_knowing: What it would gain in the mean to know, before shipping, whether the candidate helps.
        printers: How many printers were rehearsed.
    """

    model_config = ConfigDict(frozen=True)

    gain: float
    low: float
    high: float
    risk: float
    worth_knowing: float
    printers: int


class RecipeRelation(BaseModel):
    """True gain as a plane over the covariates, with a spread: Bayesian regression, each printer counting once.

    Attributes:
        covariates: Names of the k covariates.
        scales: (k,) root mean square of each in the trials.
        least: (k,) smallest value of each in the trials, or zero; a candidate beyond is taken to stand there.
        most: (k,) largest value, likewise.
        mean: (1 + k,) gain where all covariates are zero, as of a candidate that changes nothing, and what one scale of
            each adds.
        covariance: (1 + k, 1 + k) of these, in units of the spread's square.
        spread: Of true gains about the plane.
        freedom: Degrees of freedom of the t distribution.
        printers: How many printers were rehearsed.
    """

    model_config = ConfigDict(frozen=True)

    covariates: tuple[str, ...]
    scales: tuple[float, ...]
    least: tuple[float, ...]
    most: tuple[float, ...]
    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    spread: float
    freedom: float
    printers: int

    def expect(self, covariates: Mapping[str, float]) -> RecipeExpectation:
        """The gain of a candidate that looks like this; a covariate that is not given counts as zero."""
        values = np.array([covariates.get(name, 0.0) for name in self.covariates])
        at = np.array([1.0, *np.clip(values, self.least, self.most) / self.scales])
        gain = float(at @ self.mean)
        sd = self.spread * float(np.sqrt(1 + at @ np.array(self.covariance) @ at))
        low, high, *gains = gain + sd * stdtrit(self.freedom, [0.05, 0.95, *((np.arange(400) + 0.5) / 400)])
        return RecipeExpectation(
            gain=gain,
            low=float(low),
            high=float(high),
            risk=float(stdtr(self.freedom, (_HARM - gain) / sd)),
            worth_knowing=float(np.maximum(gains, 0).mean() - max(gain, 0.0)),
            printers=self.printers,
        )


def covariates(changes: Mapping[str, float | None]) -> dict[str, float]:
    """What is known of a candidate without labels, and rehearsal learns to read: numbers by name.

    Whether a validator's assumption holds does not matter: where it failed, it failed in rehearsal too.

    Args:
        changes: What each validator gives the candidate more than the source model, by its name; ``None`` where it
            cannot be worked out.
    """
    return {name: change for name in _READ if (change := changes.get(name)) is not None}


def recipe_relation(trials: Sequence[Trial]) -> RecipeRelation | None:
    """Fits it to all trials of one recipe; ``None`` where there are none.

    A covariate that is not known of every trial, as of those of a former version, is not read.
    """
    if not trials:
        return None
    names = sorted(set.intersection(*(set(trial.covariates) for trial in trials)))
    values = np.array([[trial.covariates[name] for name in names] for trial in trials]).reshape(len(trials), len(names))
    gains = np.array([trial.gain for trial in trials])
    weights = _weights([trial.printer for trial in trials])
    scales = np.maximum(np.sqrt(weights @ values**2 / weights.sum()), _LEAST_SCALE)
    at = np.column_stack([np.ones(len(trials)), values / scales])
    precision = np.diag([_BUILT_IN_PRINTERS, *np.ones(len(names))])
    believed = np.array([_USUAL_GAIN, *np.zeros(len(names))])
    found = precision + (at.T * weights) @ at
    plane = np.linalg.solve(found, precision @ believed + at.T @ (weights * gains))
    squares = _BUILT_IN_PRINTERS * _USUAL_SD**2 + believed @ precision @ believed + weights @ gains**2
    freedom = _BUILT_IN_PRINTERS + weights.sum()
    return RecipeRelation(
        covariates=tuple(names),
        scales=tuple(scales.tolist()),
        least=tuple(np.minimum(values.min(axis=0), 0).tolist()),
        most=tuple(np.maximum(values.max(axis=0), 0).tolist()),
        mean=tuple(plane.tolist()),
        covariance=tuple(tuple(row) for row in np.linalg.inv(found).tolist()),
        spread=float(np.sqrt(max(squares - plane @ found @ plane, 0.0) / freedom)),
        freedom=float(freedom),
        printers=round(float(weights.sum())),
    )


def _weights(printers: Sequence[str]) -> Doubles:
    """(n,) weight of each trial: those of a printer add up to one."""
    counts: dict[str, int] = defaultdict(int)
    for printer in printers:
        counts[printer] += 1
    return np.array([1 / counts[printer] for printer in printers])
