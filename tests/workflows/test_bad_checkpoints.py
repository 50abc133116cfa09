"""Checkpoints, weights and recipes that cannot be trusted or do not exist; code inside a file is never run."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Adapt = Callable[..., str]


@pytest.fixture
def adapt_fails(
    cli: Callable[..., Any], fails: Callable[..., str], untouched: Callable[..., None], target: Path, tmp_path: Path
) -> Adapt:
    """Runs adapt from a bad source, checks how it ends and that nothing is left, and returns cause and fix."""

    def run(source: Path, *words: object, code: int = 4) -> str:
        out = tmp_path / "out" / "run"
        said = fails(cli("adapt", "--source", source, "--target", target, "--out", out, *words), code)
        untouched(out)
        assert not out.parent.exists()
        return said

    return run


class Boom:
    """Unpickling it writes a file."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.proof),)


def change_config(checkpoint: Path, **changes: object) -> None:
    file = checkpoint / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_a_missing_checkpoint_is_named(adapt_fails: Adapt, tmp_path: Path) -> None:
    assert "no_ckpt" in adapt_fails(tmp_path / "no_ckpt")


def test_a_folder_that_is_no_checkpoint_is_refused(adapt_fails: Adapt, target: Path) -> None:
    assert "config.json" in adapt_fails(target)


def test_a_checkpoint_of_a_newer_version_asks_for_an_upgrade(adapt_fails: Adapt, source_copy: Path) -> None:
    change_config(source_copy, format_version=99)
    assert "pip install -U" in adapt_fails(source_copy)


@pytest.mark.parametrize(
    "file", ["model.safetensors", "source_memory.safetensors", "source_moments.safetensors", "config.json"]
)
def test_a_truncated_checkpoint_is_refused_and_the_file_named(file: str, adapt_fails: Adapt, source_copy: Path) -> None:
    with (source_copy / file).open("r+b") as handle:
        handle.truncate((source_copy / file).stat().st_size // 2)
    assert file in adapt_fails(source_copy)


@pytest.mark.parametrize("file", ["model.safetensors", "source_memory.safetensors"])
def test_a_single_changed_byte_is_noticed(file: str, adapt_fails: Adapt, source_copy: Path) -> None:
    with (source_copy / file).open("r+b") as handle:
        handle.seek(-100, os.SEEK_END)
        byte = handle.read(1)[0]
        handle.seek(-1, os.SEEK_CUR)
        handle.write(bytes([byte ^ 1]))
    assert file in adapt_fails(source_copy)


def test_a_changed_setting_is_noticed(adapt_fails: Adapt, source_copy: Path) -> None:
    change_config(source_copy, threshold=0.9)
    assert "config.json was changed" in adapt_fails(source_copy)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"kind": "other"}', "[" * 100_000])
def test_a_config_that_is_none_is_refused(text: str, adapt_fails: Adapt, source_copy: Path) -> None:
    (source_copy / "config.json").write_text(text)
    adapt_fails(source_copy)


def test_a_missing_file_of_a_checkpoint_is_named(adapt_fails: Adapt, source_copy: Path) -> None:
    (source_copy / "model.safetensors").unlink()
    assert "model.safetensors" in adapt_fails(source_copy)


@pytest.mark.parametrize("digests_match", [False, True])
def test_code_in_the_place_of_weights_does_not_run(
    digests_match: bool, adapt_fails: Adapt, source_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof = tmp_path / "it_ran"
    if digests_match:
        monkeypatch.setattr("adaptprint.models.checkpoint.check_integrity", lambda *_checked: None)
    (source_copy / "model.safetensors").write_bytes(pickle.dumps(Boom(proof)))
    adapt_fails(source_copy)
    assert not proof.exists()


@pytest.mark.parametrize("zipped", [False, True])
def test_code_in_a_pickled_weights_file_does_not_run(
    zipped: bool, adapt_fails: Adapt, known: Path, tmp_path: Path
) -> None:
    import torch

    proof, file = tmp_path / "it_ran", tmp_path / "evil.pth"
    if zipped:
        torch.save({"conv1.weight": Boom(proof)}, file)
    else:
        file.write_bytes(pickle.dumps({"conv1.weight": Boom(proof)}))
    adapt_fails(file, "--source-data", known)
    assert not proof.exists()


def test_code_in_the_saved_state_of_a_run_does_not_run(
    cli: Callable[..., Any], fails: Callable[..., str], source: Path, target: Path, tmp_path: Path
) -> None:
    import torch

    proof, out = tmp_path / "it_ran", tmp_path / "run"
    state = tmp_path / ".run.unfinished" / "state.pt"
    state.parent.mkdir()
    torch.save({"fingerprint": "x", "content": Boom(proof)}, state)
    words = ("--source", source, "--target", target, "--out", out, "--recipe", "dann-prior")
    fails(cli("adapt", *words, "--resume"), 4)
    assert not proof.exists()
    assert not out.exists()


def test_bare_weights_without_source_data_are_refused(adapt_fails: Adapt, source: Path) -> None:
    assert "--source-data" in adapt_fails(source / "model.safetensors", code=2)


def test_weights_that_are_no_resnet_are_refused(adapt_fails: Adapt, known: Path, tmp_path: Path) -> None:
    import torch

    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    adapt_fails(tmp_path / "other.pth", "--source-data", known)


def test_weights_that_do_not_exist_are_a_missing_dependency(
    cli: Callable[..., Any], fails: Callable[..., str], known: Path, tmp_path: Path
) -> None:
    fails(cli("pack", "--weights", tmp_path / "gone.pth", "--source-data", known, "--out", tmp_path / "ckpt"), 3)
    fails(cli("train", known, "--init", tmp_path / "gone.pth", "--out", tmp_path / "ckpt"), 3)
    assert not (tmp_path / "ckpt").exists()


def test_an_adversarial_recipe_needs_source_frames_and_a_source_free_one_does_not(
    cli: Callable[..., Any], fails: Callable[..., str], source: Path, target: Path, tmp_path: Path
) -> None:
    from dataclasses import replace

    from adaptprint.models.checkpoint import load_checkpoint, save_checkpoint

    save_checkpoint(replace(load_checkpoint(source), memory=None), tmp_path / "bare")
    words = ("adapt", "--source", tmp_path / "bare", "--target", target, "--out", tmp_path / "run")
    assert "--source-data" in fails(cli(*words, "--recipe", "dann-prior"), 4)
    assert not (tmp_path / "run").exists()
    result = cli(*words, "--recipe", "bn-early", "--json")
    assert result.code == 0, result.stderr
    assert any("no source frames" in note for note in result.json["notes"])
    result = cli(*words, "--recipe", "calibrate", "--overwrite", "--json")
    assert result.code == 0, result.stderr
    assert result.json["verdict"] == "keep-source"
    assert "not calibrated" in result.json["reasons"][0]


def test_source_data_replaces_a_memory_that_is_not_there(
    cli: Callable[..., Any], source: Path, known: Path, target: Path, tmp_path: Path
) -> None:
    result = cli(
        "adapt", "--source", source, "--source-data", known, "--target", target, "--out", tmp_path / "run",
        "--recipe", "bn-early", "--json",
    )  # fmt: skip
    assert result.code == 0, result.stderr
    assert result.json["source"]["n_frames"] == 72


# --- recipes ----------------------------------------------------------------------------------------------------------


def test_an_unknown_recipe_is_refused_with_the_nearest_name(adapt_fails: Adapt, source: Path) -> None:
    assert "`dann`" in adapt_fails(source, "--recipe", "dan", code=2).splitlines()[1]


@pytest.mark.parametrize(("pair", "near"), [("step=5", "`steps`"), ("grl_maxx=1", "`grl_max`")])
def test_an_unknown_key_is_refused_with_the_nearest_name(
    pair: str, near: str, adapt_fails: Adapt, source: Path
) -> None:
    assert near in adapt_fails(source, "--set", pair, code=2).splitlines()[1]


@pytest.mark.parametrize("pair", ["steps", "steps=many", "steps=-1", "lr_trunk=-1", "lr_trunk=nan"])
def test_a_value_out_of_its_range_is_refused(pair: str, adapt_fails: Adapt, source: Path) -> None:
    assert pair.split("=")[0] in adapt_fails(source, "--set", pair, code=2)


@pytest.mark.parametrize("text", ["norms = ", 'align = "dann"\nstepz = 3', 'align = "cdam"', 'norms = "late"'])
def test_a_recipe_file_with_a_mistake_is_refused(text: str, adapt_fails: Adapt, source: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(text)
    adapt_fails(source, "--recipe", tmp_path / "mine.toml", code=2)


def test_a_recipe_file_that_does_not_exist_is_named(adapt_fails: Adapt, source: Path, tmp_path: Path) -> None:
    assert "mine.toml" in adapt_fails(source, "--recipe", tmp_path / "mine.toml", code=2)


@pytest.mark.parametrize("prior", ["all-god", "1.5", "0.8-0.2", "-", "nan"])
def test_a_prior_that_means_nothing_is_refused(prior: str, adapt_fails: Adapt, source: Path) -> None:
    assert prior in adapt_fails(source, f"--target-prior={prior}", code=2)


def test_training_settings_with_a_typo_are_refused_with_the_nearest_name(
    cli: Callable[..., Any], fails: Callable[..., str], known: Path, tmp_path: Path
) -> None:
    said = fails(cli("train", known, "--out", tmp_path / "ckpt", "--set", "batchsize=3"), 2)
    assert "`batch_size`" in said


def test_a_copied_recipe_runs_under_its_own_name(
    cli: Callable[..., Any], fails: Callable[..., str], source: Path, target: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.toml"
    assert cli("recipes", "copy", "source-only", mine).code == 0
    assert "exists" in fails(cli("recipes", "copy", "source-only", mine), 2)
    assert cli("recipes", "copy", "source-only", mine, "--overwrite").code == 0
    words = ("adapt", "--source", source, "--target", target, "--out", tmp_path / "run", "--recipe", mine, "--json")
    assert cli(*words).json["recipe"] == "mine"


# --- devices and cameras ----------------------------------------------------------------------------------------------


def test_cuda_asked_for_and_absent_is_a_missing_dependency(
    adapt_fails: Adapt, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "--device cpu" in adapt_fails(source, "--device", "cuda", code=3)


@pytest.mark.parametrize(
    "words",
    [
        ("--device", "gpu"),
        ("--threads", "0"),
        ("--crop", "0.5,0.5,0.9,0.9"),
        ("--crop", "1,2"),
        ("--rotate", "45"),
        ("--flip", "sideways"),
    ],
)
def test_an_option_that_means_nothing_is_refused(words: tuple[str, str], adapt_fails: Adapt, source: Path) -> None:
    assert words[0].strip("-") in adapt_fails(source, *words, code=2)


def test_a_model_and_a_baseline_of_different_kinds_cannot_be_compared(
    cli: Callable[..., Any], fails: Callable[..., str], source: Path, target: Path, tmp_path: Path
) -> None:
    from dataclasses import replace

    from adaptprint.models.checkpoint import load_checkpoint, save_checkpoint

    loaded = load_checkpoint(source)
    other = loaded.config.model_copy(update={"classes": ["good", "stringing"]})
    save_checkpoint(replace(loaded, config=other, memory=None), tmp_path / "other")
    fails(cli("diagnose", "--model", source, "--baseline", tmp_path / "other", "--target", target), 2)
    shutil.rmtree(tmp_path / "other")
