"""Known prints in the estimate of the class shares, for more than two classes."""

from pathlib import Path

import numpy as np
import pytest

from adaptprint.adaptation.prior import SourceScores, estimate_prior
from adaptprint.adaptation.prior_word import UNKNOWN
from adaptprint.frames.table import FrameRow, FrameTable, grouped


def table_of(n_prints: int, printer: str) -> FrameTable:
    """One frame of each print."""
    rows = [FrameRow(f"/{n}.jpg", f"{n}.jpg", printer, f"{printer}{n}") for n in range(n_prints)]
    return FrameTable(grouped(rows), Path(printer), "prints")


@pytest.fixture
def source() -> SourceScores:
    """Eight prints of each of three classes, told apart well."""
    labels = np.repeat([0, 1, 2], 8)
    scores = np.random.default_rng(0).dirichlet(np.ones(3), len(labels)) * 0.2 + 0.8 * np.eye(3)[labels]
    return SourceScores(scores.astype(np.float32), table_of(len(labels), "S"), labels, np.ones(len(labels), bool))


def test_known_prints_are_certain_and_move_the_shares_of_three_classes(source: SourceScores) -> None:
    scores = np.full((6, 3), 1 / 3, dtype=np.float32)
    known = np.array([2, 2, -1, -1, 0, -1])
    without = estimate_prior(scores, table_of(6, "T"), UNKNOWN, source=source)
    found = estimate_prior(scores, table_of(6, "T"), UNKNOWN, source=source, known=known)
    assert found.print_posteriors is not None
    assert found.print_posteriors[[0, 1, 4]].tolist() == [[0, 0, 1], [0, 0, 1], [1, 0, 0]]
    np.testing.assert_allclose(found.print_posteriors.sum(1), 1)
    assert found.shares[2] > without.shares[2] + 0.1
    assert found.shares[2] > found.shares[0] > found.shares[1]
