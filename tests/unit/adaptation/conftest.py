"""Tiny adaptation tasks: a trunk with a ResNet's stage names, and printers that differ by their light."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from adaptprint.adaptation.recipe import Recipe
from adaptprint.adaptation.task import AdaptationTask
from adaptprint.frames.pixels import Pixels
from adaptprint.frames.table import FrameRow, FrameTable, grouped
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.checkpoint_config import CheckpointConfig, Provenance
from adaptprint.models.device import Compute
from adaptprint.models.memory import SourceFrames
from adaptprint.models.network import PrintNet, copy_state

torch.set_num_threads(1)
Prints = list[tuple[str, str, str | None, int]]
SOURCE: Prints = [
    ("P1", "a", "good", 3),
    ("P1", "b", "bad", 3),
    ("P2", "c", "good", 3),
    ("P2", "d", "bad", 3),
]
TARGET: Prints = [("T", "x", None, 5), ("T", "y", None, 2), ("T", "z", None, 3)]
RECIPE = Recipe(method="dann", steps=6, batch_size=6, snapshots=3, statistics_frames=12, discriminator_width=8)


@pytest.fixture
def network(tiny: None) -> PrintNet:
    torch.manual_seed(0)
    return PrintNet("resnet18", 2, 8).eval()


@pytest.fixture
def make_table() -> Callable[[Prints], FrameTable]:
    """A table from (printer, print, label, number of frames)."""

    def build(prints: Prints) -> FrameTable:
        rows = []
        for printer, name, label, n in prints:
            names = [f"{printer}/{name}/{i}.jpg" for i in range(n)]
            rows += [FrameRow(f"/{each}", each, printer, name, float(i), label) for i, each in enumerate(names)]
        return FrameTable(grouped(rows), Path("/"), "prints")

    return build


@pytest.fixture
def make_pixels(make_table: Callable[[Prints], FrameTable]) -> Callable[..., Pixels]:
    """Frames of 32 x 32 with noise around a brightness."""

    def build(prints: Prints, brightness: int = 100, seed: int = 0) -> Pixels:
        table = make_table(prints)
        noise = np.random.default_rng(seed).integers(-40, 40, (len(table), 32, 32, 3))
        return Pixels(table, (noise + brightness).astype(np.uint8), [], [])

    return build


@pytest.fixture
def checkpoint(network: PrintNet) -> Checkpoint:
    config = CheckpointConfig(
        arch="resnet18",
        classes=["good", "bad"],
        bottleneck=8,
        input_size=(32, 32),
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        provenance=Provenance(created="2026-01-01T00:00:00Z", command="train"),
    )
    return Checkpoint(config, copy_state(network))


@pytest.fixture
def make_task(
    checkpoint: Checkpoint, make_pixels: Callable[..., Pixels], compute: Compute, tmp_path: Path
) -> Callable[..., AdaptationTask]:
    """A task; keywords change the recipe, or the task where it has such a field."""

    def build(**changes: object) -> AdaptationTask:
        pixels = make_pixels(SOURCE, seed=1)
        fields = {
            "checkpoint": checkpoint,
            "source": SourceFrames(pixels.table, pixels.array, np.zeros(12, dtype=bool)),
            "target": make_pixels(TARGET, brightness=170, seed=2),
            "prior": np.array([0.5, 0.5]),
            "compute": compute,
            "seed": 0,
            "state_file": tmp_path / "state.pt",
            "fingerprint": "f",
            "resume": False,
            **{name: value for name, value in changes.items() if name in AdaptationTask.__dataclass_fields__},
        }
        recipe = {name: value for name, value in changes.items() if name in Recipe.model_fields}
        return AdaptationTask(recipe=RECIPE.model_copy(update=recipe), **fields)

    return build
