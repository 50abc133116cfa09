"""Many printers and many methods: adapt_many, batch and compare."""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import adaptprint
from adaptprint.errors import DamagedStateError, InterruptedRunError, StaleStateError, UsageError
from adaptprint.models.output_lock import output_lock


@pytest.fixture
def fleet(source: Path, target: Path, tmp_path: Path) -> Path:
    """A fleet file: one target that works, one that does not exist."""
    (tmp_path / "here").symlink_to(target)
    file = tmp_path / "fleet.toml"
    file.write_text(
        f'source = "{source}"\nout = "runs"\nrecipe = "source-only"\n\n'
        '[[target]]\npath = "here"\nname = "left"\n\n[[target]]\npath = "gone"\n'
    )
    return file


def test_one_target_that_fails_stops_no_other_and_the_exit_code_says_so(
    cli: Callable[..., Any], fleet: Path, tmp_path: Path
) -> None:
    result = cli("batch", fleet, "--json")
    assert result.code == 4
    assert result.json["ok"] is False
    left, gone = result.json["results"]
    assert (left["target"], left["verdict"], left["error"]) == ("left", "keep-source", None)
    assert gone["verdict"] is None
    assert "gone" in gone["error"]
    assert (tmp_path / "runs" / "left" / "report.html").is_file()
    assert {file.name for file in (tmp_path / "runs").iterdir()} == {"left", "fleet.json", "fleet.csv", "fleet.html"}
    assert "1 of 2 targets failed" in result.stderr
    assert result.json["n_failed"] == 1


def test_an_unforeseen_error_in_one_target_stops_no_other(
    source: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adaptprint.workflows import fleet_job

    adapt = fleet_job.adapt

    def burn(*words: Any, **options: Any) -> Any:
        if options["out"].name == "b":
            raise ZeroDivisionError("smoke")
        return adapt(*words, **options)

    monkeypatch.setattr(fleet_job, "adapt", burn)
    result = adaptprint.adapt_many(
        source, {"b": target, "a": target}, out=tmp_path / "runs", recipe="source-only"
    )  # fmt: skip
    assert [one.target for one in result.results] == ["b", "a"]
    assert "smoke" in str(result.results[0].error)
    assert result.results[1].result is not None
    assert not result.ok


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('sauce = "x"\n[[target]]\npath = "a"\n', "source"),
        ('source = "x"\n[[target]]\npaths = "a"\n', "path"),
        ('source = "x"\n', "target"),
        ("source = \n", "TOML"),
        ("", "fleet.toml lacks `source`\nfix: Give `source` a value: the checkpoint folder to start from."),
        (
            'source = "x"\n[[target]]\nname = "a"\n',
            "fleet.toml, [[target]] lacks `path`\nfix: Give `path` a value: the",
        ),
        ('source = "x"\ntargets = "*"\ntarget_prior = "allgood"\n', "fleet.toml: target_prior allgood cannot be read"),
        ('source = "x"\ntargets = "*"\ntarget_prior = "allgood"\n', "fix: Did you mean all-good? "),
        (
            'source = "x"\n[[target]]\npath = "a"\ntarget_prior = "bad"\n',
            "fleet.toml, [[target]] a: target_prior bad cannot be read\nfix: Did you mean all-bad? ",
        ),
    ],
)
def test_a_fleet_file_with_a_mistake_is_refused(
    text: str, word: str, cli: Callable[..., Any], fails: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "fleet.toml").write_text(text)
    assert word in fails(cli("batch", tmp_path / "fleet.toml"), 2)


@pytest.mark.parametrize(("share", "origin"), [("some", "target_prior some"), ("0.3", "target mk4: target_prior few")])
def test_a_share_that_cannot_be_read_is_named_with_its_target(share: str, origin: str, tmp_path: Path) -> None:
    printers = {"mk4": {"path": tmp_path, "target_prior": "few"}}
    with pytest.raises(UsageError, match=f"^{origin} cannot be read"):
        adaptprint.adapt_many(tmp_path, printers, out=tmp_path / "runs", target_prior=share)


def test_no_targets_at_all_are_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        adaptprint.adapt_many(source, [], out=tmp_path / "runs")


@pytest.fixture
def halls(target: Path, write_printers: Callable[..., Path], tmp_path: Path) -> Path:
    """Two printers with three prints each, and a folder without frames."""
    for name, printer in (("mk4", "9"), ("ender 12", "10")):
        root = write_printers(tmp_path / "drawn" / printer, (printer,), prints=3, frames=2)
        shutil.copytree(root / "images" / printer, tmp_path / "halls" / name)
    (tmp_path / "halls" / "broken").mkdir()
    return tmp_path / "halls"


def _models(out: Path, digests: Callable[[Path], dict[str, str]]) -> dict[str, dict[str, str]]:
    return {name: digests(out / name) for name in ("mk4", "ender 12")}


def test_a_second_run_does_nothing_and_a_changed_printer_is_done_anew_alone(
    source: Path, halls: Path, tmp_path: Path
) -> None:
    def run(**changes: Any) -> list[str]:
        told: list[str] = []
        options = {"out": tmp_path / "runs", "recipe": "source-only", **changes}
        result = adaptprint.adapt_many(source, halls, on_result=lambda one: told.append(one.target), **options)
        assert sorted(told) == [one.target for one in result] == ["broken", "ender 12", "mk4"]
        assert [one.verdict for one in result] == [None, "keep-source", "keep-source"]
        return [one.target for one in result if one.result is not None and not one.up_to_date]

    assert run() == ["ender 12", "mk4"]
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "runs").glob("*/*") if file.is_file()}
    assert run() == []
    assert {file: file.stat().st_mtime_ns for file in before} == before
    frame = next((halls / "mk4").rglob("*.jpg"))
    shutil.copy(frame, frame.with_name("9.jpg"))
    assert run() == ["mk4"]
    assert run(target_prior="all-good") == ["ender 12", "mk4"]
    assert run(target_prior="all-good", overwrite=True) == ["ender 12", "mk4"]
    shutil.rmtree(tmp_path / "runs" / "mk4" / "candidate")
    assert run(target_prior="all-good") == ["mk4"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such names")
def test_a_printer_whose_name_is_no_utf_8_fails_alone(cli: Callable[..., Any], source: Path, halls: Path) -> None:
    (halls / "broken").rename(os.fsdecode(os.fsencode(halls) + b"/caf\xe9"))
    file = halls.parent / "fleet.toml"
    file.write_text(f'source = "{source}"\nrecipe = "source-only"\ntargets = "halls"\n')
    result = cli("batch", file, "--json")
    assert result.code == 4
    assert [row["state"] for row in result.json["results"]] == ["failed", "adapted", "adapted"]
    assert result.json["results"][0]["path"].endswith("caf?")
    assert (halls.parent / "fleet" / "fleet.html").is_file()


def test_a_printer_with_a_frame_that_was_out_of_reach_for_once_is_done_again(
    source: Path, halls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adaptprint.frames import frame_files

    content, frame = frame_files._content, next((halls / "mk4").rglob("*.jpg"))

    def out_of_reach(path: str) -> bytes:
        if path != str(frame):
            return content(path)
        frame.rename(tmp_path / "elsewhere")
        try:
            return content(path)
        finally:
            (tmp_path / "elsewhere").rename(frame)

    def run() -> Any:
        return adaptprint.adapt_many(source, [halls / "mk4"], out=tmp_path / "runs", recipe="source-only")[0]

    with monkeypatch.context() as patch:
        patch.setattr(frame_files, "_content", out_of_reach)
        assert run().to_dict()["n_unreadable"] == 1
    again = run()
    assert (again.up_to_date, again.to_dict()["n_unreadable"]) == (False, 0)
    assert run().up_to_date


def test_a_lone_run_with_the_same_words_is_up_to_date_for_a_fleet(source: Path, halls: Path, tmp_path: Path) -> None:
    adaptprint.adapt(source, halls / "mk4", out=tmp_path / "runs" / "mk4", recipe="source-only")
    (result,) = adaptprint.adapt_many(source, [halls / "mk4"], out=tmp_path / "runs", recipe="source-only")
    assert result.up_to_date


def test_two_runs_of_one_fleet_are_kept_apart(source: Path, halls: Path, tmp_path: Path) -> None:
    (tmp_path / "runs" / ".fleet").mkdir(parents=True)
    held = output_lock(tmp_path / "runs", tmp_path / "runs" / ".fleet")
    with held, pytest.raises(UsageError, match=f"process {os.getpid()}"):
        adaptprint.adapt_many(source, halls, out=tmp_path / "runs")
    assert not (tmp_path / "runs" / "fleet.json").exists()


@pytest.mark.parametrize("error", [StaleStateError, DamagedStateError])
def test_a_saved_state_of_other_frames_is_left_behind(
    error: type[Exception], source: Path, halls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adaptprint.workflows import fleet_job

    adapt, resumed = fleet_job.adapt, []

    def with_old_state(*words: Any, **options: Any) -> Any:
        resumed.append(options["resume"])
        if options["resume"]:
            raise error("cause", "fix")
        return adapt(*words, **options)

    monkeypatch.setattr(fleet_job, "adapt", with_old_state)
    result = adaptprint.adapt_many(source, [halls / "mk4"], out=tmp_path / "runs", recipe="source-only")
    assert result.ok
    assert resumed == [True, False]


def test_the_source_is_opened_and_looked_at_once(
    source: Path, halls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adaptprint.workflows import sources

    calls: list[str] = []
    for name in ("open_source", "source_model_view"):
        whole = getattr(sources, name)

        def counted(*words: Any, whole: Any = whole, name: str = name, **options: Any) -> Any:
            calls.append(name)
            return whole(*words, **options)

        monkeypatch.setattr(sources, name, counted)
    result = adaptprint.adapt_many(source, halls, out=tmp_path / "runs", recipe="source-only")
    assert [one.verdict is not None for one in result] == [False, True, True]
    assert calls == ["open_source", "source_model_view"]


def test_settings_of_one_printer_are_its_own(source: Path, halls: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("print,class\np0,good\n")
    mine = {
        "path": halls / "mk4", "target_prior": "0.2-0.6", "flip": "both", "set": ["statistics_frames=8"],
        "labels": tmp_path / "labels.csv",
    }  # fmt: skip
    result = adaptprint.adapt_many(
        source, {"own": mine, "plain": halls / "mk4"}, out=tmp_path / "runs", recipe="source-only"
    )
    own, plain = (one.result.content for one in result if one.result is not None)
    assert (own["target"]["prior_stated"], plain["target"]["prior_stated"]) == ("0.2-0.6", "unknown")
    assert (own["target"]["labelled_prints"]["n"], plain["target"]["labelled_prints"]["n"]) == (1, 0)
    assert "statistics_frames = 8\n" in (tmp_path / "runs" / "own" / "recipe.toml").read_text()
    profiles = [
        json.loads((tmp_path / "runs" / name / "checkpoint" / "config.json").read_text()) for name in ("own", "plain")
    ]
    assert [profile["camera"]["flip"] for profile in profiles] == ["both", "none"]


def test_a_misspelt_recipe_of_one_printer_is_told_before_anything_runs(
    source: Path, halls: Path, tmp_path: Path
) -> None:
    wrong = {"path": halls / "mk4", "recipe": "bm"}
    with pytest.raises(UsageError, match="unknown recipe `bm`"):
        adaptprint.adapt_many(source, [halls / "ender 12", wrong], out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_every_engine_writes_the_same_bytes(
    source: Path, halls: Path, tmp_path: Path, digests: Callable[[Path], dict[str, str]]
) -> None:
    for name, engine in (
        ("here", {}),
        ("processes", {"max_parallel": 2}),
        ("executor", {"executor": ThreadPoolExecutor(2)}),
    ):
        result = adaptprint.adapt_many(source, halls, out=tmp_path / name, recipe="bn-early", threads=1, **engine)
        assert [one.error is None for one in result] == [False, True, True], result.to_dict()
        assert "empty" in str(result[0].error)
    models = _models(tmp_path / "here", digests)
    assert models == _models(tmp_path / "processes", digests) == _models(tmp_path / "executor", digests)
    assert len(models["mk4"]) > 4
    assert json.loads((tmp_path / "processes" / "fleet.json").read_text())["counts"]["failed"] == 1


@pytest.fixture
def two_machines() -> Iterator[tuple[Any, Any]]:
    """A Ray cluster of two machines with a core each, and the one of them that may be killed."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'adaptprint[ray]'")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    yield cluster, cluster.add_node(num_cpus=1)
    cluster.shutdown()


def test_a_ray_cluster_that_loses_a_machine_writes_the_same_bytes(
    two_machines: tuple[Any, Any], source: Path, halls: Path, tmp_path: Path,
    digests: Callable[[Path], dict[str, str]],
) -> None:  # fmt: skip
    cluster, second = two_machines
    options: dict[str, Any] = {"recipe": "bn-early", "threads": 1}
    adaptprint.adapt_many(source, halls, out=tmp_path / "here", **options)

    def lose_one(one: Any) -> None:
        if one.target == "broken":
            cluster.remove_node(second, allow_graceful=False)

    result = adaptprint.adapt_many(
        source, halls, out=tmp_path / "ray", executor="ray", ray_address=cluster.address, on_result=lose_one, **options
    )
    assert [one.error is None for one in result] == [False, True, True], result.to_dict()
    assert _models(tmp_path / "here", digests) == _models(tmp_path / "ray", digests)


def test_ctrl_c_leaves_an_overview_that_says_who_waits(
    source: Path, halls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_after_one(one: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError, match="1 of 2"):
        adaptprint.adapt_many(
            source, [halls / "mk4", halls / "ender 12"], out=tmp_path / "runs", recipe="source-only",
            on_result=stop_after_one,
        )  # fmt: skip
    content = json.loads((tmp_path / "runs" / "fleet.json").read_text())
    assert [(row["target"], row["state"]) for row in content["results"]] == [
        ("ender 12", "waiting"),
        ("mk4", "adapted"),
    ]
    assert "not run yet" in (tmp_path / "runs" / "fleet.html").read_text()


def test_the_example_of_the_readme_runs_as_written(
    source: Path, halls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (example,) = [code for code in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "adapt_many" in code]
    (tmp_path / "source").symlink_to(source)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {"__name__": "__main__"})
    said = capsys.readouterr().out
    assert "mk4" in said
    assert "broken" in said
    assert (tmp_path / "fleet" / "fleet.html").is_file()


@pytest.fixture(scope="module")
def comparison(
    cli: Callable[..., Any], known: Path, tiny_training: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Path]:
    """Recipes compared on one printer left out."""
    out = tmp_path_factory.mktemp("compare") / "comparison"
    settings = [word for pair in tiny_training for word in ("--set", pair)]
    return cli("compare", "bn", "bn-early", "--data", known, "--printer", "03", "--out", out, *settings, "--json"), out


def test_compare_scores_every_recipe_beside_source_only(comparison: tuple[Any, Path]) -> None:
    result, out = comparison
    assert result.code == 0, result.stderr
    rows = [row for row in result.json["rows"] if row["level"] == "printer"]
    assert [row["recipe"] for row in rows] == ["source-only", "bn", "bn-early"]
    assert {row["printer"] for row in rows} == {"03"}
    assert result.json == json.loads((out / "comparison.json").read_text())


def test_compare_scores_on_prints_that_were_not_adapted_on(comparison: tuple[Any, Path]) -> None:
    for row in comparison[0].json["rows"]:
        assert row["n_prints"] == 3
        low, high = row["interval"]
        assert 0 <= low <= row["balanced_accuracy"] <= high <= 1


def test_source_only_gains_nothing_over_itself(comparison: tuple[Any, Path]) -> None:
    baseline = comparison[0].json["rows"][0]
    assert (baseline["gain"], baseline["gain_interval"], baseline["shipped_gain"]) == (0, [0, 0], 0)


def test_compare_leaves_nothing_beside_its_folder(comparison: tuple[Any, Path]) -> None:
    assert [file.name for file in comparison[1].parent.iterdir()] == ["comparison"]


def test_compare_needs_several_printers_and_enough_prints(
    cli: Callable[..., Any], fails: Callable[..., str], source: Path, target: Path, known: Path,
    write_printers: Callable[..., Path], tmp_path: Path,
) -> None:  # fmt: skip
    out = tmp_path / "comparison"
    fails(cli("compare", "--data", target, "--out", out), 2)
    few = write_printers(tmp_path / "few", ("10",), prints=2, frames=1)
    fails(cli("compare", "bn", "--data", few, "--source", source, "--out", out), 4)
    fails(cli("compare", "bm", "--data", known, "--out", out), 2)
    assert not out.exists()
