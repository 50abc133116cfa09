"""Data unlike the main case: three classes, labels that differ inside prints, frames that are not square."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import adaptprint

QUICK = ("width=64", "steps=2", "batch_size=4", "validate_every=2")
CLASSES = ("good", "stringing", "under_extrusion")


@pytest.fixture(scope="module")
def three_classes(shoot: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames of 96 x 64 pixels of three classes on two printers: ``<printer>/<class>/<print>/*.png``."""
    root = tmp_path_factory.mktemp("three")
    for printer in ("01", "03"):
        for code, name in enumerate(CLASSES):
            for number in range(2):
                for frame, pixels in enumerate(shoot(code > 0, printer, 2 * code + number, frames=2, side=96)):
                    file = root / printer / name / f"p{number}" / f"{frame}.png"
                    file.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(pixels[:64]).save(file)
    return root


@pytest.fixture(scope="module")
def model(three_classes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of three classes."""
    out = tmp_path_factory.mktemp("model") / "ckpt"
    adaptprint.train(three_classes, out=out, set=QUICK, hold_out_printer=["03"])
    return out


def test_a_model_of_three_classes_is_trained_and_keeps_the_aspect_of_its_frames(model: Path) -> None:
    loaded = adaptprint.load(model)
    assert set(loaded.classes) == set(CLASSES)
    assert loaded.checkpoint.config.input_size == (32, 64)
    assert set(loaded.checkpoint.config.metrics["held_out_printers"]) == {"03"}


def test_a_model_of_three_classes_is_adapted_evaluated_and_asked(
    cli: Callable[..., Any], model: Path, three_classes: Path, tiny_dann: tuple[str, ...], tmp_path: Path
) -> None:
    words = ("--source", model, "--target", three_classes, "--printer", "03", "--out", tmp_path / "run")
    settings = [word for pair in tiny_dann for word in ("--set", pair)]
    result = cli("adapt", *words, "--recipe", "dann-prior", *settings, "--json")
    assert result.code == 0, result.stderr
    assert len(result.json["target"]["prior_estimate"]) == 3
    measured = cli("evaluate", "--model", tmp_path / "run" / "candidate", "--data", three_classes, "--json")
    assert measured.json["n_prints"] == 12
    rows = cli("predict", "--model", model, three_classes, "--json").json["frames"]
    assert {f"p_{name}" for name in CLASSES} <= rows[0].keys()


def test_a_prior_for_two_classes_is_said_to_be_ignored_with_three(
    model: Path, three_classes: Path, tmp_path: Path
) -> None:
    result = adaptprint.adapt(
        model, three_classes, printer="03", out=tmp_path / "run", recipe="source-only", target_prior="all-good"
    )
    assert any("ignored" in note for note in result.to_dict()["notes"])


def test_labels_that_differ_inside_prints_are_noticed_and_print_votes_are_switched_off(
    write_printers: Callable[..., Path], write_csv: Callable[..., Path], tmp_path: Path
) -> None:
    data = write_printers(tmp_path / "data", ("01", "03"), prints=4, frames=2)
    rows = [line.split(",") for line in (data / "train.csv").read_text().splitlines()[1:]]
    # Two prints, a good and a bad one, become one.
    write_csv(data / "train.csv", [(name, printer, int(name[-7]) // 2, label) for name, printer, _, label in rows])
    trained = adaptprint.train(data, out=tmp_path / "ckpt", set=QUICK)
    assert any("labels differ inside prints" in note for note in trained.notes)
    predicted = adaptprint.predict(tmp_path / "ckpt", data)
    assert predicted.prints.height == 0
    adapted = adaptprint.adapt(
        tmp_path / "ckpt", write_printers(tmp_path / "new", ("9",)), out=tmp_path / "run", recipe="bn-early"
    )
    assert any("frames are judged one by one" in note for note in adapted.to_dict()["notes"])
    measured = adaptprint.evaluate(tmp_path / "ckpt", data)
    assert measured.metrics.print_accuracy is None
