"""Adapting an adapted model: from its source again, unless --continue says otherwise."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import adaptprint
from adaptprint.models.checkpoint import load_checkpoint, save_checkpoint


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def provenance(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "config.json").read_text())["provenance"]
    return content


@pytest.fixture(scope="module")
def adapted(source: Path, target: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run of a recipe that changes statistics. Tests only read it."""
    folder = tmp_path_factory.mktemp("adapted")
    yield adaptprint.adapt(source, target, out=folder / "run", recipe="bn-early")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("first", ["bn-early", "dann-prior"])
def test_an_adapted_model_is_adapted_from_its_source_to_the_same_bytes(
    first: str, adapted: Any, run_folder: Path, source: Path, target: Path, tmp_path: Path
) -> None:
    given = {"bn-early": adapted.out, "dann-prior": run_folder}[first] / "candidate"
    assert weights(given) != weights(source)
    again = adaptprint.adapt(given, target, out=tmp_path / "again", recipe="bn-early")
    assert weights(again.out / "candidate") == weights(adapted.out / "candidate")
    digest = load_checkpoint(source).digest
    assert again.to_dict()["source"]["digest"] == provenance(again.out / "candidate")["parent_digest"] == digest
    assert "starts from its source model again" in again.to_dict()["notes"][0]


def test_a_kept_source_of_an_adapted_model_is_the_source_with_its_own_history(
    run_folder: Path, source: Path, target: Path, tmp_path: Path
) -> None:
    again = adaptprint.adapt(run_folder / "candidate", target, out=tmp_path / "again", recipe="source-only")
    assert again.verdict == "keep-source"
    assert weights(again.checkpoint) == weights(source)
    assert provenance(again.checkpoint) == provenance(source)
    assert load_checkpoint(again.checkpoint).config.metrics == load_checkpoint(source).config.metrics


def test_continue_starts_from_the_adapted_weights_and_keeps_the_first_source(
    cli: Callable[..., Any], adapted: Any, source: Path, target: Path, tmp_path: Path
) -> None:
    words = ("--source", adapted.out / "candidate", "--target", target, "--out", tmp_path / "on", "--continue")
    result = cli("adapt", *words, "--recipe", "bn", "--json")
    assert result.code == 0, result.stderr
    assert (
        provenance(tmp_path / "on" / "candidate")["parent_digest"] == load_checkpoint(adapted.out / "candidate").digest
    )
    assert "--continue" in result.json["notes"][0]
    back = adaptprint.adapt(tmp_path / "on" / "candidate", target, out=tmp_path / "back", recipe="bn-early")
    assert weights(back.out / "candidate") == weights(adapted.out / "candidate")
    assert back.to_dict()["source"]["digest"] == load_checkpoint(source).digest


def test_a_model_adapted_before_checkpoints_carried_their_source_needs_a_word(
    cli: Callable[..., Any], fails: Callable[..., str], adapted: Any, target: Path, tmp_path: Path
) -> None:
    loaded = load_checkpoint(adapted.out / "candidate")
    config = loaded.config.model_copy(update={"origin": None})
    save_checkpoint(replace(loaded, config=config, origin=None, reference=None), tmp_path / "old")
    words = ("adapt", "--source", tmp_path / "old", "--target", target, "--out", tmp_path / "run")
    words = (*words, "--recipe", "source-only")
    assert "--continue" in fails(cli(*words), 4)
    assert cli(*words, "--continue").code == 0
    assert weights(tmp_path / "run" / "candidate") == weights(tmp_path / "old")
