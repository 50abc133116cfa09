"""Tiny adaptation tasks: a trunk with a ResNet's stage names, printers that differ by their light, striped faults."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from adaptprint.adaptation.batchnorm import take_target_statistics
from adaptprint.adaptation.prior import PriorEstimate, SourceScores, estimate_prior
from adaptprint.adaptation.prior_word import UNKNOWN
from adaptprint.adaptation.recipe import Recipe
from adaptprint.adaptation.task import AdaptationTask
from adaptprint.frames.pixels import Pixels
from adaptprint.frames.sampling import print_weights
from adaptprint.frames.table import FrameRow, FrameTable, grouped
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.checkpoint_config import CheckpointConfig, Provenance
from adaptprint.models.device import Compute
from adaptprint.models.embed import embed
from adaptprint.models.memory import SourceFrames
from adaptprint.models.moments import class_moments
from adaptprint.models.network import PrintNet, copy_state

torch.set_num_threads(1)
Prints = list[tuple[str, str, str | None, int]]
CLASSES = ["good", "bad"]
SOURCE: Prints = [(printer, f"{name}{i}", name, 2) for printer in ("P1", "P2") for i in range(3) for name in CLASSES]
TARGET: Prints = [("T", "good0", None, 3), ("T", "bad0", None, 1), ("T", "good1", None, 2), ("T", "bad1", None, 2)]
RECIPE = Recipe(
    norms="early", steps=6, align="dann", batch_size=6, snapshots=3, statistics_frames=12, discriminator_width=8
)


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
    """Frames of 32 x 32 with noise around a brightness; prints whose name starts with ``bad`` show stripes."""

    def build(prints: Prints, brightness: int = 100, seed: int = 0, stripes: float = 40, gain: float = 1.0) -> Pixels:
        table = make_table(prints)
        frames = np.random.default_rng(seed).integers(-30, 30, (len(table), 32, 32, 3)).astype(float)
        bad = np.array([name.startswith("bad") for name in table.data["print"]])
        frames[bad] += stripes * np.where(np.arange(32) % 4 < 2, 1, -1)[:, None]
        return Pixels(table, (brightness + gain * frames).clip(0, 255).astype(np.uint8), [], [])

    return build


@pytest.fixture(scope="session")
def learned() -> dict[str, dict[str, Tensor]]:
    """What the source model learned, once for all tests."""
    return {}


@pytest.fixture
def source(make_pixels: Callable[..., Pixels]) -> SourceFrames:
    """Two known printers with three prints of each class."""
    pixels = make_pixels(SOURCE, seed=1)
    return SourceFrames(pixels.table, pixels.array, np.zeros(len(SOURCE) * 2, dtype=bool))


@pytest.fixture
def checkpoint(
    network: PrintNet, source: SourceFrames, compute: Compute, learned: dict[str, dict[str, Tensor]]
) -> Checkpoint:
    """A model that tells stripes from plain frames on the source, with the source's moments."""
    config = CheckpointConfig(
        arch="resnet18",
        classes=CLASSES,
        bottleneck=8,
        input_size=(32, 32),
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        provenance=Provenance(created="2026-01-01T00:00:00Z", command="train"),
    )
    network.set_input(config.mean, config.std)
    labels = source.table.label_codes(CLASSES)
    if not learned:
        norms = [norm for _, norm in network.batch_norms()]
        take_target_statistics(network, norms, source.array, np.arange(len(source)), compute)
        features = torch.from_numpy(embed(network, source.array, compute).features)
        optimizer = torch.optim.Adam(network.classifier.parameters(), lr=0.05, weight_decay=0.01)
        for _ in range(200):
            optimizer.zero_grad()
            F.cross_entropy(network.classifier(features), torch.from_numpy(labels)).backward()
            optimizer.step()
        learned["state"] = copy_state(network)
        learned["moments"] = class_moments(network, source.array, labels, print_weights(source.table), compute)
    copies = ({name: value.clone() for name, value in learned[each].items()} for each in ("state", "moments"))
    state, moments = copies
    return Checkpoint(config, state, None, moments)


@pytest.fixture
def make_task(
    checkpoint: Checkpoint,
    source: SourceFrames,
    make_pixels: Callable[..., Pixels],
    compute: Compute,
    tmp_path: Path,
) -> Callable[..., AdaptationTask]:
    """A task; keywords change the recipe, or the task where it has such a field."""

    def build(**changes: object) -> AdaptationTask:
        recipe = changes.pop("recipe", RECIPE)
        assert isinstance(recipe, Recipe)
        fields = {
            "checkpoint": checkpoint,
            "source": source,
            "target": make_pixels(TARGET, brightness=170, seed=2),
            "prior": PriorEstimate(np.array([0.5, 0.5]), np.array([0.2, 0.2]), np.array([0.8, 0.8])),
            "compute": compute,
            "seed": 0,
            "state_file": tmp_path / "state.pt",
            "fingerprint": "f",
            "resume": False,
            **{name: value for name, value in changes.items() if name in AdaptationTask.__dataclass_fields__},
        }
        settings = {name: value for name, value in changes.items() if name in Recipe.model_fields}
        assert len(settings) + len(fields.keys() & changes.keys()) == len(changes)
        return AdaptationTask(recipe=Recipe(**{**recipe.model_dump(), **settings}), **fields)

    return build


@pytest.fixture
def make_read_task(make_task: Callable[..., AdaptationTask]) -> Callable[..., AdaptationTask]:
    """A task whose prior was read off the source model's scores, as the workflow does."""

    def build(**changes: object) -> AdaptationTask:
        task = make_task(**changes)
        network = task.checkpoint.network()
        scores = None
        if task.source is not None:
            labels = task.source.table.label_codes(task.checkpoint.config.classes)
            seen = embed(network, task.source.array, task.compute).probabilities
            scores = SourceScores(seen, task.source.table, labels, task.source.held_out)
        seen = embed(network, task.target.array, task.compute).probabilities
        prior = estimate_prior(seen, task.target.table, UNKNOWN, seed=task.seed, source=scores, known=task.print_labels)
        return make_task(**changes, prior=prior)

    return build
