"""drift end to end: a printer that did not move, and one whose camera was darkened, blurred or moved."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageEnhance, ImageFilter

import adaptprint
from adaptprint.models.checkpoint import load_checkpoint, save_checkpoint

THEN, NOW = range(10), range(10, 20)  # numbers of prints; odd ones are under-extruded
CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "darkened": lambda image: ImageEnhance.Brightness(image).enhance(0.5),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
    "moved": lambda image: image.crop((0, 0, 40, 40)).resize(image.size),
}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory, shoot: Callable[..., Any]) -> Callable[..., Path]:
    """Writes prints of printer 9, two frames each, perhaps through another camera."""

    def write(numbers: Sequence[int], change: Callable[[Image.Image], Image.Image] = lambda image: image) -> Path:
        root = tmp_path_factory.mktemp("film") / "printer"
        for number in numbers:
            (root / f"p{number:02}").mkdir(parents=True)
            for frame, pixels in enumerate(shoot(number % 2 == 1, "9", number, 2)):
                change(Image.fromarray(pixels)).save(root / f"p{number:02}" / f"{frame}.jpg", quality=90)
        return root

    return write


@pytest.fixture(scope="module")
def run(source: Path, film: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An adaptation to the printer. Tests only read it."""
    folder = tmp_path_factory.mktemp("drift")
    yield adaptprint.adapt(source, film(THEN), out=folder / "run")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("numbers", [NOW, range(10, 20, 2)], ids=["as many faulty prints", "only good prints"])
def test_a_printer_that_did_not_move_is_steady(
    numbers: Sequence[int], cli: Callable[..., Any], run: Any, film: Callable[..., Path]
) -> None:
    result = cli("drift", "--model", run.checkpoint, film(numbers), "--json")
    assert result.code == 0, result.stderr
    assert result.json["verdict"] == "steady", result.json
    assert result.json["adapt_again"] is False
    assert result.json["target"] == {
        "n_frames": 2 * len(numbers), "n_prints": len(numbers), "n_frames_compared": 2 * len(numbers),
    }  # fmt: skip
    assert result.json["n_prints_then"] == 10
    assert [sign["name"] for sign in result.json["signs"]] == ["camera", "neighbours", "print margins"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_camera_that_changed_is_drift_and_exit_code_6(
    change: str, cli: Callable[..., Any], run: Any, film: Callable[..., Path]
) -> None:
    result = cli("drift", "--model", run.checkpoint, film(NOW, CHANGES[change]), "--json")
    assert result.code == 6, result.stdout
    assert result.json["verdict"] == "drifted"
    assert result.json["adapt_again"] is True
    assert any(sign["moved"] for sign in result.json["signs"])


def test_both_models_of_a_run_remember_the_printer_and_the_very_frames_of_then_are_steady(
    run: Any, film: Callable[..., Path]
) -> None:
    for folder in (run.checkpoint, run.out / "candidate"):
        found = adaptprint.drift(folder, film(THEN))
        assert found.verdict == "steady"
        assert found.signs[2].value == pytest.approx(0, abs=0.1)
        assert (folder / "adapted_on.safetensors").stat().st_size < 400_000


def test_a_person_reads_the_verdict_and_what_to_do(
    cli: Callable[..., Any], run: Any, film: Callable[..., Path]
) -> None:
    said = cli("drift", "--model", run.checkpoint, film(NOW, CHANGES["darkened"]), "--quiet")
    assert said.code == 6
    assert said.stdout.startswith("▌ drifted")
    assert "adaptprint adapt" in said.stdout
    assert said.stderr == ""


def test_too_few_prints_are_unclear_and_no_alarm(cli: Callable[..., Any], run: Any, film: Callable[..., Path]) -> None:
    result = cli("drift", "--model", run.checkpoint, film([10, 11], CHANGES["darkened"]), "--json")
    assert result.code == 0
    assert result.json["verdict"] == "unclear"
    assert all(sign["value"] is None and "only 2 recent prints" in sign["says"] for sign in result.json["signs"])


def test_a_model_that_never_was_adapted_has_nothing_to_compare_with(
    cli: Callable[..., Any], fails: Callable[..., str], source: Path, target: Path
) -> None:
    assert "adaptprint adapt" in fails(cli("drift", "--model", source, target), 4)


def test_without_source_frames_two_signs_are_left(run: Any, film: Callable[..., Path], tmp_path: Path) -> None:
    save_checkpoint(replace(load_checkpoint(run.checkpoint), memory=None), tmp_path / "bare")
    found = adaptprint.drift(tmp_path / "bare", film(NOW))
    assert found.signs[0].heard
    assert json.loads(json.dumps(found.to_dict()))["signs"][0]["heard"] is True
