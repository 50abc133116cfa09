"""How strong the adversary is at each step."""

import math

import pytest

from adaptprint.adaptation.schedule import governed_rate, grl_weight


def test_the_adversary_starts_at_nothing_and_rises_to_its_maximum() -> None:
    weights = [grl_weight(step, 50, 0.3) for step in range(50)]
    assert weights[0] == 0
    assert weights == sorted(weights)
    assert weights[-1] == pytest.approx(0.3, rel=1e-3)


def test_the_ramp_depends_on_the_share_of_the_planned_steps_not_on_their_number() -> None:
    for share in (0.1, 0.25, 0.5):
        expected = 2 / (1 + math.exp(-10 * share)) - 1
        for steps in (21, 1001):
            assert grl_weight(round(share * (steps - 1)), steps, 1.0) == pytest.approx(expected, rel=1e-6)


def test_gamma_makes_the_ramp_steeper() -> None:
    assert grl_weight(5, 50, 1.0, gamma=2.0) < grl_weight(5, 50, 1.0, gamma=20.0)


def test_a_run_of_one_step_has_no_adversary() -> None:
    assert grl_weight(0, 1, 1.0) == 0


@pytest.mark.parametrize(
    ("accuracy", "factor"), [(0.0, 1), (0.5, 1), (0.75, 1), (0.85, 0.5), (0.94, 0.05), (0.95, 0.05), (1.0, 0.05)]
)
def test_a_discriminator_that_wins_is_slowed_down_but_never_stopped(accuracy: float, factor: float) -> None:
    assert governed_rate(accuracy) == pytest.approx(factor)
