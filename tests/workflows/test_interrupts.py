"""Ctrl-C at any time: exit code 130, nothing half-written, and --resume goes on to the same bytes."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import adaptprint
from adaptprint.errors import UsageError
from adaptprint.frames.camera import CameraProfile

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGINT"), reason="signals are needed")

CROPPED = CameraProfile(crop=(0.1, 0.1, 0.8, 0.8))
Start = Callable[..., "subprocess.Popen[str]"]


def stop(process: "subprocess.Popen[str]", stage: str, number: int = signal.SIGINT) -> str:
    """Sends a signal once the process says that a stage began; returns all of its stderr."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if line.startswith(f"{stage} ..."):
            break
    process.send_signal(number)
    out, rest = process.communicate(timeout=120)
    assert out == ""
    return said + rest


def check_stopped(process: "subprocess.Popen[str]", said: str) -> None:
    assert process.returncode == 130, said
    assert "Traceback" not in said
    lines = said.splitlines()
    assert [line.split(": ")[0] for line in lines[-2:]] == ["error", "fix"], said
    assert sum(line.startswith(("error: ", "fix: ")) for line in lines) == 2, said


def press_ctrl_c(*_words: object, **_options: object) -> None:
    signal.raise_signal(signal.SIGINT)


def settings(pairs: tuple[str, ...]) -> list[str]:
    return [word for pair in pairs for word in ("--set", pair)]


def test_an_adaptation_stopped_while_it_adapts_goes_on_to_the_same_bytes(
    start: Start, untouched: Callable[..., None], source: Path, target: Path, run_folder: Path,
    tiny_dann: tuple[str, ...], digests: Callable[[Path], dict[str, str]], tmp_path: Path,
) -> None:  # fmt: skip
    out = tmp_path / "run"
    words = ("--source", source, "--target", target, "--out", out, "--recipe", "dann-prior", *settings(tiny_dann))
    process = start("adapt", *words)
    said = stop(process, "adapting")
    check_stopped(process, said)
    assert "--resume" in said
    untouched(out, unfinished=True)
    assert (tmp_path / ".run.unfinished" / "state.pt").is_file()
    seen = []
    adaptprint.adapt(source, target, out=out, recipe="dann-prior", set=tiny_dann, resume=True, progress=seen.append)
    assert sum(event.stage == "adapting" for event in seen) < 4
    assert digests(out) == digests(run_folder)
    assert [file.name for file in tmp_path.iterdir()] == ["run"]


def test_a_training_told_to_end_while_it_trains_goes_on_to_the_same_bytes(
    start: Start, untouched: Callable[..., None], known: Path, source: Path, tiny_training: tuple[str, ...],
    digests: Callable[[Path], dict[str, str]], tmp_path: Path,
) -> None:  # fmt: skip
    out = tmp_path / "ckpt"
    process = start("train", known, "--out", out, *settings(tiny_training))
    said = stop(process, "training", signal.SIGTERM)
    check_stopped(process, said)
    assert "--resume" in said
    untouched(out, unfinished=True)
    seen = []
    adaptprint.train(known, out=out, set=tiny_training, resume=True, progress=seen.append)
    assert sum(event.stage == "training" for event in seen) < 40
    assert digests(out) == digests(source)
    assert [file.name for file in tmp_path.iterdir()] == ["ckpt"]


def test_an_adaptation_stopped_while_it_reads_leaves_nothing(
    start: Start, untouched: Callable[..., None], source: Path, shoot: Callable[..., Any], tmp_path: Path
) -> None:
    large = tmp_path / "large.png"
    Image.fromarray(np.tile(shoot(bad=False)[0], (24, 32, 1))).save(large, compress_level=1)
    for number in range(96):
        # Bytes behind the end make another file of the same picture, which no cache knows.
        copy = tmp_path / "frames" / f"p{number % 4}" / f"{number}.png"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(large.read_bytes() + str(number).encode())
    process = start("adapt", "--source", source, "--target", tmp_path / "frames", "--out", tmp_path / "out" / "run")
    said = stop(process, "reading target frames")
    check_stopped(process, said)
    assert "source model" not in said
    assert not (tmp_path / "out").exists()


def test_a_command_stopped_while_it_loads_ends_without_a_traceback(start: Start, tmp_path: Path) -> None:
    processes = []
    for tenths in (1, 3, 5, 7, 9):
        process = start("adapt", "--source", tmp_path / "no", "--target", tmp_path / "no", "--out", tmp_path / "run")
        time.sleep(tenths / 10)
        process.send_signal(signal.SIGINT)
        processes.append(process)
    for process in processes:
        out, said = process.communicate(timeout=60)
        # Before Python has started, the signal itself ends it, which a shell shows as 130 too.
        assert process.returncode in (130, -signal.SIGINT), said
        assert out == ""
        assert "Traceback" not in said or "adaptprint" not in said, said
        assert "fault of adaptprint" not in said


def test_an_adaptation_stopped_after_its_last_step_goes_on_to_the_same_bytes(
    cli: Callable[..., Any], fails: Callable[..., str], untouched: Callable[..., None], source: Path,
    target: Path, run_folder: Path, tiny_dann: tuple[str, ...], digests: Callable[[Path], dict[str, str]],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    out = tmp_path / "run"
    words = ("--source", source, "--target", target, "--out", out, "--recipe", "dann-prior", *settings(tiny_dann))
    with monkeypatch.context() as patch:
        patch.setattr("adaptprint.workflows.adapt.judge", press_ctrl_c)
        fails(cli("adapt", *words), 130)
    untouched(out, unfinished=True)
    result = cli("adapt", *words, "--resume", "--json")
    assert result.code == 0, result.stderr
    assert digests(out) == digests(run_folder)


@pytest.mark.parametrize("step", ["write_models", "render_report"])
def test_an_adaptation_stopped_while_it_writes_leaves_no_run(
    step: str, cli: Callable[..., Any], fails: Callable[..., str], untouched: Callable[..., None], source: Path,
    target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(f"adaptprint.workflows.run_folder.{step}", press_ctrl_c)
    out = tmp_path / "run"
    fails(cli("adapt", "--source", source, "--target", target, "--out", out, "--recipe", "source-only"), 130)
    untouched(out, unfinished=True)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_saved_run_does_not_go_on_with_other_settings(
    cli: Callable[..., Any], fails: Callable[..., str], source: Path, target: Path, tiny_dann: tuple[str, ...],
    tmp_path: Path,
) -> None:  # fmt: skip
    from adaptprint.models.run_state import save_state

    state = tmp_path / ".run.unfinished" / "state.pt"
    save_state(state, "of another run", {})
    words = ("adapt", "--source", source, "--target", target, "--out", tmp_path / "run", *settings(tiny_dann))
    assert "other data or settings" in fails(cli(*words, "--resume"), 2)
    assert state.is_file()
    with pytest.raises(UsageError):
        adaptprint.adapt(source, target, out=tmp_path / "run", set=tiny_dann, resume=True)


@pytest.mark.parametrize("change", ["crop", "source data"])
def test_a_saved_run_does_not_go_on_with_another_crop_or_other_source_frames(
    change: str, source: Path, target: Path, known: Path, tiny_dann: tuple[str, ...], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    # With the class shares stated, nothing that is estimated can give the change away.
    options: dict[str, Any] = {"out": tmp_path / "run", "set": tiny_dann, "target_prior": "0.5"}
    with monkeypatch.context() as patch:
        patch.setattr("adaptprint.workflows.adapt.judge", press_ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            adaptprint.adapt(source, target, **options)
    changed: dict[str, Any] = {"source_data": known} if change == "source data" else {"camera": CROPPED}
    with pytest.raises(UsageError, match="other data"):
        adaptprint.adapt(source, target, **options, **changed, resume=True)


def test_a_damaged_saved_run_is_refused(
    cli: Callable[..., Any], fails: Callable[..., str], source: Path, target: Path, tmp_path: Path
) -> None:
    state = tmp_path / ".run.unfinished" / "state.pt"
    state.parent.mkdir()
    state.write_bytes(b"PK\x03\x04 half of a zip")
    words = ("--source", source, "--target", target, "--out", tmp_path / "run", "--recipe", "dann-prior")
    fails(cli("adapt", *words, "--resume"), 4)


def test_resume_without_a_saved_run_starts_from_the_beginning(
    cli: Callable[..., Any], source: Path, target: Path, tmp_path: Path
) -> None:
    words = ("--source", source, "--target", target, "--out", tmp_path / "run", "--recipe", "source-only")
    assert cli("adapt", *words, "--resume").code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_a_batch_but_keep_the_finished_targets(
    number: int, cli: Callable[..., Any], fails: Callable[..., str], source: Path, target: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from adaptprint.workflows import fleet_job

    calls = []
    adapt = fleet_job.adapt

    def one_then_ctrl_c(*words: Any, **options: Any) -> Any:
        calls.append(options["out"])
        if len(calls) == 2:
            signal.raise_signal(number)
        return adapt(*words, **options)

    monkeypatch.setattr(fleet_job, "adapt", one_then_ctrl_c)
    fleet = tmp_path / "fleet.toml"
    fleet.write_text(
        f'source = "{source}"\nout = "fleet"\nrecipe = "source-only"\n'
        + "".join(f'[[target]]\npath = "{target}"\nname = "{name}"\n' for name in ("a", "b", "c"))
    )
    fails(cli("batch", fleet), 130)
    assert (tmp_path / "fleet" / "a" / "report.json").is_file()
    assert json.loads((tmp_path / "fleet" / "fleet.json").read_text())["counts"]["waiting"] == 2
    assert signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)
    assert not (tmp_path / "fleet" / "b").exists()
    assert len(calls) == 2
    shutil.rmtree(tmp_path / "fleet")
