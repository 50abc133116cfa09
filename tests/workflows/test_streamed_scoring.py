"""Frames beyond the coreset are scored piece by piece: counted and timed truly, and not again after Ctrl-C."""

import signal
from collections.abc import Callable
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
from adaptprint.reporting.pace import Pace
from adaptprint.reporting.progress import Progress
from adaptprint.workflows import scoring, stream

PRINTS, FRAMES, CORESET, PIECE = 6, 16, 64, 12
ALL, REST = PRINTS * FRAMES, PRINTS * FRAMES - CORESET
FEW = (f"coreset_frames={CORESET}",)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PIECE_FRAMES", PIECE)


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
    options: dict[str, Any] = {"recipe": "dann-prior", "set": (*tiny_dann, *FEW)}
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
    options: dict[str, Any] = {"out": tmp_path / "run", "recipe": "dann-prior", "set": (*tiny_dann, *FEW)}
    with pytest.raises(InterruptedRunError):
        adaptprint.adapt(source, copy_of_many, **options, progress=press_ctrl_c_at(1))
    name = beyond_the_coreset(listed(copy_of_many))[0]
    # It keeps its place among the others, so that the coreset stays what it was.
    (copy_of_many / name).rename((copy_of_many / name).with_suffix(".jpeg"))
    with pytest.raises(UsageError, match="other data"):
        adaptprint.adapt(source, copy_of_many, **options, resume=True)


@pytest.mark.parametrize("resumed", [False, True], ids=["from the start", "after --resume"])
def test_the_time_left_is_that_which_the_other_frames_really_take(
    resumed: bool, source: Path, many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"out": tmp_path / "run", "recipe": "bn-early", "set": FEW}
    if resumed:
        with pytest.raises(InterruptedRunError):
            adaptprint.adapt(source, many, **options, progress=press_ctrl_c_at(PIECE + 1))
    seconds, told, pace = [0.0], list[tuple[float, float]](), Pace()
    embed = scoring.embed

    def timed(network: Any, frames: Any, compute: Any, progress: Any = None, **words: Any) -> Any:
        found = embed(network, frames, compute)
        seconds[0] += len(frames)  # each model takes a second a frame
        if progress is not None:
            progress(Progress("looking", len(frames), len(frames)))
        return found

    def watch(event: Progress) -> None:
        if event.stage == scoring.STAGE:
            pace.add(seconds[0], event.done)
            left = pace.remaining(event.total)
            if left is not None:
                told.append((seconds[0], left))

    monkeypatch.setattr(scoring, "embed", timed)
    adaptprint.adapt(source, many, **options, resume=resumed, progress=watch)
    assert len(told) > 2
    for moment, left in told:
        assert left == pytest.approx(seconds[0] - moment, abs=0.1)
