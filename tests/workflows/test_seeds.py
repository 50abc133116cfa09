"""The same seed gives the same bytes; another seed gives others."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import adaptprint


def test_training_twice_with_one_seed_gives_the_same_bytes_and_another_seed_others(
    source: Path,
    known: Path,
    tiny_training: tuple[str, ...],
    digests: Callable[[Path], dict[str, str]],
    tmp_path: Path,
) -> None:
    adaptprint.train(known, out=tmp_path / "again", set=tiny_training)
    assert digests(tmp_path / "again") == digests(source)
    adaptprint.train(known, out=tmp_path / "other", set=tiny_training, seed=1)
    assert digests(tmp_path / "other")["model.safetensors"] != digests(source)["model.safetensors"]


def test_adapting_twice_with_one_seed_gives_the_same_bytes_and_another_seed_others(
    source: Path,
    target: Path,
    run_folder: Path,
    tiny_dann: tuple[str, ...],
    digests: Callable[[Path], dict[str, str]],
    tmp_path: Path,
) -> None:
    adaptprint.adapt(source, target, out=tmp_path / "again", recipe="dann", set=tiny_dann)
    assert digests(tmp_path / "again") == digests(run_folder)
    adaptprint.adapt(source, target, out=tmp_path / "other", recipe="dann", set=tiny_dann, seed=1)
    model = "candidate/model.safetensors"
    assert digests(tmp_path / "other")[model] != digests(run_folder)[model]


def test_a_fresh_cache_of_decoded_frames_changes_nothing(
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
    adaptprint.adapt(source, target, out=tmp_path / "run", recipe="dann", set=tiny_dann)
    assert digests(tmp_path / "run") == digests(run_folder)
