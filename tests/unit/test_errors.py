"""Errors carry cause, fix and exit code, also across processes."""

import pickle

import pytest

from adaptprint import errors


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.AdaptprintError, 1),
        (errors.UsageError, 2),
        (errors.MissingDependencyError, 3),
        (errors.BadDataError, 4),
        (errors.OutputError, 4),
        (errors.NotShippedError, 5),
        (errors.InterruptedRunError, 130),
    ],
)
def test_each_kind_has_its_documented_exit_code_and_survives_a_process_border(
    kind: type[errors.AdaptprintError], code: int
) -> None:
    error = kind("the disk is full", "Free some space.")
    assert error.exit_code == code
    other = pickle.loads(pickle.dumps(error))
    assert type(other) is kind
    assert (other.cause, other.fix) == ("the disk is full", "Free some space.")
    assert str(error) == "the disk is full\nFree some space."
