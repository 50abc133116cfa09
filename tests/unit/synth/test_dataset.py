"""render_dataset: what it writes, and what it refuses."""

import csv
import errno
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from adaptprint.errors import OutputError, UsageError
from adaptprint.synth import SynthResult, render_dataset
from adaptprint.synth import dataset as dataset_module
from adaptprint.synth.jobs import FILAMENTS
from adaptprint.synth.nozzles import NOZZLES

SMALL = (64, 112)


def rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def render(out: Path, **arguments: Any) -> SynthResult:
    return render_dataset(out, **{"printers": ["magpie"], "prints": 2, "frames": 1, "size": SMALL, **arguments})


def test_a_data_set_has_the_layout_of_the_competition(rendered: SynthResult) -> None:
    lines = rows(rendered.out / "train.csv")
    assert list(lines[0]) == ["img_path", "printer_id", "print_id", "has_under_extrusion"]
    assert len(lines) == rendered.n_frames == 24
    for line in lines:
        printer, print_id, name = line["img_path"].split("/")
        assert (printer, print_id) == (line["printer_id"], line["print_id"])
        assert float(name.removesuffix(".jpg")) > int(print_id)
        with Image.open(rendered.out / "images" / line["img_path"]) as picture:
            assert picture.size == (112, 64)
            assert picture.format == "JPEG"
    assert {line["printer_id"] for line in lines} == {"001", "055"}
    assert set(contents(rendered.out)) == {"train.csv", "truth.csv"} | {f"images/{line['img_path']}" for line in lines}


def test_all_frames_of_a_print_share_its_label(rendered: SynthResult) -> None:
    labels: dict[str, set[str]] = {}
    for line in rows(rendered.out / "train.csv"):
        labels.setdefault(line["print_id"], set()).add(line["has_under_extrusion"])
    assert len(labels) == rendered.n_prints
    assert all(len(found) == 1 for found in labels.values())


def test_frames_are_about_four_tenths_of_a_second_apart(rendered: SynthResult) -> None:
    times: dict[str, list[float]] = {}
    for line in rows(rendered.out / "train.csv"):
        times.setdefault(line["print_id"], []).append(float(Path(line["img_path"]).stem))
    for found in times.values():
        assert np.diff(found) == pytest.approx(0.404, abs=0.017)


def test_the_truth_file_tells_the_flow_nozzle_and_camera_of_every_print(rendered: SynthResult) -> None:
    truth = rows(rendered.out / "truth.csv")
    assert len(truth) == rendered.n_prints
    for line in truth:
        flow = float(line["flow"])
        assert flow < 0.8 if line["has_under_extrusion"] == "1" else 0.94 < flow < 1.07
        assert line["nozzle"] in NOZZLES
        assert line["filament"] in FILAMENTS
        assert float(line["camera_height_mm"]) > 0


def test_the_bytes_do_not_depend_on_the_number_of_jobs(rendered: SynthResult, tmp_path: Path) -> None:
    again = render_dataset(
        tmp_path / "again", printers=["magpie", "onyx"], prints=4, frames=3, seed=5, size=SMALL, jobs=3
    )
    assert contents(again.out) == contents(rendered.out)


def test_another_seed_gives_other_frames_of_the_same_printer(rendered: SynthResult, tmp_path: Path) -> None:
    other = render(tmp_path / "other", seed=6)
    assert not set(contents(other.out).values()) & set(contents(rendered.out).values())


def test_the_prints_of_a_printer_do_not_depend_on_the_other_printers(tmp_path: Path) -> None:
    alone = contents(render(tmp_path / "alone", printers=["frost"]).out / "images")
    together = contents(render(tmp_path / "together", printers=["fog", "frost"]).out / "images")
    assert alone.items() < together.items()


@pytest.mark.parametrize(("share", "bad"), [(0.0, 0), (0.5, 2), (0.8, 3), (1.0, 4)])
def test_the_share_of_bad_prints_is_kept_in_every_printer(tmp_path: Path, share: float, bad: int) -> None:
    result = render(tmp_path / "data", printers=["frost", "dusk"], prints=4, bad_share=share, size=(32, 56))
    truth = rows(result.out / "truth.csv")
    assert Counter(line["printer"] for line in truth if line["has_under_extrusion"] == "1") == Counter(
        {name: bad for name in ("frost", "dusk") if bad}
    )
    assert result.n_bad_prints == 2 * bad


def test_the_share_of_bad_prints_can_be_given_per_printer_by_name_or_id(tmp_path: Path) -> None:
    result = render(
        tmp_path / "data", printers=["frost", "dusk", "fog"], bad_share={"frost": 1.0, "007": 0.0}, size=(32, 56)
    )
    bad = Counter(line["printer"] for line in rows(result.out / "truth.csv") if line["has_under_extrusion"] == "1")
    assert bad == {"frost": 2, "fog": 1}


def test_a_number_of_printers_takes_presets_first_and_then_random_ones(tmp_path: Path) -> None:
    result = render(tmp_path / "data", printers=6, prints=1, family="portrait", size=(32, 56))
    assert list(result.printers.values()) == ["olive", "ember", "orchid", "fog", "onyx", "random-1"]


def test_progress_counts_the_prints(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    render(tmp_path / "data", progress=lambda done, of: seen.append((done, of)))
    assert seen == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    "arguments",
    [
        {"printers": ["nobody"]},
        {"printers": []},
        {"printers": 0},
        {"printers": ["frost", "009"]},
        {"printers": ["random-0"]},
        {"prints": 0},
        {"frames": 0},
        {"bad_share": 1.2},
        {"bad_share": float("nan")},
        {"bad_share": {"dusk": 0.5}},
        {"seed": -1},
        {"family": "fisheye"},
        {"jobs": 0},
        {"size": (8, 8)},
    ],
)
def test_an_argument_that_does_not_fit_is_refused_with_a_fix_before_anything_is_written(
    tmp_path: Path, arguments: dict[str, Any]
) -> None:
    with pytest.raises(UsageError) as refusal:
        render(tmp_path / "data", **arguments)
    assert refusal.value.fix
    assert not list(tmp_path.iterdir())


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("dear")
    with pytest.raises(UsageError):
        render(tmp_path)
    with pytest.raises(UsageError):
        render(tmp_path, overwrite=True)
    with pytest.raises(UsageError):
        render(tmp_path / "mine.txt")
    assert (tmp_path / "mine.txt").read_text() == "dear"


@pytest.mark.parametrize("truth", [None, "printer_id,print_id\n"])
def test_somebody_s_own_data_set_of_the_same_layout_is_never_replaced(tmp_path: Path, truth: str | None) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_text("dear")
    (tmp_path / "train.csv").write_text("img_path,printer_id,print_id,has_under_extrusion\n")
    if truth is not None:
        (tmp_path / "truth.csv").write_text(truth)
    with pytest.raises(UsageError, match="more than a rendered data set"):
        render(tmp_path, overwrite=True)
    assert (tmp_path / "images" / "a.jpg").read_text() == "dear"


def test_an_older_data_set_is_replaced_when_that_is_asked_for(tmp_path: Path) -> None:
    render(tmp_path / "data", seed=1)
    fresh = render(tmp_path / "fresh", seed=2)
    render(tmp_path / "data", seed=2, overwrite=True)
    assert contents(tmp_path / "data") == contents(fresh.out)
    assert {path.name for path in tmp_path.iterdir()} == {"data", "fresh"}


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path: Path, jobs: int) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as failure:
        render(tmp_path / "file" / "data", jobs=jobs)
    assert failure.value.fix


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(dataset_module, "write_tables", full)
    with pytest.raises(OutputError, match="No space left"):
        render(tmp_path / "data")
    assert not list(tmp_path.iterdir())
