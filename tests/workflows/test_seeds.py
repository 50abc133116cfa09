"""The same seed gives the same bytes; another seed gives others."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import adaptprint


def test_training_twice_with_one_seed_gives_the_same_bytes_and_another_seed_others(
    cli: Callable[..., Any],
    source: Path,
    known: Path,
    tiny_training: tuple[str, ...],
    digests: Callable[[Path], dict[str, str]],
    tmp_path: Path,
) -> None:
    settings = [word for pair in tiny_training for word in ("--set", pair)]
    result = cli("train", known, "--out", tmp_path / "again", *settings, "--json")
    assert result.code == 0, result.stderr
    assert result.json.keys() >= {"out", "classes", "steps", "validation", "by_printer", "held_out_printers"}
    assert digests(tmp_path / "again") == digests(source)
    adaptprint.train(known, out=tmp_path / "other", set=tiny_training, seed=1)
    assert digests(tmp_path / "other")["model.safetensors"] != digests(source)["model.safetensors"]


def test_adapting_twice_with_one_seed_gives_the_same_bytes_whether_frames_are_cached_or_not(
    source: Path,
    target: Path,
    run_folder: Path,
    tiny_dann: tuple[str, ...],
    digests: Callable[[Path], dict[str, str]],
    session_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "cache").mkdir()
    # Which number format is faster here was measured once; a second look on a busy machine might say otherwise.
    shutil.copy(session_cache / "precision.json", tmp_path / "cache")
    monkeypatch.setenv("ADAPTPRINT_CACHE", str(tmp_path / "cache"))
    adaptprint.adapt(source, target, out=tmp_path / "run", recipe="dann-prior", set=tiny_dann)
    assert digests(tmp_path / "run") == digests(run_folder)


def test_adapting_with_another_seed_gives_other_bytes(
    source: Path,
    target: Path,
    run_folder: Path,
    tiny_dann: tuple[str, ...],
    digests: Callable[[Path], dict[str, str]],
    tmp_path: Path,
) -> None:
    adaptprint.adapt(source, target, out=tmp_path / "run", recipe="dann-prior", set=tiny_dann, seed=1)
    model = "candidate/model.safetensors"
    assert digests(tmp_path / "run")[model] != digests(run_folder)[model]
