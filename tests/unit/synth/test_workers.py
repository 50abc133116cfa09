"""Workers: several processes at once, whose failures arrive as errors."""

import operator
import os
import pickle
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest

from adaptprint.synth.workers import run_in_workers, serve


def test_answers_carry_the_index_of_their_order() -> None:
    answers = run_in_workers(os.path.join, ["a", "b", "c"], Path("x"), 2)
    assert sorted(answers) == [(0, "a/x"), (1, "b/x"), (2, "c/x")]


def test_an_error_in_a_worker_is_raised_here() -> None:
    with pytest.raises(ZeroDivisionError):
        list(run_in_workers(operator.truediv, [1], cast("Path", 0), 1))


def test_a_worker_that_ends_early_is_an_error_and_no_hang() -> None:
    task: Any = os.execv
    with pytest.raises(OSError, match="ended early"):
        list(run_in_workers(task, ["/bin/false"], cast("Path", ["false"]), 2))


def test_a_worker_answers_until_its_requests_end() -> None:
    answers = BytesIO()
    requests = BytesIO(pickle.dumps((operator.add, 1, 2)) + pickle.dumps((operator.add, 3, "x")))
    serve(requests, answers)
    answers.seek(0)
    assert pickle.load(answers) == 3
    assert isinstance(pickle.load(answers), TypeError)
