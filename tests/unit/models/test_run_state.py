"""The state of an unfinished run: comes back exactly, or not at all."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from adaptprint.errors import BadDataError, UsageError
from adaptprint.models.run_state import load_state, save_state

CONTENT = {"network": {"w": torch.arange(3.0)}, "progress": {"step": 7, "best": -1.5, "trace": [{"loss": 0.1}]}}


class Bomb:
    """Leaves a marker when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.marker),)


def test_a_state_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    save_state(tmp_path / "state.pt", "same data", CONTENT)
    found = load_state(tmp_path / "state.pt", "same data")
    assert found is not None
    assert torch.equal(found["network"]["w"], CONTENT["network"]["w"])
    assert found["progress"] == CONTENT["progress"]
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_no_state_is_nothing_to_resume(tmp_path: Path) -> None:
    assert load_state(tmp_path / "state.pt", "any") is None


def test_a_state_of_other_data_or_settings_is_refused(tmp_path: Path) -> None:
    save_state(tmp_path / "state.pt", "these data", CONTENT)
    with pytest.raises(UsageError, match="other data or settings"):
        load_state(tmp_path / "state.pt", "those data")


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"nonsense", lambda data: b"\x80\x02]."],
    ids=["truncated", "empty", "nonsense", "a pickled list"],
)
def test_a_damaged_state_is_refused_with_the_advice_to_start_afresh(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    file = tmp_path / "state.pt"
    save_state(file, "f", CONTENT)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(BadDataError, match="is damaged") as caught:
        load_state(file, "f")
    assert "without --resume" in caught.value.fix


@pytest.mark.parametrize("content", [torch.zeros(2), [1], {"fingerprint": "f"}, 3])
def test_a_file_that_is_no_state_is_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "state.pt")
    with pytest.raises(BadDataError, match="is damaged"):
        load_state(tmp_path / "state.pt", "f")


def test_code_in_a_state_is_not_run(tmp_path: Path) -> None:
    torch.save({"fingerprint": "f", "content": Bomb(tmp_path / "it_ran")}, tmp_path / "state.pt")
    with pytest.raises(BadDataError):
        load_state(tmp_path / "state.pt", "f")
    assert not (tmp_path / "it_ran").exists()
