"""More frames than the coreset holds: adapted on a few, every one scored, and decoded once."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import adaptprint
from adaptprint.frames.coreset import coreset_rows
from adaptprint.frames.layouts import read_frames
from adaptprint.frames.table import FrameTable
from adaptprint.reporting.progress import Progress
from adaptprint.workflows import scoring, stream

PRINTS, FRAMES, CORESET, PIECE = 6, 16, 64, 12
ALL, REST = PRINTS * FRAMES, PRINTS * FRAMES - CORESET
FEW = (f"coreset_frames={CORESET}",)
# Columns in which a run with a coreset has another candidate than one without.
AFTER = ("after", "agrees")


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PIECE_FRAMES", PIECE)


def listed(folder: Path) -> FrameTable:
    return read_frames(folder, layout="prints", labels="ignored")


def beyond_the_coreset(table: FrameTable) -> list[str]:
    rows = np.setdiff1d(np.arange(len(table)), coreset_rows(table, CORESET, 0))
    return table.data["name"][rows].to_list()


def test_every_frame_gets_the_scores_it_gets_without_a_coreset(source: Path, many: Path, tmp_path: Path) -> None:
    small, whole = (
        adaptprint.adapt(source, many, out=tmp_path / name, recipe="bn-early", set=settings)
        for name, settings in (("small", FEW), ("whole", ()))
    )
    for name in ("frames.csv", "prints.csv"):
        found, wanted = (pl.read_csv(result.out / name, infer_schema_length=None) for result in (small, whole))
        assert found.columns == wanted.columns
        known = [name for name in found.columns if found[name].dtype != pl.Float64 and not name.startswith(AFTER)]
        assert found.select(known).equals(wanted.select(known))
        for column in {"before_score", "source_distance"} & set(found.columns):
            np.testing.assert_allclose(found[column], wanted[column], atol=2e-4)
    assert found["n_frames"].to_list() == [FRAMES] * PRINTS
    targets = [result.to_dict()["target"] for result in (small, whole)]
    assert [(target["n_frames"], target["n_prints"]) for target in targets] == [(ALL, PRINTS)] * 2
    assert [target["n_frames_adapted_on"] for target in targets] == [CORESET, ALL]
    assert targets[0]["calls_before"] == targets[1]["calls_before"]
    said = f"adapted on {CORESET} of {ALL} frames, spread evenly over prints and time; all {ALL} are scored"
    assert [said in result.to_dict()["notes"] for result in (small, whole)] == [True, False]


def test_the_candidate_s_scores_are_those_that_it_gives_when_it_predicts(
    source: Path, many: Path, tmp_path: Path
) -> None:
    result = adaptprint.adapt(source, many, out=tmp_path / "run", recipe="bn-early", set=FEW)
    frames = pl.read_csv(result.out / "frames.csv")
    predicted = adaptprint.predict(result.out / "candidate", many).frames
    assert frames["name"].to_list() == predicted["name"].to_list() == listed(many).data["name"].to_list()
    np.testing.assert_allclose(frames["after_score"], predicted["probability"], atol=2e-4)
    assert frames["after_class"].to_list() == predicted["class"].to_list()
    assert (frames["after_score"] != frames["before_score"]).any()


def test_every_frame_is_decoded_once_and_only_the_coreset_is_kept_in_the_cache(
    source: Path, many: Path, decoded: list[bytes], tmp_path: Path
) -> None:
    adaptprint.adapt(source, many, out=tmp_path / "run", recipe="source-only", set=FEW)
    assert len(decoded) == len(set(decoded)) == ALL
    kept = [file for file in (tmp_path / "cache" / "pixels").rglob("*") if file.is_file()]
    assert len(kept) == CORESET


@pytest.mark.parametrize("spoilt", [1, PIECE + 1, REST], ids=["one frame", "more than a piece", "all of them"])
def test_unreadable_frames_beyond_the_coreset_are_left_out_and_counted(
    spoilt: int, source: Path, copy_of_many: Path, tmp_path: Path
) -> None:
    table = listed(copy_of_many)
    names = beyond_the_coreset(table)[:spoilt]
    for name in names:
        (copy_of_many / name).write_bytes(b"no image")
    seen: list[Progress] = []
    result = adaptprint.adapt(
        source, copy_of_many, out=tmp_path / "run", recipe="bn-early", set=FEW, progress=seen.append
    )
    content = result.to_dict()
    assert content["target"]["n_unreadable"] == spoilt
    assert content["target"]["n_frames"] == ALL - spoilt
    left_out = f"{spoilt} unreadable frame{' was' if spoilt == 1 else 's were'} left out, first {names[0]}: "
    assert any(note.startswith(left_out) for note in content["notes"])
    wanted = [name for name in table.data["name"] if name not in names]
    assert pl.read_csv(result.out / "frames.csv")["name"].to_list() == wanted
    done = [event.done for event in seen if event.stage == scoring.STAGE]
    assert done == sorted(done)
    assert done[-1] == REST


def test_unreadable_frames_inside_and_beyond_the_coreset_are_counted_together(
    source: Path, copy_of_many: Path, tmp_path: Path
) -> None:
    table = listed(copy_of_many)
    inside = table.data["name"][int(coreset_rows(table, CORESET, 0)[0])]
    for name in (inside, beyond_the_coreset(table)[0]):
        (copy_of_many / name).write_bytes(b"")
    content = adaptprint.adapt(source, copy_of_many, out=tmp_path / "run", recipe="source-only", set=FEW).to_dict()
    counts = [content["target"][name] for name in ("n_unreadable", "n_frames", "n_frames_adapted_on")]
    assert counts == [2, ALL - 2, CORESET - 1]
    assert sum("unreadable" in note for note in content["notes"]) == 1
