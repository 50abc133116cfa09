"""What a checkpoint's network makes of frames is worked out once, and again where anything it depends on changes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from adaptprint.models import kept_embeddings
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.device import Compute
from adaptprint.models.embed import Embedding, Frames, embed
from adaptprint.models.kept_embeddings import embed_once
from adaptprint.models.network import PrintNet
from adaptprint.reporting.progress import Progress

BuildCheckpoint = Callable[..., Checkpoint]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADAPTPRINT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ADAPTPRINT_CACHE_GB", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of frames that networks looked at."""
    numbers: list[int] = []

    def counted(network: PrintNet, frames: Frames, compute: Compute, **words: object) -> Embedding:
        numbers.append(len(frames))
        return embed(network, frames, compute)

    monkeypatch.setattr(kept_embeddings, "embed", counted)
    return numbers


@pytest.fixture
def frames() -> Frames:
    return np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3)).astype(np.uint8)


def test_the_second_look_is_the_first_ones_bits_without_the_network(
    make_checkpoint: BuildCheckpoint, compute: Compute, frames: Frames, looked_at: list[int]
) -> None:
    checkpoint, heard = make_checkpoint(), list[Progress]()
    first = embed_once(checkpoint, frames, compute)
    second = embed_once(checkpoint, frames, compute, progress=heard.append, stage="looking")
    assert looked_at == [6]
    assert np.array_equal(first.features, second.features)
    assert np.array_equal(first.logits, second.logits)
    assert second.features.flags.writeable
    assert [(event.stage, event.done, event.total) for event in heard] == [("looking", 6, 6)]


def test_it_is_what_the_network_itself_makes_of_them(
    make_checkpoint: BuildCheckpoint, compute: Compute, frames: Frames
) -> None:
    checkpoint = make_checkpoint()
    found, expected = embed_once(checkpoint, frames, compute), embed(checkpoint.network(), frames, compute)
    assert np.array_equal(found.features, expected.features)
    assert np.array_equal(found.logits, expected.logits)


def test_other_weights_input_or_frames_are_looked_at_anew(
    make_checkpoint: BuildCheckpoint, compute: Compute, frames: Frames, looked_at: list[int]
) -> None:
    checkpoint = make_checkpoint()
    weights = {**checkpoint.state, "classifier.bias": checkpoint.state["classifier.bias"] + 1}
    darker = checkpoint.config.model_copy(update={"mean": (0.1, 0.1, 0.1)})
    for model in (checkpoint, replace(checkpoint, state=weights), replace(checkpoint, config=darker)):
        embed_once(model, frames, compute)
    embed_once(checkpoint, frames[::-1], compute)
    embed_once(checkpoint, frames[:5], compute)
    assert looked_at == [6, 6, 6, 6, 5]


def test_another_number_format_or_number_of_threads_rounds_otherwise_and_is_kept_apart(
    make_checkpoint: BuildCheckpoint, compute: Compute, frames: Frames, looked_at: list[int]
) -> None:
    checkpoint = make_checkpoint()
    embed_once(checkpoint, frames, compute)
    embed_once(checkpoint, frames, replace(compute, precision="bf16"))
    torch.set_num_threads(2)
    try:
        embed_once(checkpoint, frames, compute)
    finally:
        torch.set_num_threads(1)
    assert looked_at == [6, 6, 6]


def test_a_damaged_entry_is_made_again(
    make_checkpoint: BuildCheckpoint, compute: Compute, frames: Frames, looked_at: list[int], own_cache: Path
) -> None:
    checkpoint = make_checkpoint()
    first = embed_once(checkpoint, frames, compute)
    (entry,) = (file for file in own_cache.rglob("*") if file.is_file())
    entry.write_bytes(entry.read_bytes()[:-1] + b"?")
    again = embed_once(checkpoint, frames, compute)
    assert looked_at == [6, 6]
    assert np.array_equal(first.logits, again.logits)


def test_a_limit_of_zero_keeps_nothing(
    make_checkpoint: BuildCheckpoint,
    compute: Compute,
    frames: Frames,
    looked_at: list[int],
    own_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ADAPTPRINT_CACHE_GB", "0")
    for _ in range(2):
        embed_once(make_checkpoint(), frames, compute)
    assert looked_at == [6, 6]
    assert not own_cache.exists()


def test_no_frames_give_an_empty_embedding_of_the_right_width(
    make_checkpoint: BuildCheckpoint, compute: Compute
) -> None:
    for _ in range(2):
        found = embed_once(make_checkpoint(), np.zeros((0, 32, 32, 3), np.uint8), compute)
        assert found.features.shape == (0, 8)
        assert found.logits.shape == (0, 2)
