"""--json: one strict JSON document on stdout and nothing else, progress on stderr."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

KEYS = {
    "doctor": {"ok", "checks"},
    "recipes list": {"recipes"},
    "recipes show dann": {"recipes"},
    "verify TARGET": {"ok", "findings", "n_frames", "layout"},
    "evaluate --model SOURCE --data TARGET": {"n_frames", "accuracy", "auroc", "by_printer"},
    "predict --model SOURCE TARGET": {"frames", "prints", "notes"},
    "diagnose --model SOURCE --target TARGET": {"target", "neighbours", "frames", "witnesses", "validators", "vetoes"},
    "synth OUT --printers 1 --prints 2 --frames 1 --size 64x64": {"out", "n_frames", "n_prints", "printers"},
}


@pytest.mark.parametrize("command", KEYS)
def test_every_command_prints_one_strict_document(
    command: str, cli: Callable[..., Any], source: Path, target: Path, tmp_path: Path
) -> None:
    places = {"SOURCE": source, "TARGET": target, "OUT": tmp_path / "out"}
    result = cli(*(places.get(word, word) for word in command.split()), "--json")
    assert result.code == 0, result.stderr
    assert result.json.keys() >= KEYS[command]


def test_a_process_keeps_progress_off_stdout(start: Callable[..., Any], source: Path, target: Path) -> None:
    process = start("evaluate", "--model", source, "--data", target, "--json")
    out, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert json.loads(out)["n_frames"] == 24
    assert "scoring frames" in said
    assert "Warning" not in said


def test_quiet_says_nothing_but_the_result(cli: Callable[..., Any], source: Path, target: Path) -> None:
    result = cli("evaluate", "--model", source, "--data", target, "--json", "--quiet")
    assert result.code == 0
    assert result.stderr == ""
    assert result.json["n_prints"] == 6


def test_an_error_leaves_stdout_empty(cli: Callable[..., Any], fails: Callable[..., str], source: Path) -> None:
    fails(cli("evaluate", "--model", source, "--data", "gone", "--json"), 4)


def test_names_in_other_scripts_stay_readable(
    cli: Callable[..., Any], write_csv: Callable[..., Path], target: Path, tmp_path: Path
) -> None:
    (tmp_path / "größe.jpg").write_bytes((target / "images/9/p0/0.jpg").read_bytes())
    sheet = write_csv(tmp_path / "train.csv", [("größe.jpg", "打印机", "p0", 0)])
    result = cli("verify", sheet, "--json")
    assert "打印机" in result.stdout
    assert result.json["n_frames"] == 1
