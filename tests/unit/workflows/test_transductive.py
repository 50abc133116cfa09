"""Transductive calls of more than two classes: no shift is known, the class shares weigh."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from adaptprint.adaptation.prior import SourceScores
from adaptprint.adaptation.prior_word import PriorWord
from adaptprint.adaptation.task import Candidate
from adaptprint.errors import BadDataError
from adaptprint.frames.table import FrameRow, FrameTable, grouped
from adaptprint.workflows import transductive

WORD = PriorWord(0.0, 0.0, "all-good")


def table_of(n_prints: int, printer: str) -> FrameTable:
    """One frame of each print."""
    rows = [FrameRow(f"/{n}.jpg", f"{n}.jpg", printer, f"{printer}{n}") for n in range(n_prints)]
    return FrameTable(grouped(rows), Path(printer), "prints")


def source_of(n_prints: int) -> SourceScores:
    """Prints of each of three classes, told apart well."""
    labels = np.repeat([0, 1, 2], n_prints)
    scores = np.random.default_rng(0).dirichlet(np.ones(3), len(labels)) * 0.2 + 0.8 * np.eye(3)[labels]
    return SourceScores(scores.astype(np.float32), table_of(len(labels), "S"), labels, np.ones(len(labels), bool))


def call(scores: Any, source: SourceScores, monkeypatch: pytest.MonkeyPatch) -> transductive.TransductiveCalls:
    """The calls of one frame each of as many prints, seen in the light of this source."""

    def look(*_: Any) -> Any:
        return SimpleNamespace(scores=source)

    monkeypatch.setattr(transductive, "look_at_source", look)
    monkeypatch.setattr(transductive, "as_candidate", lambda checkpoint: Candidate("model", checkpoint.state))
    checkpoint: Any = SimpleNamespace(memory=source, state={})
    nothing: Any = None
    return transductive.call_together(
        checkpoint, table_of(len(scores), "T"), np.float32(scores), WORD, nothing, nothing
    )


def test_an_undecided_print_of_three_classes_goes_to_the_class_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    found = call([[0.05, 0.05, 0.9]] * 8 + [[0.45, 0.1, 0.45]], source_of(8), monkeypatch)
    assert found.prints[-1].argmax() == found.frames[-1].argmax() == 2
    assert found.frames[-1, 2] > 0.6
    np.testing.assert_allclose(found.frames.sum(1), 1)
    assert found.to_dict()["shift"] is None
    assert found.share == pytest.approx([0, 0, 1], abs=0.1)
    assert np.shape(found.interval) == (2, 3)
    assert any("two classes" in note for note in found.notes)


def test_a_memory_of_too_few_prints_of_a_class_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadDataError, match="too few prints"):
        call([[0.05, 0.05, 0.9]] * 4, source_of(2), monkeypatch)


def test_fewer_than_three_readable_prints_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadDataError, match="3 prints or more"):
        call([[0.05, 0.05, 0.9]] * 2, source_of(8), monkeypatch)
