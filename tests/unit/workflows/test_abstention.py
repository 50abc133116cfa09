"""Why a call is an abstention."""

import numpy as np
import pytest

from adaptprint.workflows.abstention import reasons

CONFIDENCE = np.array([0.55, 0.6, 0.99, 0.5])
OUTSIDE = np.array([False, False, True, True])


@pytest.mark.parametrize(
    ("outside", "expected"),
    [
        (None, ["unsure", "", "", "unsure"]),
        (OUTSIDE, ["unsure", "", "outside source support", "unsure; outside source support"]),
    ],
)
def test_every_reason_is_named_and_support_only_where_it_was_asked_for(outside, expected) -> None:
    assert reasons(CONFIDENCE, 0.6, outside) == expected


def test_no_calls_have_no_reasons() -> None:
    assert reasons(CONFIDENCE[:0], 0.6, OUTSIDE[:0]) == []
