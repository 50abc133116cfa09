"""compare: the grid, its cells on disk, going on after a stop, several processes, and what is written."""

import csv
import json
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import adaptprint
from adaptprint.adaptation.recipe import load_recipe
from adaptprint.diagnostics.verdict import most_telling_prints
from adaptprint.errors import BadDataError, InterruptedRunError, UsageError
from adaptprint.frames.layouts import read_frames
from adaptprint.workflows import comparison_cell, comparison_left_out, comparison_run
from adaptprint.workflows.comparison_grid import plan

Compare = Callable[..., Any]
SHARES = (0, 0.5)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory, write_printers: Callable[..., Path]) -> Path:
    """Two printers the tiny source has not seen, 12 prints of one frame each, every other one bad."""
    return write_printers(tmp_path_factory.mktemp("labelled"), ("9", "10"), prints=12, frames=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, write_printers: Callable[..., Path]) -> Iterator[Path]:
    """A source model of two other printers after one step: what it knows does not matter here."""
    folder = tmp_path_factory.mktemp("model")
    data = write_printers(folder / "known", ("01", "1"), prints=4, frames=2)
    adaptprint.train(data, out=folder / "ckpt", set=("width=64", "steps=1", "batch_size=4", "memory_frames=16"))
    yield folder / "ckpt"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def compare(model: Path, labelled: Path, tmp_path: Path) -> Compare:
    """Compares bn-early with source-only at two bad shares on both printers: eight cells."""

    def run(*recipes: str | Path, **options: Any) -> Any:
        settings = {"data": labelled, "source": model, "out": tmp_path / "out", "bad_shares": SHARES, "threads": 1}
        return adaptprint.compare(recipes or ["bn-early"], **{**settings, **options})

    return run


@pytest.fixture(scope="module")
def finished(model: Path, labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A finished comparison as `compare` makes it. Tests only read it."""
    out = tmp_path_factory.mktemp("finished") / "out"
    adaptprint.compare(["bn-early"], data=labelled, source=model, out=out, bad_shares=SHARES, threads=1)
    yield out
    shutil.rmtree(out, ignore_errors=True)


@pytest.fixture
def adapted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names the cells that are run, as they are run."""
    seen: list[str] = []
    content = comparison_cell.cell_content

    def note(setting: Any, cell: Any, *rest: Any) -> Any:
        seen.append(cell.place)
        return content(setting, cell, *rest)

    monkeypatch.setattr(comparison_cell, "cell_content", note)
    return seen


def cells(out: Path) -> list[dict[str, Any]]:
    return [json.loads(file.read_text()) for file in sorted((out / "cells").iterdir())]


def without_time(out: Path) -> list[dict[str, Any]]:
    return [{key: value for key, value in cell.items() if key != "seconds"} for cell in cells(out)]


def test_test_prints_are_the_same_for_every_share_and_recipe_and_never_adapted_on(finished: Path) -> None:
    found = cells(finished)
    assert len(found) == 8
    for printer in ("9", "10"):
        here = [cell for cell in found if cell["printer"] == printer]
        tests = {tuple(sorted(cell["test"]["prints"])) for cell in here}
        assert len(tests) == 1
        assert not any(set(cell["adapted"]["prints"]) & set(*tests) for cell in here)


def test_bad_shares_are_honoured_in_the_prints_adapted_on(finished: Path) -> None:
    for cell in cells(finished):
        labels = cell["adapted"]["labels"]
        assert sum(labels) / len(labels) == cell["bad_share"]
        assert len(labels) >= 3


def test_fewer_prints_than_asked_for_are_told(finished: Path) -> None:
    notes = " ".join(json.loads((finished / "comparison.json").read_text())["notes"])
    assert "printer 9: fewer than 6 prints are adapted on" in notes
    assert "3 at 0" in notes


def test_every_candidate_has_its_label_free_scores_beside_the_truth(finished: Path) -> None:
    for cell in cells(finished):
        by_name = {candidate["name"]: candidate for candidate in cell["candidates"]}
        assert next(iter(by_name)) == "source-only"
        for candidate in by_name.values():
            for part in ("test", "adapted"):
                assert len(candidate[part]["right"]) == len(cell[part]["prints"])
                assert 0 <= candidate[part]["balanced_accuracy_by_frame"] <= 1
        if cell["recipe"] == "bn-early":
            assert by_name["bn-early"]["witnesses"]
            validators = by_name["bn-early"]["validators"]
            assert {"entropy", "MMD", "ATC", "print consistency"} <= {one["name"] for one in validators}
            assert all({"before", "after", "delta", "applies", "says"} <= one.keys() for one in validators)
            assert {"score", "vetoes"} <= by_name["bn-early"].keys()


def test_source_only_sees_each_print_the_same_in_every_cell(finished: Path) -> None:
    seen: dict[str, set[int]] = {}
    for cell in cells(finished):
        for name, right in zip(cell["test"]["prints"], cell["candidates"][0]["test"]["right"], strict=True):
            seen.setdefault(name, set()).add(right)
    assert all(len(calls) == 1 for calls in seen.values())


def test_the_folder_holds_the_table_in_four_forms(finished: Path) -> None:
    content = json.loads((finished / "comparison.json").read_text())
    with (finished / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(content["rows"]) == 2 * (1 + 2 + 2 + 4)
    assert float(rows[0]["gain"]) == content["rows"][0]["gain"]
    assert "| bn-early |" in (finished / "comparison.md").read_text()
    assert "<svg" in (finished / "comparison.html").read_text()
    assert all((finished / cell["file"]).is_file() for cell in content["cells"])


def test_a_stopped_comparison_goes_on_and_runs_no_finished_cell_again(
    compare: Compare, adapted: list[str], finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = comparison_cell.cell_content

    def stop_at_the_fourth(*words: Any) -> Any:
        if len(adapted) == 3:
            signal.raise_signal(signal.SIGINT)
        return content(*words)

    with monkeypatch.context() as patch:
        patch.setattr(comparison_cell, "cell_content", stop_at_the_fourth)
        with pytest.raises(InterruptedRunError, match="3 of 8 cells finished") as caught:
            compare()
    assert "--resume" in caught.value.fix
    assert not (tmp_path / "out").exists()
    kept = {file.name: file.stat().st_mtime_ns for file in (tmp_path / ".out.unfinished/pieces/cells").iterdir()}
    assert len(kept) == 3
    compare(resume=True)
    assert len(adapted) == 8
    assert len(set(adapted)) == 8
    assert {name: (tmp_path / "out/cells" / name).stat().st_mtime_ns for name in kept} == kept
    assert without_time(tmp_path / "out") == without_time(finished)
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_a_finished_comparison_takes_more_seeds_without_running_the_old_ones_again(
    compare: Compare, adapted: list[str], finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished, tmp_path / "out")
    result = compare(resume=True, seeds=(0, 1), bad_shares=(0,))
    assert len(adapted) == 4
    assert all(place.endswith("seed 1") for place in adapted)
    assert len(result.cells) == 8


def test_a_cell_of_other_settings_is_run_again(
    compare: Compare, adapted: list[str], finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished, tmp_path / "out")
    recipe = tmp_path / "bn-early.toml"
    recipe.write_text('norms = "early"\nstatistics_frames = 8\n')
    compare(recipe, resume=True, bad_shares=(0,), printer=["9"])
    assert adapted == ["bn-early on printer 9, bad share 0, seed 0"]


def test_settings_of_recipes_go_to_every_recipe_but_the_baseline(compare: Compare, tmp_path: Path) -> None:
    compare("bn-early", "bn", recipe_set=("statistics_frames=8",), bad_shares=(0,), printer=["9"])
    cells = [json.loads(path.read_text()) for path in (tmp_path / "out" / "cells").iterdir()]
    assert {cell["recipe"]: cell["settings"]["statistics_frames"] for cell in cells} == {
        "source-only": load_recipe("source-only").recipe.statistics_frames,
        "bn-early": 8,
        "bn": 8,
    }


def test_several_processes_find_what_one_finds(compare: Compare, finished: Path, tmp_path: Path) -> None:
    compare(max_parallel=2, bad_shares=(0,))
    wanted = [cell for cell in without_time(finished) if cell["bad_share"] == 0]
    assert without_time(tmp_path / "out") == wanted


def test_a_cell_that_fails_stops_no_other_and_is_shown(
    cli: Callable[..., Any], model: Path, labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapt = comparison_cell.adapt_network

    def burn(task: Any) -> Any:
        if "10" in task.target.table.printers:
            raise ZeroDivisionError("smoke")
        return adapt(task)

    monkeypatch.setattr(comparison_cell, "adapt_network", burn)
    out = tmp_path / "out"
    words = ("compare", "bn-early", "--data", labelled, "--source", model, "--out", out)
    result = cli(*words)
    assert result.code == 4
    assert "Failed cells: 1" in result.stdout
    assert "smoke" in result.stdout
    content = json.loads((out / "comparison.json").read_text())
    assert [cell["error"] is None for cell in content["cells"]] == [True, True, True, False]
    assert content["ok"] is False
    assert "smoke" in (out / "comparison.html").read_text()
    assert "smoke" in (out / "comparison.md").read_text()
    monkeypatch.setattr(comparison_cell, "adapt_network", adapt)
    assert cli(*words, "--resume").code == 0


def test_a_printer_whose_source_fails_loses_only_its_own_cells(
    compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = comparison_run.open_left_out

    def burn(setting: Any, printer: str, *rest: Any) -> Any:
        if printer == "9":
            raise BadDataError("no light", "Open a window.")
        return usual(setting, printer, *rest)

    monkeypatch.setattr(comparison_run, "open_left_out", burn)
    result = compare(bad_shares=("own",))
    assert [cell["error"] for cell in result.cells] == ["no light\nOpen a window."] * 2 + [None] * 2
    assert {row.printer for row in result.rows} == {None, "10"}


def test_what_cannot_be_compared_is_refused_before_any_work(
    compare: Compare, tmp_path: Path, write_csv: Callable[..., Path], labelled: Path
) -> None:
    with pytest.raises(BadDataError, match="too few for a bad share of 1"):
        compare(bad_shares=(1,), data=_few_bad(labelled, tmp_path, write_csv))
    with pytest.raises(UsageError, match="adapt-prints"):
        compare(adapt_prints=2)
    with pytest.raises(UsageError, match="max-parallel"):
        compare(max_parallel=0)
    with pytest.raises(UsageError, match="no share"):
        compare(bad_shares=(2,))
    with pytest.raises(UsageError, match="--source gives one"):
        compare(set=("steps=5",))
    with pytest.raises(UsageError, match="--source gives one"):
        compare(init="imagenet")
    assert not (tmp_path / "out").exists()


def _few_bad(labelled: Path, place: Path, write_csv: Callable[..., Path]) -> Path:
    """The same frames where one print in twelve is bad."""
    with (labelled / "train.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    shutil.copytree(labelled / "images", place / "few" / "images")
    return write_csv(place / "few" / "train.csv", [(*row[:3], int(row[2].endswith("-p1"))) for row in rows])


def test_more_than_two_classes_have_no_bad_share(labelled: Path) -> None:
    table = read_frames(labelled, labels="required")
    first = pl.col("print").str.ends_with("-p0")
    labels = pl.when(first).then(pl.lit("warped")).otherwise("label").alias("label")
    three = replace(table, data=table.data.with_columns(labels))
    with pytest.raises(UsageError, match="needs two classes") as caught:
        plan(three, ["9"], (0.5,), (0,), [], None)
    assert "--bad-shares" in caught.value.fix
    plan(three, ["9"], ("own",), (0,), [], None)


def test_recipes_of_one_name_are_refused(compare: Compare, tmp_path: Path) -> None:
    (tmp_path / "bn.toml").write_text('norms = "all"\nstatistics_frames = 16\n')
    with pytest.raises(UsageError, match="two recipes are called `bn`"):
        compare("bn", tmp_path / "bn.toml")


def test_source_models_are_trained_once_and_kept(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []
    train = comparison_left_out.train

    def count(*words: Any, **options: Any) -> Any:
        trained.append(options["hold_out_printer"])
        return train(*words, **options)

    monkeypatch.setattr(comparison_left_out, "train", count)
    settings = ("width=64", "steps=1", "batch_size=4", "memory_frames=12")
    options: dict[str, Any] = {
        "data": labelled,
        "out": tmp_path / "out",
        "printer": ["9"],
        "set": settings,
        "threads": 1,
    }
    adaptprint.compare([], **options)
    assert [file.name.rsplit("-", 1)[0] for file in (tmp_path / "out" / "sources").iterdir()] == ["9"]
    adaptprint.compare(["bn-early"], **options, resume=True)
    assert trained == [["9"]]


def test_told_prints_have_their_true_class_and_all_others_none(
    labelled: Path, tmp_path: Path, write_printers: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = write_printers(tmp_path / "known", ("01", "1"), prints=12, frames=1)
    source = tmp_path / "ckpt"
    adaptprint.train(known, out=source, set=("width=64", "steps=1", "batch_size=4", "memory_frames=24"), threads=1)
    tasks: list[Any] = []
    adapt_network = comparison_cell.adapt_network
    monkeypatch.setattr(comparison_cell, "adapt_network", lambda task: tasks.append(task) or adapt_network(task))
    options: dict[str, Any] = {"data": labelled, "source": source, "printer": ["9"], "bad_shares": (0.5,), "threads": 1}
    result = adaptprint.compare(["calibrate"], out=tmp_path / "told", labelled_prints=2, **options)
    adaptprint.compare(["calibrate"], out=tmp_path / "untold", **options)
    (told, untold), table = tasks, read_frames(labelled).of_printer("9")
    truth = dict(table.prints.select("print", "label").iter_rows())
    classes = told.checkpoint.config.classes
    names = told.target.table.prints["print"].to_list()
    assert (told.print_labels >= 0).sum() == 2
    for name, code in zip(names, told.print_labels, strict=True):
        assert code in (-1, classes.index(truth[name]))
    assert told.target.table.data["label"].null_count() == len(told.target.table)  # in no other way
    assert untold.print_labels is None
    # The least sure ones: their classes are known now, so the sure ones stay as they were.
    posteriors = untold.prior.print_posteriors.max(axis=1)
    assert posteriors[told.print_labels >= 0].max() <= posteriors[told.print_labels < 0].min()
    assert any("told the class of the 2 prints" in note for note in result.notes)


def test_where_the_recipe_learns_no_labels_its_verdict_is_told_the_most_telling_prints(
    compare: Compare, labelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks: list[Any] = []
    judged: list[Any] = []
    adapt_network, judge_again = comparison_cell.adapt_network, comparison_cell.judge_again

    def watched(judgement: Any, known: Any) -> Any:
        judged.append((judgement.chosen.evidence, known))
        return judge_again(judgement, known)

    monkeypatch.setattr(comparison_cell, "adapt_network", lambda task: tasks.append(task) or adapt_network(task))
    monkeypatch.setattr(comparison_cell, "judge_again", watched)
    result = compare("bn-early", labelled_prints=2, printer=["9"], bad_shares=(0.5,))
    (task,) = tasks
    assert task.print_labels is None
    truth = dict(read_frames(labelled).of_printer("9").prints.select("print", "label").iter_rows())
    for (evidence, known), number in zip(judged, (1, 2, 3, 5), strict=True):
        names = evidence.target.prints["print"].to_list()
        told = {name: evidence.classes[code] for name, code in zip(names, known, strict=True) if code >= 0}
        assert told == {name: truth[name] for name in most_telling_prints(evidence)[:number]}
    (cell,) = (cell for cell in cells(result.out) if cell["recipe"] == "bn-early")
    assert list(cell["verdicts_once_labelled"]) == ["1", "2", "3", "5"]
    assert cell["verdict"] == cell["verdicts_once_labelled"]["2"]


def test_prints_cannot_be_told_where_the_source_says_too_little_or_the_number_is_negative(compare: Compare) -> None:
    result = compare("calibrate", labelled_prints=1, printer=["9"])
    assert not result.ok
    assert "too few labelled source prints" in next(cell["error"] for cell in result.cells if cell["error"])
    with pytest.raises(UsageError, match="labelled-prints -1"):
        compare(labelled_prints=-1)
