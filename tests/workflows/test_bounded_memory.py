"""diagnose, predict and evaluate hold a bounded part of many frames at a time."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adaptprint
from adaptprint.frames.layouts import read_frames
from adaptprint.frames.table import FrameTable
from adaptprint.reporting.progress import Progress
from adaptprint.workflows import stream

PRINTS, FRAMES, CORESET, PIECE = 6, 16, 64, 12
ALL, REST = PRINTS * FRAMES, PRINTS * FRAMES - CORESET
FEW = (f"coreset_frames={CORESET}",)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PIECE_FRAMES", PIECE)


def test_diagnose_decodes_no_more_than_the_coreset_and_looks_at_the_frames_the_run_judged_by(
    source: Path, many: Path, decoded: list[bytes], tmp_path: Path
) -> None:
    run = adaptprint.adapt(source, many, out=tmp_path / "run", recipe="bn-early", set=FEW)
    shutil.rmtree(tmp_path / "cache" / "pixels")
    decoded.clear()
    found = adaptprint.diagnose(run.out / "candidate", many, baseline=source).to_dict()
    assert len(decoded) == len(set(decoded)) == CORESET
    assert found["target"] == {"n_frames": ALL, "n_prints": PRINTS, "n_frames_examined": CORESET}
    assert f"looked at {CORESET} of {ALL} frames, as many of every print as of any other" in found["notes"]
    for now, then in zip(found["witnesses"], run.to_dict()["witnesses"], strict=True):
        assert (now["name"], now["value"]) == (then["name"], pytest.approx(then["value"], abs=1e-3))


@pytest.mark.parametrize("kept", [True, False], ids=["they fit into the cache", "they do not"])
def test_predict_holds_two_pieces_of_many_frames_at_most_and_calls_them_as_in_one_go(
    kept: bool, source: Path, many: Path, decoded: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "PIECE_FRAMES", ALL)
    whole = adaptprint.predict(source, many)
    shutil.rmtree(tmp_path / "cache" / "pixels")
    decoded.clear()
    monkeypatch.setattr(stream, "PIECE_FRAMES", PIECE)
    monkeypatch.setenv("ADAPTPRINT_CACHE_GB", "1" if kept else str(ALL * 64 * 64 * 3 / 2**30))
    held, most = [0], [0]
    load, embed = stream.load_readable, stream.embed

    def loaded(table: FrameTable, *words: Any, **options: Any) -> Any:
        held[0] += len(table)
        most[0] = max(most[0], held[0])
        return load(table, *words, **options)

    def embedded(network: Any, frames: Any, *words: Any, **options: Any) -> Any:
        found = embed(network, frames, *words, **options)
        held[0] -= len(frames)
        return found

    monkeypatch.setattr(stream, "load_readable", loaded)
    monkeypatch.setattr(stream, "embed", embedded)
    seen: list[Progress] = []
    pieces = adaptprint.predict(source, many, progress=seen.append)
    assert most[0] == 2 * PIECE
    assert len(decoded) == len(set(decoded)) == ALL
    assert pieces.frames.select("name", "class").equals(whole.frames.select("name", "class"))
    np.testing.assert_allclose(pieces.frames["probability"], whole.frames["probability"], atol=2e-4)
    counted = [event for event in seen if event.stage == stream.STAGE]
    assert [event.done for event in counted] == sorted(event.done for event in counted)
    assert ({event.total for event in counted}, counted[-1].done) == ({ALL}, ALL)
    cached = (tmp_path / "cache" / "pixels").rglob("*")
    assert sum(file.is_file() for file in cached) == (ALL if kept else 0)


def test_evaluate_leaves_unreadable_frames_of_any_piece_out_and_says_so(
    source: Path, many: Path, tmp_path: Path
) -> None:
    data = shutil.copytree(many.parents[1], tmp_path / "data")
    table = read_frames(data, layout="auto", labels="required")
    for row in (0, PIECE, PIECE + 1, ALL - 1):
        Path(table.paths[row]).write_bytes(b"no image")
    result = adaptprint.evaluate(source, data)
    assert result.metrics.n_frames == ALL - 4
    assert any(
        note.startswith(f"4 unreadable frames were left out, first {table.data['name'][0]}") for note in result.notes
    )
