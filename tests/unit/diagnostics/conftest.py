"""Evidence made to measure: what two models say of target and source is given number by number."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from adaptprint.diagnostics.evidence import Evidence, View
from adaptprint.frames.table import FrameRow, FrameTable, grouped
from adaptprint.models.embed import Embedding
from adaptprint.models.memory import SourceFrames

torch.set_num_threads(1)
Prints = Sequence[tuple[str, str, str | None, int]]
SOURCE: Prints = [("P1", "a", "good", 8), ("P1", "b", "bad", 8), ("P2", "c", "good", 8), ("P2", "d", "bad", 8)]
TARGET: Prints = [("T", f"t{i}", None, 6) for i in range(6)]
SOURCE_LABELS = np.repeat([0, 1, 0, 1], 8)
TARGET_TRUTH = np.repeat([0, 1, 0, 1, 0, 1], 6)


@pytest.fixture
def make_table() -> Callable[[Prints], FrameTable]:
    """A table from (printer, print, label, number of frames)."""

    def build(prints: Prints) -> FrameTable:
        rows = [
            FrameRow(f"/{printer}/{name}/{i}", f"{printer}/{name}/{i}", printer, name, None, label)
            for printer, name, label, n in prints
            for i in range(n)
        ]
        return FrameTable(grouped(rows), Path("/"), "prints")

    return build


def embedding(bad: np.ndarray, features: np.ndarray) -> Embedding:
    scores = np.stack([1 - bad, bad], axis=1)
    return Embedding(features.astype(np.float32), np.log(np.clip(scores, 1e-7, 1)).astype(np.float32))


@pytest.fixture
def sight() -> Callable[..., View]:
    """One model's view from the probability of `bad` that it gives each frame.

    By default its features lie in two clusters, one for each true class, and camera changes change nothing.
    """

    def clusters(labels: np.ndarray, seed: int) -> np.ndarray:
        noise = np.random.default_rng(seed).normal(0, 0.05, (len(labels), 4))
        return noise + np.eye(4)[labels]

    def build(
        bad: np.ndarray,
        source_bad: np.ndarray | None = None,
        varied: Sequence[np.ndarray] | None = None,
        features: np.ndarray | None = None,
        source_features: np.ndarray | None = None,
    ) -> View:
        source_bad = np.where(SOURCE_LABELS == 1, 0.9, 0.1) if source_bad is None else source_bad
        features = clusters(TARGET_TRUTH, 0) if features is None else features
        source_features = clusters(SOURCE_LABELS, 1) if source_features is None else source_features
        changed = [bad, bad] if varied is None else varied
        return View(
            embedding(source_bad, source_features),
            embedding(bad, features),
            tuple(embedding(each, features) for each in changed),
        )

    return build


@pytest.fixture
def make_evidence(make_table: Callable[[Prints], FrameTable]) -> Callable[..., Evidence]:
    def build(
        frozen: View,
        adapted: View,
        target: Prints = TARGET,
        held_out: Sequence[int] = (),
        with_source: bool = True,
        print_consensus: bool = True,
        threshold: float = 0.5,
        trained: bool = False,
    ) -> Evidence:
        table = make_table(SOURCE)
        source = SourceFrames(table, np.zeros((32, 1, 1, 3), np.uint8), np.isin(np.arange(32), held_out))
        return Evidence(
            source=source if with_source else None,
            source_labels=SOURCE_LABELS if with_source else SOURCE_LABELS[:0],
            target=make_table(target),
            classes=("good", "bad"),
            threshold=threshold,
            frozen=frozen,
            adapted=adapted,
            print_consensus=print_consensus,
            trained=trained,
        )

    return build


@pytest.fixture
def truth() -> np.ndarray:
    """(36,) true class of each target frame: six prints of six frames, good and bad in turn."""
    return TARGET_TRUTH


@pytest.fixture
def clear(truth: np.ndarray) -> np.ndarray:
    """What a model that is right and sure says of the target."""
    return np.where(truth == 1, 0.95, 0.05)


@pytest.fixture
def muddled(truth: np.ndarray) -> np.ndarray:
    """What a model says that is unsure, and wrong about two frames of each print."""
    wrong = np.arange(len(truth)) % 3 == 0
    return np.where((truth == 1) ^ wrong, 0.6, 0.4)
