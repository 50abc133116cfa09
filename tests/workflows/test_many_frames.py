"""More frames than the coreset holds: adapted on a few, every one scored, decoded once, and not again after Ctrl-C."""

import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import adaptprint
from adaptprint.errors import InterruptedRunError, UsageError
from adaptprint.frames.coreset import coreset_rows
from adaptprint.frames.layouts import read_frames
from adaptprint.frames.table import FrameTable
from adaptprint.reporting.progress import Progress
from adaptprint.workflows import scoring

PRINTS, FRAMES, CORESET, PIECE = 6, 16, 64, 12
ALL, REST = PRINTS * FRAMES, PRINTS * FRAMES - CORESET
FEW = (f"coreset_frames={CORESET}",)
# Columns in which a run with a coreset has another candidate than one without.
AFTER = ("after", "agrees")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, write_printers: Callable[..., Path]) -> Iterator[Path]:
    """Frames of one new printer, half as many again as the coreset holds; tests that change them work on a copy."""
    folder = tmp_path_factory.mktemp("many")
    yield write_printers(folder, ("9",), PRINTS, FRAMES) / "images" / "9"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def copy_of_many(many: Path, tmp_path: Path) -> Path:
    """The frames, to be damaged."""
    return Path(shutil.copytree(many, tmp_path / many.name))


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "PIECE_FRAMES", PIECE)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch, session_cache: Path, tmp_path: Path) -> list[bytes]:
    """Contents of the frames that were decoded so far, none of which is in the cache when the test begins."""
    from adaptprint.frames import pixels

    contents: list[bytes] = []
    decode = pixels.decode

    def noted(data: bytes, *words: Any) -> Any:
        contents.append(data)
        return decode(data, *words)

    monkeypatch.setattr(pixels, "decode", noted)
    (tmp_path / "cache").mkdir()
    # Which number format is faster here was measured once; a second look on a busy machine might say otherwise.
    shutil.copy(session_cache / "precision.json", tmp_path / "cache")
    monkeypatch.setenv("ADAPTPRINT_CACHE", str(tmp_path / "cache"))
    return contents


def listed(folder: Path) -> FrameTable:
    return read_frames(folder, layout="prints", labels="ignored")


def beyond_the_coreset(table: FrameTable) -> list[str]:
    rows = np.setdiff1d(np.arange(len(table)), coreset_rows(table, CORESET, 0))
    return table.data["name"][rows].to_list()


def press_ctrl_c_at(done: int) -> Callable[[Progress], None]:
    """A progress callback that presses Ctrl-C while the frames beyond the coreset are scored."""

    def watch(event: Progress) -> None:
        if event.stage == scoring.STAGE and event.done >= done:
            signal.raise_signal(signal.SIGINT)

    return watch


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


def test_the_frames_beyond_the_coreset_are_embedded_once_by_each_of_two_models(
    source: Path, many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    embed = scoring.embed

    def noted(network: Any, frames: Any, *words: Any, **options: Any) -> Any:
        seen.append(len(frames))
        return embed(network, frames, *words, **options)

    monkeypatch.setattr(scoring, "embed", noted)
    adaptprint.adapt(source, many, out=tmp_path / "same", recipe="source-only", set=FEW)
    assert sum(seen) == REST
    assert max(seen) == PIECE
    frames = pl.read_csv(tmp_path / "same" / "frames.csv")
    assert frames["before_score"].equals(frames["after_score"])
    seen.clear()
    adaptprint.adapt(source, many, out=tmp_path / "two", recipe="bn-early", set=FEW)
    assert sum(seen) == 2 * REST  # the coreset is so small that the examination has seen all of it


def test_progress_counts_the_frames_beyond_the_coreset_up_to_their_number(
    source: Path, many: Path, tmp_path: Path
) -> None:
    seen: list[Progress] = []
    adaptprint.adapt(source, many, out=tmp_path / "run", recipe="bn-early", set=FEW, progress=seen.append)
    counted = [event for event in seen if event.stage == scoring.STAGE]
    assert {event.total for event in counted} == {REST}
    done = [event.done for event in counted]
    assert (done[0], done[-1]) == (0, REST)
    assert done == sorted(done)
    assert len(set(done)) > REST // PIECE + 1  # it moves inside a piece too


def test_a_run_stopped_while_it_scores_goes_on_to_the_same_bytes_and_scores_no_piece_again(
    source: Path, many: Path, tiny_dann: tuple[str, ...], decoded: list[bytes],
    digests: Callable[[Path], dict[str, str]], untouched: Callable[..., None], tmp_path: Path,
) -> None:  # fmt: skip
    options: dict[str, Any] = {"recipe": "dann", "set": (*tiny_dann, *FEW)}
    adaptprint.adapt(source, many, out=tmp_path / "whole", **options)
    decoded.clear()
    out = tmp_path / "run"
    with pytest.raises(InterruptedRunError, match=f"stopped after {PIECE} of {REST} frames") as stopped:
        adaptprint.adapt(source, many, out=out, **options, progress=press_ctrl_c_at(PIECE + 1))
    assert "--resume" in stopped.value.fix
    untouched(out, unfinished=True)
    decoded.clear()
    seen: list[Progress] = []
    adaptprint.adapt(source, many, out=out, **options, resume=True, progress=seen.append)
    assert len(decoded) == REST - PIECE
    assert next(event.done for event in seen if event.stage == scoring.STAGE) == PIECE
    assert not any(event.stage == "adapting" for event in seen)
    assert digests(out) == digests(tmp_path / "whole")
    assert not (tmp_path / ".run.unfinished").exists()


def test_scores_of_another_candidate_are_not_taken_for_this_one_s(source: Path, many: Path, tmp_path: Path) -> None:
    whole = adaptprint.adapt(source, many, out=tmp_path / "whole", recipe="bn-early", set=FEW)
    with pytest.raises(InterruptedRunError):
        adaptprint.adapt(source, many, out=tmp_path / "run", recipe="bn", set=FEW, progress=press_ctrl_c_at(PIECE + 1))
    again = adaptprint.adapt(source, many, out=tmp_path / "run", recipe="bn-early", set=FEW, resume=True)
    assert (again.out / "frames.csv").read_bytes() == (whole.out / "frames.csv").read_bytes()


def test_a_run_does_not_go_on_with_other_frames_beyond_the_coreset(
    source: Path, copy_of_many: Path, tiny_dann: tuple[str, ...], tmp_path: Path
) -> None:
    options: dict[str, Any] = {"out": tmp_path / "run", "recipe": "dann", "set": (*tiny_dann, *FEW)}
    with pytest.raises(InterruptedRunError):
        adaptprint.adapt(source, copy_of_many, **options, progress=press_ctrl_c_at(1))
    name = beyond_the_coreset(listed(copy_of_many))[0]
    # It keeps its place among the others, so that the coreset stays what it was.
    (copy_of_many / name).rename((copy_of_many / name).with_suffix(".jpeg"))
    with pytest.raises(UsageError, match="other data"):
        adaptprint.adapt(source, copy_of_many, **options, resume=True)


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
    assert any(
        note.startswith(f"{spoilt} unreadable frames were left out, first {names[0]}: ") for note in content["notes"]
    )
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
