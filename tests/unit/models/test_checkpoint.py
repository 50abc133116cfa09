"""Checkpoints: what goes in comes out, and nothing of the machine that wrote them."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from adaptprint.errors import OutputError
from adaptprint.models.checkpoint import Checkpoint, halve, load_checkpoint, save_checkpoint, state_digest
from adaptprint.models.checkpoint_config import CheckpointConfig, Provenance
from adaptprint.models.network import PrintNet, copy_state

BuildCheckpoint = Callable[..., Checkpoint]


def test_a_checkpoint_comes_back_as_it_was_saved(make_checkpoint: BuildCheckpoint, tmp_path: Path) -> None:
    saved = make_checkpoint()
    written = save_checkpoint(saved, tmp_path / "ckpt")
    loaded = load_checkpoint(tmp_path / "ckpt")
    assert loaded.config == written
    assert loaded.config.model_copy(update={"integrity": {}}) == saved.config
    assert loaded.digest == saved.digest
    assert saved.moments is not None
    assert loaded.moments is not None
    assert loaded.moments.keys() == saved.moments.keys()
    assert all(torch.equal(loaded.moments[name], value) for name, value in saved.moments.items())
    assert saved.memory is not None
    assert loaded.memory is not None
    assert loaded.memory.table.data["name"].to_list() == saved.memory.table.data["name"].to_list()
    images = torch.rand(3, 3, 32, 32)
    assert torch.equal(loaded.network()(images), saved.network()(images))


def test_halved_weights_take_half_the_bytes_and_come_back_as_the_same_numbers(
    make_checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    whole = make_checkpoint()
    halved = Checkpoint(whole.config, halve(whole.state), whole.memory, whole.moments)
    save_checkpoint(whole, tmp_path / "whole")
    save_checkpoint(halved, tmp_path / "halved")
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("whole", "halved")]
    assert sizes[0] - sizes[1] >= 2 * sum(value.numel() for value in whole.state.values() if value.ndim >= 2)
    loaded = load_checkpoint(tmp_path / "halved")
    assert all(value.dtype == halved.state[name].dtype for name, value in loaded.state.items())
    assert loaded.digest == halved.digest != whole.digest
    assert all(torch.allclose(value, whole.state[name], atol=1e-3) for name, value in loaded.state.items())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_all_files_of_a_checkpoint_may_be_read_by_the_same_people(
    make_checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    save_checkpoint(make_checkpoint(), tmp_path / "ckpt")
    (tmp_path / "plain").touch()
    modes = {file.stat().st_mode for file in (tmp_path / "ckpt").iterdir()}
    assert modes == {(tmp_path / "plain").stat().st_mode}


def test_saving_a_loaded_checkpoint_gives_the_same_bytes_of_weights(
    make_checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    save_checkpoint(make_checkpoint(), tmp_path / "first")
    save_checkpoint(load_checkpoint(tmp_path / "first"), tmp_path / "second")
    for name in ("model.safetensors", "source_moments.safetensors"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_the_same_checkpoint_is_saved_to_the_same_bytes_whatever_the_memory_layout(
    make_checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    checkpoint = make_checkpoint()
    state = {
        name: value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value
        for name, value in checkpoint.state.items()
    }
    other = Checkpoint(checkpoint.config, state, checkpoint.memory, checkpoint.moments)
    assert other.digest == checkpoint.digest
    save_checkpoint(checkpoint, tmp_path / "first")
    save_checkpoint(other, tmp_path / "second")
    for file in sorted((tmp_path / "first").iterdir()):
        assert file.read_bytes() == (tmp_path / "second" / file.name).read_bytes(), file.name


def test_the_mean_and_deviation_of_the_config_reach_the_network(make_checkpoint: BuildCheckpoint) -> None:
    network = make_checkpoint().network()
    assert not network.training
    assert network.mean.flatten().tolist() == [0.5, 0.5, 0.5]
    assert network.std.flatten().tolist() == [0.25, 0.25, 0.25]


def test_a_checkpoint_holds_no_path_of_the_machine_that_wrote_it(
    make_checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    home = tmp_path / "home_of_jane_doe"
    save_checkpoint(make_checkpoint(home=home), tmp_path / "ckpt")
    for file in (tmp_path / "ckpt").iterdir():
        content = file.read_bytes()
        assert b"jane_doe" not in content, file.name
        assert str(tmp_path).encode() not in content, file.name
    loaded = load_checkpoint(tmp_path / "ckpt")
    assert loaded.memory is not None
    assert set(loaded.memory.table.paths) == {""}


def test_a_checkpoint_is_four_files_and_a_card(make_checkpoint: BuildCheckpoint, tmp_path: Path) -> None:
    save_checkpoint(make_checkpoint(), tmp_path / "ckpt")
    assert sorted(path.name for path in (tmp_path / "ckpt").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "source_memory.safetensors",
        "source_moments.safetensors",
    ]
    card = (tmp_path / "ckpt" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\n")
    integrity = json.loads((tmp_path / "ckpt" / "config.json").read_text(encoding="utf-8"))["integrity"]
    assert set(integrity) == {
        "config.json",
        "model.safetensors",
        "source_memory.safetensors",
        "source_moments.safetensors",
    }


def test_a_checkpoint_without_memory_and_moments_loads(make_checkpoint: BuildCheckpoint, tmp_path: Path) -> None:
    full = make_checkpoint()
    save_checkpoint(Checkpoint(full.config, full.state), tmp_path / "ckpt")
    loaded = load_checkpoint(tmp_path / "ckpt")
    assert loaded.memory is None
    assert not loaded.moments
    assert loaded.digest == full.digest


def test_a_memory_left_from_an_older_checkpoint_does_not_survive_a_save(
    make_checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    full = make_checkpoint()
    save_checkpoint(full, tmp_path / "ckpt")
    save_checkpoint(Checkpoint(full.config, full.state), tmp_path / "ckpt")
    assert load_checkpoint(tmp_path / "ckpt").memory is None


def test_the_digest_tells_any_other_weights_and_names_apart(make_checkpoint: BuildCheckpoint) -> None:
    state = make_checkpoint().state
    digest = state_digest(state)
    assert state_digest(dict(reversed(state.items()))) == digest
    changed = {name: value.clone() for name, value in state.items()}
    changed["classifier.bias"][0] += 1e-7
    assert state_digest(changed) != digest
    renamed = {name.replace("classifier", "head"): value for name, value in state.items()}
    assert state_digest(renamed) != digest


def test_a_full_disk_leaves_the_old_checkpoint_loadable(make_checkpoint: BuildCheckpoint, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    old = make_checkpoint()
    save_checkpoint(old, tmp_path / "ckpt")
    new = Checkpoint(old.config.model_copy(update={"threshold": 0.9}), old.state, old.memory, old.moments)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, hard))
    try:
        with pytest.raises(OutputError):
            save_checkpoint(new, tmp_path / "ckpt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert load_checkpoint(tmp_path / "ckpt").config.threshold == 0.4
    assert [path.name for path in tmp_path.iterdir()] == ["ckpt"]


def test_a_real_resnet_makes_the_round_trip(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = PrintNet("resnet18", 3, None)
    config = CheckpointConfig(
        arch="resnet18",
        classes=["a", "b", "c"],
        bottleneck=None,
        input_size=(32, 64),
        mean=(0.4, 0.4, 0.4),
        std=(0.2, 0.2, 0.2),
        provenance=Provenance(created="2026-01-01T00:00:00Z", command="pack"),
    )
    save_checkpoint(Checkpoint(config, copy_state(network)), tmp_path / "ckpt")
    loaded = load_checkpoint(tmp_path / "ckpt").network()
    with torch.inference_mode():
        scores = loaded(torch.rand(1, 3, 32, 64)).numpy()
    assert scores.shape == (1, 3)
    assert np.isfinite(scores).all()
