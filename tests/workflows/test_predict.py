"""predict: images, folders and paths from stdin; tables, JSON, CSV and abstentions; and models as objects."""

import csv
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import adaptprint
from adaptprint.errors import BadDataError

FRAME_KEYS = {"name", "printer", "print", "class", "probability", "abstains", "reason", "p_good", "p_under_extrusion"}


@pytest.fixture
def images(source: Path, known: Path) -> list[Path]:
    """A frame that the model calls good and one that it calls faulty."""
    frames = sorted((known / "images").rglob("*.jpg"))
    calls = adaptprint.load(source).predict(frames).argmax(1).tolist()
    return [frames[calls.index(0)], frames[calls.index(1)]]


def test_single_images_are_called_without_print_votes(
    cli: Callable[..., Any], source: Path, images: list[Path]
) -> None:
    result = cli("predict", "--model", source, *images, "--json")
    assert result.code == 0, result.stderr
    assert [row["class"] for row in result.json["frames"]] == ["good", "under_extrusion"]
    assert [row["name"] for row in result.json["frames"]] == [str(image) for image in images]
    assert result.json["prints"] == []
    assert {(row["printer"], row["print"]) for row in result.json["frames"]} == {("", "")}


def test_a_folder_is_called_by_frame_and_by_print(cli: Callable[..., Any], source: Path, target: Path) -> None:
    content = cli("predict", "--model", source, target / "images" / "9", "--layout", "prints", "--json").json
    assert len(content["frames"]) == 24
    assert all(row.keys() == FRAME_KEYS for row in content["frames"])
    assert len(content["prints"]) == 6
    for row in content["prints"]:
        shares = [frame["p_under_extrusion"] for frame in content["frames"] if frame["print"] == row["print"]]
        margin = np.mean(np.log(shares) - np.log1p(-np.array(shares)))
        assert row["p_under_extrusion"] == pytest.approx(1 / (1 + np.exp(-margin)), abs=2e-4)
        assert row["class"] == ("under_extrusion" if margin >= 0 else "good")
    assert all(abs(row["p_good"] + row["p_under_extrusion"] - 1) < 1e-4 for row in content["frames"])


def test_labels_of_the_data_are_not_needed_and_not_read(cli: Callable[..., Any], source: Path, target: Path) -> None:
    with_labels = cli("predict", "--model", source, target, "--json").json["frames"]
    without = cli("predict", "--model", source, target / "images" / "9", "--layout", "prints", "--json").json["frames"]
    assert [row["p_good"] for row in with_labels] == [row["p_good"] for row in without]


def test_paths_are_read_from_stdin(cli: Callable[..., Any], source: Path, images: list[Path]) -> None:
    result = cli("predict", "--model", source, "-", "--json", stdin=f"{images[1]}\n\n{images[0]}\n")
    assert result.code == 0, result.stderr
    assert [row["class"] for row in result.json["frames"]] == ["under_extrusion", "good"]


def test_csv_output_is_a_table_that_other_programs_read(cli: Callable[..., Any], source: Path, target: Path) -> None:
    result = cli("predict", "--model", source, target, "--csv")
    assert result.code == 0, result.stderr
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert len(rows) == 24
    assert rows[0].keys() == FRAME_KEYS
    assert {row["abstains"] for row in rows} <= {"true", "false"}
    assert all(0 <= float(row["probability"]) <= 1 for row in rows)


def test_the_plain_output_names_the_prints(cli: Callable[..., Any], source: Path, target: Path) -> None:
    result = cli("predict", "--model", source, target)
    assert result.code == 0, result.stderr
    assert "9-p3" in result.stdout


@pytest.mark.parametrize(("below", "abstains"), [(0, 0), (1, 24)])
def test_calls_below_the_bound_are_abstentions(below: float, abstains: int, source: Path, target: Path) -> None:
    result = adaptprint.predict(source, target, abstain_below=below)
    assert result.frames["abstains"].sum() == abstains
    assert result.frames["class"].null_count() == 0


@pytest.fixture
def with_green(target: Path, tmp_path: Path) -> Path:
    """Prints of the new printer, and one whose camera looks at a green wall."""
    folder = Path(shutil.copytree(target / "images" / "9", tmp_path / "9"))
    (folder / "green").mkdir()
    for number in range(3):
        Image.new("RGB", (64, 64), (0, 255 - number, 0)).save(folder / "green" / f"{number}.png")
    return folder


def test_what_is_unlike_all_the_source_showed_is_an_abstention_if_asked_for(
    cli: Callable[..., Any], source: Path, with_green: Path
) -> None:
    words = ("predict", "--model", source, with_green, "--layout", "prints", "--abstain-below", 0, "--json")
    plain, asked = cli(*words).json, cli(*words, "--abstain").json
    assert not any(row["abstains"] or row["reason"] for row in (*plain["frames"], *plain["prints"]))
    assert "source_distance" not in plain["frames"][0]
    for rows in (asked["frames"], asked["prints"]):
        strange = [row for row in rows if row["print"] == "green"]
        assert strange
        assert all(row["abstains"] and row["reason"] == "outside source support" for row in strange)
        assert all(row["abstains"] == (row["reason"] != "") for row in rows)
        usual = [row["source_distance"] for row in rows if row["print"] != "green"]
        assert min(row["source_distance"] for row in strange) > np.median(usual)
    # The calls themselves are what they were.
    assert [row["p_good"] for row in asked["frames"]] == [row["p_good"] for row in plain["frames"]]


def test_the_reason_stands_in_the_table_and_in_the_csv(cli: Callable[..., Any], source: Path, with_green: Path) -> None:
    words = ("predict", "--model", source, with_green, "--layout", "prints", "--abstain")
    assert "outside source support: " in cli(*words).stdout
    rows = list(csv.DictReader(io.StringIO(cli(*words, "--csv").stdout)))
    assert {row["reason"] for row in rows if row["print"] == "green"} <= {
        "outside source support", "unsure; outside source support",
    }  # fmt: skip


def test_without_source_frames_nothing_can_be_outside_their_support(
    cli: Callable[..., Any], fails: Callable[..., str], source_copy: Path, images: list[Path]
) -> None:
    forget_memory(source_copy)
    assert "--abstain" in fails(cli("predict", "--model", source_copy, images[0], "--abstain"), 4)
    assert cli("predict", "--model", source_copy, images[0]).code == 0


def test_evaluate_tells_how_often_calls_are_wrong_when_the_least_trusted_are_left_out(
    cli: Callable[..., Any], source: Path, target: Path
) -> None:
    content = cli("evaluate", "--model", source, "--data", target, "--json").json
    curves = {(curve["unit"], curve["by"]): curve for curve in content["coverage_risk"]}
    assert list(curves) == [
        ("print", "confidence"),
        ("print", "support"),
        ("frame", "confidence"),
        ("frame", "support"),
    ]
    for (unit, _), curve in curves.items():
        accuracy = content["print_accuracy"] if unit == "print" else content["accuracy"]
        assert curve["risk"]["1"] == pytest.approx(1 - accuracy)
        assert curve["n"] == (6 if unit == "print" else 24)
    table = cli("evaluate", "--model", source, "--data", target).stdout
    assert "AURC" in table
    assert "confidence" in table


def test_evaluate_without_source_frames_has_no_curve_by_support_and_says_so(source_copy: Path, target: Path) -> None:
    forget_memory(source_copy)
    result = adaptprint.evaluate(source_copy, target)
    assert {curve.by for curve in result.coverage_risk} == {"confidence"}
    assert any("no source frames" in note for note in result.notes)


def forget_memory(folder: Path) -> None:
    """Takes the source frames out of a checkpoint."""
    from dataclasses import replace

    from adaptprint.models.checkpoint import load_checkpoint, write_checkpoint_files

    checkpoint = replace(load_checkpoint(folder), memory=None)
    (folder / "source_memory.safetensors").unlink()
    write_checkpoint_files(checkpoint, folder)


def test_a_model_calls_paths_and_bytes_alike_and_as_predict_does(source: Path, images: list[Path]) -> None:
    model = adaptprint.load(source)
    scores = model.predict([images[0], images[1].read_bytes()])
    assert scores.shape == (2, 2)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(1), 1, atol=1e-5)
    assert [model.classes[code] for code in scores.argmax(1)] == ["good", "under_extrusion"]
    called = adaptprint.predict(source, images).frames["p_under_extrusion"].to_numpy()
    np.testing.assert_allclose(scores[:, 1], called, atol=1e-4)


def test_a_model_says_which_of_several_images_it_cannot_read(source: Path, images: list[Path]) -> None:
    with pytest.raises(BadDataError, match="image 1"):
        adaptprint.load(source).predict([images[0].read_bytes(), b"no image"])


def test_a_model_calls_no_images_at_all(source: Path) -> None:
    assert adaptprint.load(source).predict([]).shape == (0, 2)


@pytest.mark.parametrize(
    ("words", "stdin", "code"),
    [
        (("-",), "", 2),
        (("-",), "gone.jpg\n", 4),
        (("gone.jpg",), None, 4),
        (("a.jpg", "folder"), None, 2),
        (("gone_folder",), None, 4),
        (("a.jpg", "--abstain-below", "1.5"), None, 2),
        (("a.jpg", "--abstain-below", "nan"), None, 2),
        (("a.jpg", "--csv", "--json"), None, 2),
    ],
)
def test_nothing_to_call_ends_in_a_cause_and_a_fix(
    words: tuple[str, ...], stdin: str | None, code: int, cli: Callable[..., Any], fails: Callable[..., str],
    source: Path, images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    shutil.copy(images[0], "a.jpg")
    Path("folder").mkdir()
    fails(cli("predict", "--model", source, *words, stdin=stdin), code)


def test_an_image_that_does_not_exist_is_named_and_one_that_is_broken_says_why(
    cli: Callable[..., Any], fails: Callable[..., str], source: Path, images: list[Path], tmp_path: Path
) -> None:
    gone, broken = tmp_path / "gone.jpg", tmp_path / "broken.jpg"
    broken.write_bytes(b"text")
    assert fails(cli("predict", "--model", source, gone), 4) == (
        f"error: {gone} does not exist.\nfix: Check the path: images, a folder, a CSV or a video will do."
    )
    said = fails(cli("predict", "--model", source, broken), 4)
    assert f"The only frame given cannot be read; it is {broken}: not a JPEG" in said
    (note,) = cli("predict", "--model", source, images[0], gone, "--json").json["notes"]
    assert note == f"1 unreadable frame was left out, first {gone}: the file does not exist"


def test_the_camera_profile_of_the_call_beats_that_of_the_checkpoint(
    cli: Callable[..., Any], source: Path, images: list[Path]
) -> None:
    plain = cli("predict", "--model", source, images[1], "--json").json["frames"][0]
    turned = cli("predict", "--model", source, images[1], "--rotate", 90, "--json").json["frames"][0]
    assert turned["p_good"] != plain["p_good"]
