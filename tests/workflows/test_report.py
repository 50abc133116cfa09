"""report: the page of a finished run again, from the run folder alone."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import adaptprint
from adaptprint.errors import UsageError


@pytest.fixture
def run(run_folder: Path, tmp_path: Path) -> Path:
    """A finished run without its models, to be damaged."""
    models = shutil.ignore_patterns("candidate", "checkpoint")
    return Path(shutil.copytree(run_folder, tmp_path / "run", ignore=models))


def facts(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "report.json").read_text())
    return found


def test_the_page_is_written_again_to_the_byte(run: Path, cli: Callable[..., Any]) -> None:
    first = (run / "report.html").read_bytes()
    (run / "report.html").unlink()
    result = cli("report", run)
    assert result.code == 0, result.stderr
    assert (run / "report.html").read_bytes() == first
    assert facts(run)["verdict"] in result.stdout
    assert not list(run.glob(".*"))


def test_it_may_go_elsewhere_and_json_carries_the_facts(run: Path, cli: Callable[..., Any], tmp_path: Path) -> None:
    first, out = (run / "report.html").read_bytes(), tmp_path / "new folder" / "page.html"
    result = cli("report", run, "--out", out, "--json")
    assert result.json == {**facts(run), "report": str(out)}
    assert out.read_bytes() == first
    with pytest.raises(UsageError, match="exists already"):
        adaptprint.report(run, out=out)
    assert adaptprint.report(run, out=out, overwrite=True).out == out
    with pytest.raises(UsageError, match="is a folder"):
        adaptprint.report(run, out=tmp_path, overwrite=True)


def test_the_facts_tell_of_every_print_what_the_tables_tell(run: Path) -> None:
    content, table = facts(run), pl.read_csv(run / "prints.csv")
    rows = {row["print"]: row for row in content["prints"]}
    assert list(rows) == table["print"].to_list()
    for row in table.iter_rows(named=True):
        told = rows[row["print"]]
        assert (told["before_class"], told["after_class"]) == (row["before_class"], row["after_class"])
        assert told["before_score"] == pytest.approx(row["before_score"], abs=1e-4)
        assert told["outside_share"] == pytest.approx(row["outside_share"], abs=1e-3)
        assert told["outside_support"] == (row["flag"] == "outside source support")
    changed = [row["print"] for row in rows.values() if row["before_class"] != row["after_class"]]
    assert content["changes"]["n"] == len(changed)
    assert {row["print"] for row in content["changes"]["prints"]} == set(changed[:6])


def test_frames_unlike_the_source_are_those_that_the_table_flags(run: Path) -> None:
    content, table = facts(run), pl.read_csv(run / "frames.csv")
    flagged = table.filter(pl.col("flag") == "outside source support")
    strange = content["outside_support"]
    assert strange["n_frames"] == flagged.height
    distances = [frame["source_distance"] for frame in strange["frames"]]
    assert distances == sorted(distances, reverse=True)
    assert {frame["name"] for frame in strange["frames"]} <= set(flagged["name"])
    if flagged.height:
        assert distances[0] == pytest.approx(flagged["source_distance"].max(), abs=1e-5)


def test_every_frame_shown_has_its_picture_and_the_nearest_source_frame_of_the_table(run: Path) -> None:
    content = facts(run)
    table = {row["name"]: row for row in pl.read_csv(run / "frames.csv").iter_rows(named=True)}
    assert content["pictures"]
    for frame in content["pictures"]:
        assert (run / "pictures" / frame["picture"]).read_bytes().startswith(b"\xff\xd8")
        assert frame["nearest"]["name"] == table[frame["name"]]["nearest_source_frame"]
        assert frame["nearest"]["label"] == table[frame["name"]]["nearest_source_label"]


def test_a_moved_decision_lies_where_the_model_that_ships_has_it(source: Path, target: Path, tmp_path: Path) -> None:
    content = adaptprint.adapt(source, target, out=tmp_path / "run", recipe="calibrate").to_dict()
    decision, rows = content["decision"], content["prints"]
    assert decision["moves_only"]
    assert decision["after"] - decision["before"] == pytest.approx(decision["expected"]["margin"])
    for row in rows:
        assert row["before_margin"] - row["after_margin"] == pytest.approx(decision["expected"]["margin"], abs=1e-3)
        assert sum(row["expected"]) == pytest.approx(1, abs=1e-3)
    assert content["map"]["after"] is None
    labels = {(row["class"], row["printer"]) for row in content["source_prints"]}
    assert {"good", "under_extrusion"} == {label for label, _ in labels}


def test_what_is_no_finished_run_or_lacks_a_part_is_an_error_with_its_fix(
    run: Path, cli: Callable[..., Any], fails: Callable[..., str], tmp_path: Path
) -> None:
    assert "no run at" in fails(cli("report", tmp_path / "gone"), 4)
    (tmp_path / "empty").mkdir()
    assert "no finished run" in fails(cli("report", tmp_path / "empty"), 4)
    picture = facts(run)["pictures"][0]["picture"]
    (run / "pictures" / picture).unlink()
    before = (run / "report.html").read_bytes()
    assert picture in fails(cli("report", run), 4)
    assert (run / "report.html").read_bytes() == before
    (run / "report.json").write_text("{")
    assert "report.json" in fails(cli("report", run), 4)


def test_a_picture_outside_the_run_folder_is_not_read(
    run: Path, cli: Callable[..., Any], fails: Callable[..., str]
) -> None:
    content = facts(run)
    content["pictures"][0]["picture"] = "../report.json"
    (run / "report.json").write_text(json.dumps(content))
    assert "outside the run folder" in fails(cli("report", run), 4)


def test_a_place_that_cannot_be_written_is_an_error_with_its_fix(
    run: Path, cli: Callable[..., Any], fails: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    fails(cli("report", run, "--out", tmp_path / "file" / "page.html"), 4)
