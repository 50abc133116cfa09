"""Many printers and many methods: adapt_many, batch and compare."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import adaptprint
from adaptprint.errors import UsageError


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
    assert [file.name for file in (tmp_path / "runs").iterdir()] == ["left"]


def test_an_unforeseen_error_in_one_target_stops_no_other(
    source: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adaptprint.workflows import batch

    adapt = batch.adapt

    def burn(*words: Any, **options: Any) -> Any:
        if options["out"].name == "b":
            raise ZeroDivisionError("smoke")
        return adapt(*words, **options)

    monkeypatch.setattr(batch, "adapt", burn)
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
    ],
)
def test_a_fleet_file_with_a_mistake_is_refused(
    text: str, word: str, cli: Callable[..., Any], fails: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "fleet.toml").write_text(text)
    assert word in fails(cli("batch", tmp_path / "fleet.toml"), 2)


def test_no_targets_at_all_are_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        adaptprint.adapt_many(source, [], out=tmp_path / "runs")


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
