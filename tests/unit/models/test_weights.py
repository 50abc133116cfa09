"""Bare weights files: read without running what is in them."""

import os
import pickle
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

from adaptprint.errors import AdaptprintError, BadDataError, MissingDependencyError, UsageError
from adaptprint.models.weights import read_weights

STATE = {"conv1.weight": torch.arange(6.0).reshape(2, 3), "bn1.num_batches_tracked": torch.tensor(7)}


class Bomb:
    """Leaves a marker when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.marker),)


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value)


def test_safetensors_are_read_and_wrapper_names_stripped(tmp_path: Path) -> None:
    save_file({f"module.{name}": value for name, value in STATE.items()}, tmp_path / "w.safetensors")
    assert_same(read_weights(tmp_path / "w.safetensors"), STATE)


@pytest.mark.parametrize("inside", ["", "model.safetensors"])
def test_a_checkpoint_gives_its_trunk_and_not_its_heads(tmp_path: Path, inside: str) -> None:
    heads = {"classifier.weight": torch.ones(2, 3), "bottleneck.0.bias": torch.ones(3)}
    save_file({f"trunk.{name}": value for name, value in STATE.items()} | heads, tmp_path / "model.safetensors")
    assert_same(read_weights(tmp_path / inside), STATE)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin", ".ckpt"])
def test_state_dicts_saved_by_torch_are_read(tmp_path: Path, suffix: str) -> None:
    torch.save(STATE, tmp_path / f"w{suffix}")
    assert_same(read_weights(str(tmp_path / f"w{suffix}")), STATE)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_a_state_dict_inside_a_training_checkpoint_is_found(tmp_path: Path, key: str, zipped: bool) -> None:
    content = {"epoch": 3, key: {f"backbone.{name}": value for name, value in STATE.items()}, "lr": 0.1}
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    assert_same(read_weights(tmp_path / "w.pth"), STATE)


def test_half_precision_becomes_float32_and_whole_numbers_stay(tmp_path: Path) -> None:
    for kind in (torch.float16, torch.bfloat16, torch.float64):
        state = {name: value.to(kind) if value.is_floating_point() else value for name, value in STATE.items()}
        save_file(state, tmp_path / "w.safetensors")
        assert_same(read_weights(tmp_path / "w.safetensors"), STATE)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_weights_file_is_refused_and_not_run(tmp_path: Path, zipped: bool) -> None:
    marker = tmp_path / "it_ran"
    content = {"state_dict": STATE, "callback": Bomb(marker)}
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(BadDataError, match="code in it was not run") as caught:
        read_weights(tmp_path / "w.pth")
    assert "state_dict()" in caught.value.fix
    assert not marker.exists()


def test_a_plain_pickle_with_code_is_refused_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(pickle.dumps(Bomb(tmp_path / "it_ran"), protocol=2))
    (tmp_path / "w.safetensors").write_bytes(pickle.dumps(Bomb(tmp_path / "it_ran"), protocol=2))
    for name in ("w.pt", "w.safetensors"):
        with pytest.raises(BadDataError):
            read_weights(tmp_path / name)
    assert not (tmp_path / "it_ran").exists()


def test_a_whole_pickled_model_is_refused(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "w.pth")
    with pytest.raises(BadDataError, match="more than tensors"):
        read_weights(tmp_path / "w.pth")


@pytest.mark.parametrize("content", [torch.zeros(3), [1, 2], {"epoch": 3}, {}, {"state_dict": {}}])
def test_a_file_without_a_state_dict_says_so(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(BadDataError, match="holds no state dict"):
        read_weights(tmp_path / "w.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("data", [b"", b"not weights at all", b"\x80\x02}q\x00.", b"PK\x03\x04" + bytes(60)])
def test_a_damaged_file_is_refused(tmp_path: Path, suffix: str, data: bytes) -> None:
    (tmp_path / f"w{suffix}").write_bytes(data)
    with pytest.raises(BadDataError, match=f"w{suffix}"):
        read_weights(tmp_path / f"w{suffix}")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_truncated_file_is_refused(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"w{suffix}"
    save_file(STATE, file) if suffix == ".safetensors" else torch.save(STATE, file)
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(BadDataError, match="damaged"):
        read_weights(file)


def test_a_missing_file_and_another_kind_of_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(MissingDependencyError, match="no weights file"):
        read_weights(tmp_path / "nowhere.pth")
    (tmp_path / "model.onnx").touch()
    with pytest.raises(UsageError, match=r"model\.onnx"):
        read_weights(tmp_path / "model.onnx")


@settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(False, [(0.75, b"\0")])
@given(st.booleans(), st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=3)), min_size=1, max_size=3))
def test_no_change_of_a_torch_file_s_bytes_ends_in_a_traceback(
    tmp_path: Path, zipped: bool, changes: list[tuple[float, bytes]]
) -> None:
    file = tmp_path / "w.pth"
    torch.save(STATE, file, _use_new_zipfile_serialization=zipped)
    data = bytearray(file.read_bytes())
    for place, content in changes:
        at = int(place * (len(data) - 1))
        data[at : at + len(content)] = content
    file.write_bytes(data)
    with suppress(AdaptprintError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read_weights(file)
