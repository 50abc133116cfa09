"""Where and how to compute: the user's words, and a probe that runs once."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from adaptprint.errors import MissingDependencyError, UsageError
from adaptprint.models import device
from adaptprint.models.device import Compute, choose_compute


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADAPTPRINT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    return tmp_path / "cache"


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> dict[bool, float]:
    """Seconds that the probe shall measure with (true) and without bfloat16; counts its runs under ``None``."""
    seconds: dict[bool, float] = {True: 1.0, False: 2.0}
    monkeypatch.setattr(device, "_step_seconds", lambda: {"bf16": seconds[True], "fp32": seconds[False]})
    return seconds


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    with threadpool_limits(1):  # puts the libraries' own numbers back at its end
        yield
    torch.set_num_threads(before)


def test_unknown_words_are_refused() -> None:
    with pytest.raises(UsageError, match="`gpu`"):
        choose_compute("gpu")
    with pytest.raises(UsageError, match="`fp16`"):
        choose_compute("cpu", precision="fp16")
    for number in (0, -2):
        with pytest.raises(UsageError, match=f"--threads {number}"):
            choose_compute("cpu", threads=number, precision="fp32")


def test_cuda_that_is_not_there_is_a_missing_dependency_and_auto_takes_the_cpu() -> None:
    with pytest.raises(MissingDependencyError, match="CUDA") as caught:
        choose_compute("cuda", precision="fp32")
    assert "--device cpu" in caught.value.fix
    assert choose_compute("auto", precision="fp32") == Compute(torch.device("cpu"), "fp32")


def test_a_cuda_device_is_taken_unless_the_cpu_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    assert choose_compute("auto") == choose_compute("cuda") == Compute(torch.device("cuda"), "bf16")
    assert choose_compute("cpu", precision="bf16") == Compute(torch.device("cpu"), "bf16")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    assert choose_compute("cuda").precision == "fp32"


@pytest.mark.parametrize("number", [1, 2])
def test_threads_are_set_for_torch_and_for_linear_algebra(threads: None, number: int) -> None:
    choose_compute("cpu", threads=number, precision="fp32")
    assert torch.get_num_threads() == number
    assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {number}


@pytest.mark.parametrize(("bf16", "chosen"), [(1.0, "bf16"), (1.7, "fp32"), (3.0, "fp32")])
def test_bfloat16_is_taken_only_where_it_wins_clearly(probes: dict[bool, float], bf16: float, chosen: str) -> None:
    probes[True] = bf16
    assert choose_compute("cpu").precision == chosen


def test_the_probe_runs_once_per_machine(probes: dict[bool, float], monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_compute("cpu").precision == "bf16"
    probes.clear()  # a second probe would fail
    assert choose_compute("cpu").precision == "bf16"
    monkeypatch.setattr(device, "_machine_key", lambda: "another machine")
    probes.update({True: 2.0, False: 1.0})
    assert choose_compute("cpu").precision == "fp32"


@pytest.mark.parametrize("text", ["", "[]", "null", '{"machine": "x"}'])
def test_a_broken_record_of_the_probe_is_measured_anew(probes: dict[bool, float], cache: Path, text: str) -> None:
    cache.mkdir()
    (cache / "precision.json").write_text(text)
    assert choose_compute("cpu").precision == "bf16"
    assert json.loads((cache / "precision.json").read_text())["precision"] == "bf16"
    assert [path.name for path in cache.iterdir()] == ["precision.json"]


def test_a_cache_that_cannot_be_written_does_not_stop_the_run(probes: dict[bool, float], cache: Path) -> None:
    cache.write_text("a file in the folder's place")
    assert choose_compute("cpu").precision == "bf16"


def test_the_probe_itself_measures_something() -> None:
    state = torch.get_rng_state()
    assert all(seconds > 0 for seconds in device._step_seconds().values())
    assert torch.equal(torch.get_rng_state(), state)


def test_autocast_runs_in_the_chosen_format_and_only_inside_the_block() -> None:
    layer, images = torch.nn.Conv2d(3, 4, 3), torch.rand(1, 3, 8, 8)
    with Compute(torch.device("cpu"), "bf16").autocast():
        assert layer(images).dtype == torch.bfloat16
    with Compute(torch.device("cpu"), "fp32").autocast():
        assert layer(images).dtype == torch.float32
    assert layer(images).dtype == torch.float32


def test_a_number_format_that_is_emulated_is_not_timed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, 1.0, 1.0, 10.0])  # 1 s in float32, 9 s in bfloat16; a second round would find no tick
    monkeypatch.setattr(device, "build_trunk", lambda arch: torch.nn.Conv2d(3, 1, 1))
    monkeypatch.setattr(device.time, "perf_counter", lambda: next(ticks))
    assert device._step_seconds() == {"fp32": 1.0, "bf16": 9.0}
