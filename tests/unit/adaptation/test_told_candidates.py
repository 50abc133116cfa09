"""What a checkpoint tells of the candidate that it was: read back, and refused where it is no such thing."""

import pytest

from adaptprint.adaptation.print_decision import PrintDecision
from adaptprint.adaptation.task import Candidate
from adaptprint.errors import BadDataError


def test_a_candidate_is_told_and_read_back() -> None:
    decision = PrintDecision(0.5, 0.1, 0.0, 0.2, 0.05)
    told = Candidate("bn-early, calibrated", {}, "early", True, False, decision)
    assert Candidate.from_dict(told.to_dict(), {}) == told
    assert Candidate.from_dict({}, {}) == Candidate("model", {})


@pytest.mark.parametrize("decision", [3, "x", [1, 2], {}, {"margin": 1}, {"margin": "x"}, {"other": 1.0}])
def test_a_decision_that_is_none_is_our_own_error(decision: object) -> None:
    with pytest.raises(BadDataError, match="decision cannot be read"):
        Candidate.from_dict({"name": "x", "decision": decision}, {})
