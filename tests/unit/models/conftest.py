"""Tiny networks, tables, frames and checkpoints: a trunk with a ResNet's stage names whose weights fill kilobytes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from adaptprint.frames.pixels import Pixels
from adaptprint.frames.table import FrameRow, FrameTable, grouped
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.checkpoint_config import CheckpointConfig, Provenance
from adaptprint.models.device import Compute
from adaptprint.models.memory import choose_memory
from adaptprint.models.moments import class_moments
from adaptprint.models.network import PrintNet, copy_state

torch.set_num_threads(1)
PRINTS = [
    ("P1", "a", "good", 4),
    ("P1", "b", "bad", 4),
    ("P1", "c", "good", 4),
    ("P1", "d", "bad", 4),
    ("P2", "a", "good", 4),
    ("P2", "b", "bad", 4),
    ("P2", "c", "good", 4),
    ("P2", "d", "bad", 4),
]
Prints = list[tuple[str, str, str | None, int]]


@pytest.fixture
def make_network(tiny: None) -> Callable[..., PrintNet]:
    def build(seed: int = 0, n_classes: int = 2, bottleneck: int | None = 8) -> PrintNet:
        torch.manual_seed(seed)
        return PrintNet("resnet18", n_classes, bottleneck).eval()

    return build


@pytest.fixture
def make_table(tmp_path: Path) -> Callable[..., FrameTable]:
    """A table from (printer, print, label, number of frames); nothing is written."""

    def build(prints: Prints = PRINTS, home: Path = tmp_path) -> FrameTable:
        rows = []
        for printer, name, label, n in prints:
            names = [f"{printer}/{name}/{i}.jpg" for i in range(n)]
            rows += [FrameRow(str(home / each), each, printer, name, float(i), label) for i, each in enumerate(names)]
        return FrameTable(grouped(rows), home, "prints")

    return build


@pytest.fixture
def make_pixels(make_table: Callable[..., FrameTable]) -> Callable[..., Pixels]:
    """Frames of 32 x 32: good ones reddish, bad ones bluish, each with noise of its own."""

    def build(prints: Prints = PRINTS, seed: int = 0, **where: Path) -> Pixels:
        table = make_table(prints, **where)
        rng = np.random.default_rng(seed)
        array = rng.integers(40, 120, (len(table), 32, 32, 3)).astype(np.uint8)
        for row, label in enumerate(table.data["label"]):
            array[row, :, :, 0 if label == "good" else 2] += 100
        return Pixels(table, array, [f"{row:064x}" for row in range(len(table))], [])

    return build


@pytest.fixture
def make_checkpoint(
    make_network: Callable[..., PrintNet], make_pixels: Callable[..., Pixels], compute: Compute
) -> Callable[..., Checkpoint]:
    def build(**where: Path) -> Checkpoint:
        pixels, network = make_pixels(**where), make_network()
        labels = pixels.table.label_codes(["good", "bad"])
        config = CheckpointConfig(
            arch="resnet18",
            classes=["good", "bad"],
            bottleneck=8,
            input_size=(32, 32),
            mean=(0.5, 0.5, 0.5),
            std=(0.25, 0.25, 0.25),
            threshold=0.4,
            metrics={"of_this_test": {"accuracy": 0.5, "auroc": None}},
            provenance=Provenance(created="2026-01-01T00:00:00Z", command="train", seed=3, printers=["P1", "P2"]),
        )
        return Checkpoint(
            config,
            copy_state(network),
            choose_memory(pixels, ["P1/a/0.jpg"], ["good", "bad"], seed=0),
            class_moments(network, pixels.array, labels, np.ones(len(labels)), compute),
        )

    return build
