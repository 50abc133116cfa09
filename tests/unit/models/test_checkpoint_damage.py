"""Checkpoints that cannot be trusted: cut, changed, newer, forged. None runs code, none ends in a traceback."""

import hashlib
import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from adaptprint.adaptation.print_decision import decided_at
from adaptprint.errors import AdaptprintError, BadDataError
from adaptprint.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from adaptprint.models.checkpoint_config import FORMAT_VERSION, CheckpointConfig
from adaptprint.models.domain_reference import DomainReference
from adaptprint.models.memory import read_memory
from adaptprint.models.moments import moments_at_prior
from adaptprint.models.origin import with_origin

TENSOR_FILES = (
    "model.safetensors",
    "source_memory.safetensors",
    "source_moments.safetensors",
    "origin.safetensors",
    "adapted_on.safetensors",
)
fuzz = settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
Edits = list[tuple[str, float, bytes]]
edits = st.lists(
    st.tuples(st.sampled_from(["cut", "put", "set"]), st.floats(0, 1), st.binary(min_size=1, max_size=4)),
    min_size=1,
    max_size=3,
)


def mutated(data: bytes, changes: Edits) -> bytes:
    for kind, place, content in changes:
        at = int(place * len(data))
        rest = data[at:] if kind == "put" else data[at + len(content) :]
        data = data[:at] + (b"" if kind == "cut" else content) + rest
    return data


@pytest.fixture
def folder(make_checkpoint: Callable[..., Checkpoint], tmp_path: Path) -> Path:
    source = make_checkpoint()
    adapted = Checkpoint(source.config, decided_at(source.state, 1.0), source.memory, source.moments)
    frames, prints, seen = np.eye(4, 8, dtype=np.float32), np.array([0, 0, 1, 1]), np.zeros((2, 32), np.float32)
    calls, none = np.full((2, 2), 0.5), np.zeros(0)
    reference = DomainReference(frames, prints, seen, calls, none, none.astype(np.int64), none)
    save_checkpoint(replace(with_origin(adapted, source), reference=reference), tmp_path / "ckpt")
    return tmp_path / "ckpt"


def content_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return content


def write_config(folder: Path, content: object) -> None:
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")


def seal(folder: Path, **changes: object) -> None:
    """Changes config.json and makes every digest right again, as a forger would."""
    content = {**content_of(folder), **changes}
    integrity = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in TENSOR_FILES
        if (folder / name).exists()
    }
    config = CheckpointConfig.model_validate({**content, "integrity": integrity})
    text = json.dumps(config.model_dump(mode="json"), sort_keys=True)
    integrity["config.json"] = hashlib.sha256(text.encode()).hexdigest()
    write_config(folder, {**config.model_dump(mode="json"), "integrity": integrity})


def refusal(folder: Path) -> str:
    with pytest.raises(BadDataError) as caught:
        load_checkpoint(folder)
    assert caught.value.fix
    assert str(folder) in caught.value.cause
    return caught.value.cause


@pytest.mark.parametrize("name", TENSOR_FILES)
def test_a_truncated_file_is_refused_by_name(folder: Path, name: str) -> None:
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) // 2])
    assert name in refusal(folder)


@pytest.mark.parametrize("name", TENSOR_FILES)
def test_a_file_with_one_changed_bit_is_refused_by_name(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data)
    assert name in refusal(folder)


@pytest.mark.parametrize("name", TENSOR_FILES)
def test_a_missing_file_is_refused_by_name(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"{name} is missing" in refusal(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [("threshold", 0.9), ("classes", ["bad", "good"]), ("mean", [0.1, 0.1, 0.1]), ("input_size", [64, 32])],
)
def test_a_config_changed_by_hand_is_refused(folder: Path, key: str, value: object) -> None:
    write_config(folder, {**content_of(folder), key: value})
    assert "config.json was changed" in refusal(folder)


def test_a_checkpoint_without_digests_is_refused(folder: Path) -> None:
    for integrity in ({}, {"config.json": "0" * 64}):
        write_config(folder, {**content_of(folder), "integrity": integrity})
        refusal(folder)


def test_weights_that_no_digest_covers_are_refused(folder: Path) -> None:
    content = content_of(folder)
    integrity = {name: content["integrity"][name] for name in TENSOR_FILES if name != "model.safetensors"}
    config = CheckpointConfig.model_validate({**content, "integrity": integrity})
    text = json.dumps(config.model_dump(mode="json"), sort_keys=True)
    write_config(
        folder, {**content, "integrity": {**integrity, "config.json": hashlib.sha256(text.encode()).hexdigest()}}
    )
    assert "unexpected files" in refusal(folder)


def test_a_checkpoint_cannot_name_files_outside_itself(folder: Path) -> None:
    outside = folder.parent / "outside"
    outside.write_text("secret")
    content = content_of(folder)
    integrity = {"model.safetensors": content["integrity"]["model.safetensors"], "../outside": "0" * 64}
    config = CheckpointConfig.model_validate({**content, "integrity": integrity})
    text = json.dumps(config.model_dump(mode="json"), sort_keys=True)
    integrity["config.json"] = hashlib.sha256(text.encode()).hexdigest()
    write_config(folder, {**content, "integrity": integrity})
    assert "unexpected files" in refusal(folder)


@pytest.mark.parametrize("extra", [{}, {"something_of_tomorrow": 1}])
def test_a_newer_format_is_refused_with_the_advice_to_upgrade(folder: Path, extra: dict[str, int]) -> None:
    write_config(folder, {**content_of(folder), "format_version": FORMAT_VERSION + 1, **extra})
    with pytest.raises(BadDataError, match=f"version {FORMAT_VERSION + 1}") as caught:
        load_checkpoint(folder)
    assert caught.value.fix.startswith("Upgrade")


def test_the_helper_of_these_tests_seals_a_checkpoint_that_loads(folder: Path) -> None:
    seal(folder, threshold=0.7)
    assert load_checkpoint(folder).config.threshold == 0.7


def test_an_unknown_architecture_is_refused_by_name(folder: Path) -> None:
    seal(folder, arch="resnet1234")
    assert "`resnet1234`" in refusal(folder)


@pytest.mark.parametrize("changes", [{"classes": ["a", "b", "c"]}, {"bottleneck": None}, {"bottleneck": 16}])
def test_weights_that_do_not_fit_the_config_are_refused(folder: Path, changes: dict[str, object]) -> None:
    seal(folder, **changes)
    assert "do not fit" in refusal(folder)


def test_weights_with_a_layer_missing_are_refused(folder: Path) -> None:
    state = load_checkpoint(folder).state
    del state["trunk.bn1.running_mean"]
    save_file(state, folder / "model.safetensors")
    seal(folder)
    assert "do not fit" in refusal(folder)


def test_a_memory_of_another_size_than_the_network_s_is_refused(folder: Path) -> None:
    seal(folder, input_size=[64, 64])
    with pytest.raises(BadDataError, match="another size"):
        load_checkpoint(folder)


class Bomb:
    """Leaves a marker when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("name", TENSOR_FILES)
def test_a_pickle_with_code_in_a_file_s_place_is_not_run(folder: Path, name: str) -> None:
    marker = folder.parent / "it_ran"
    torch.save({"trunk": Bomb(marker)}, folder / name)
    seal(folder)
    with pytest.raises(BadDataError):
        load_checkpoint(folder)
    assert not marker.exists()


def test_a_folder_without_config_is_no_checkpoint(folder: Path) -> None:
    (folder / "config.json").unlink()
    assert "has no config.json" in refusal(folder)


def test_a_path_without_a_folder_is_no_checkpoint(folder: Path) -> None:
    for path in (folder / "nowhere", folder / "model.safetensors"):
        with pytest.raises(BadDataError, match=re.escape(f"no checkpoint at {path}")):
            load_checkpoint(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"kind": "something else"}',
        '{"kind": "adaptprint-checkpoint"}',
        "[" * 100_000,
        '{"kind": "adaptprint-checkpoint", "format_version": "one"}',
        '{"n": ' + "9" * 5000 + "}",
    ],
    ids=lambda text: text[:24] or "empty",
)
def test_a_config_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text, encoding="utf-8")
    refusal(folder)


def test_an_endless_config_is_refused_without_reading_it_all(folder: Path) -> None:
    with (folder / "config.json").open("wb") as file:
        file.truncate(1 << 40)
    assert "larger than any real one" in refusal(folder)


@pytest.mark.parametrize("depth", [200, 300, 800])
def test_a_deeply_nested_config_is_refused(folder: Path, depth: int) -> None:
    content = json.dumps({**content_of(folder), "metrics": {"x": "HERE"}})
    (folder / "config.json").write_text(content.replace('"HERE"', "[" * depth + "]" * depth), encoding="utf-8")
    refusal(folder)


def test_odd_text_in_a_config_is_refused(folder: Path) -> None:
    for value in ("\ud800", "\x00", "1e999"):
        write_config(folder, {**content_of(folder), "metrics": {"x": value}})
        refusal(folder)


@fuzz
@example([("put", 0.5, b"\xff\xfe")])
@given(edits)
def test_no_change_of_the_config_s_bytes_ends_in_a_traceback(folder: Path, changes: Edits) -> None:
    path = folder / "config.json"
    original = path.read_bytes()
    path.write_bytes(mutated(original, changes))
    with suppress(AdaptprintError):  # a change of a space or of the order changes nothing, so it may load
        load_checkpoint(folder)
    path.write_bytes(original)


@fuzz
@given(st.sampled_from(TENSOR_FILES), edits)
def test_no_change_of_the_tensor_files_is_loaded(folder: Path, name: str, changes: Edits) -> None:
    path = folder / name
    original = path.read_bytes()
    path.write_bytes(mutated(original, changes))
    if path.read_bytes() != original:
        with pytest.raises(BadDataError):
            load_checkpoint(folder)
    path.write_bytes(original)


@fuzz
@given(st.sampled_from(TENSOR_FILES), st.booleans(), edits)
def test_no_forged_tensor_file_ends_in_a_traceback_even_where_its_digest_is_right(
    folder: Path, name: str, in_header: bool, changes: Edits
) -> None:
    original, sealed = (folder / name).read_bytes(), (folder / "config.json").read_bytes()
    header = 8 + int.from_bytes(original[:8], "little") if in_header else len(original)
    (folder / name).write_bytes(mutated(original[:header], changes) + original[header:])
    seal(folder)
    with suppress(AdaptprintError):  # other values of the right shape are a checkpoint too
        load_checkpoint(folder)
    (folder / name).write_bytes(original)
    (folder / "config.json").write_bytes(sealed)


shapes = st.lists(st.integers(0, 5), max_size=3)
kinds = st.sampled_from([torch.float32, torch.float16, torch.int64, torch.uint8, torch.bool])


@fuzz
@given(st.sampled_from(TENSOR_FILES[1:]), st.data())
def test_tensors_of_other_shapes_and_kinds_load_whole_or_are_refused(
    folder: Path, name: str, data: st.DataObject
) -> None:
    original, sealed = (folder / name).read_bytes(), (folder / "config.json").read_bytes()
    held = load_file(folder / name)
    with safe_open(folder / name, framework="pt") as file:
        told = file.metadata()
    key = data.draw(st.sampled_from(sorted(held)))
    held[key] = torch.ones(data.draw(shapes), dtype=data.draw(kinds))
    save_file(held, folder / name, metadata=told)
    seal(folder)
    with suppress(AdaptprintError):
        loaded = load_checkpoint(folder)
        # What loads can be worked with: nobody looks at shapes again.
        network = loaded.network()
        for layer, (mean, _) in moments_at_prior(loaded.moments or {}, np.array([0.5, 0.5])).items():
            assert mean.shape == dict(network.batch_norms())[layer].running_mean.shape
    (folder / name).write_bytes(original)
    (folder / "config.json").write_bytes(sealed)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@fuzz
@given(st.sampled_from(["name", "printer", "print", "time", "label", "all", "more"]), values, st.booleans())
def test_whatever_stands_in_the_memory_s_table_a_whole_memory_or_our_own_error_comes_out(
    folder: Path, column: str, value: object, one: bool
) -> None:
    path = folder / "source_memory.safetensors"
    original = path.read_bytes()
    with safe_open(path, framework="pt") as file:
        rows = json.loads(file.metadata()["table"])
    filled = value if not one else [value, *rows["name"][1:]]
    table = filled if column == "all" else {**rows, column: filled}
    save_file(load_file(path), path, metadata={"table": json.dumps(table)})
    with suppress(AdaptprintError):
        memory = read_memory(path, (32, 32))
        assert memory.array.shape == (len(memory), 32, 32, 3)
        assert memory.table.print_codes.min() == 0
    path.write_bytes(original)


def test_a_memory_that_claims_more_frames_than_anything_holds_is_refused(folder: Path) -> None:
    path, n = folder / "source_memory.safetensors", 200_000
    rows = {name: ["x"] * n for name in ("name", "printer", "print", "label")} | {"time": [None] * n}
    tensors = {**load_file(path), "held_out": torch.zeros(n, dtype=torch.bool), "offsets": torch.zeros(n + 1).long()}
    save_file(tensors, path, metadata={"table": json.dumps(rows)})
    with pytest.raises(BadDataError, match="is damaged"):
        read_memory(path, (4096, 4096))  # ten terabytes


def test_labels_that_the_model_does_not_know_are_refused(folder: Path) -> None:
    seal(folder, classes=["good", "worse"])
    assert "other classes" in refusal(folder)


def test_moments_of_another_network_are_refused(folder: Path) -> None:
    held = load_file(folder / "source_moments.safetensors")
    del held["bn1.mean"]
    save_file(held, folder / "source_moments.safetensors")
    seal(folder)
    assert "source_moments.safetensors belongs to another model" in refusal(folder)
