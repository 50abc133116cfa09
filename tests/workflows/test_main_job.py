"""The main job end to end: train, adapt with every recipe, evaluate, predict, diagnose, verify."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import adaptprint
from adaptprint.adaptation import prior
from adaptprint.adaptation.print_decision import PrintDecision

RUN_FILES = {
    "candidate", "checkpoint", "frames.csv", "metrics.jsonl", "neighbours.csv", "pictures", "prints.csv", "recipe.toml",
    "report.html", "report.json",
}  # fmt: skip
CHECKPOINT_FILES = {
    "README.md", "config.json", "model.safetensors", "source_memory.safetensors", "source_moments.safetensors",
}  # fmt: skip
RUN_CHECKPOINT_FILES = CHECKPOINT_FILES | {"adapted_on.safetensors"}
ADAPTED_FILES = RUN_CHECKPOINT_FILES | {"origin.safetensors"}
EVALUATE_KEYS = {
    "n_frames", "n_prints", "accuracy", "balanced_accuracy", "f1", "f1_macro", "auroc", "ece", "print_accuracy",
    "print_balanced_accuracy", "all_positive_f1", "by_printer",
}  # fmt: skip
ADAPT_KEYS = {
    "verdict", "reasons", "out", "checkpoint", "candidate", "recipe", "seconds", "target", "witnesses", "vetoes",
}  # fmt: skip
TARGET_KEYS = {"n_frames", "n_prints", "prior_estimate", "prior_interval", "prior_method", "prior_others"}


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def strict(text: str) -> Any:
    """Reads JSON in which NaN and Infinity are mistakes."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_a_trained_checkpoint_holds_every_promised_file_and_the_source_memory(source: Path) -> None:
    assert names(source) == CHECKPOINT_FILES
    config = json.loads((source / "config.json").read_text())
    assert config["classes"] == ["good", "under_extrusion"]
    assert set(config["provenance"]["printers"]) == {"01", "1", "03"}
    memory = adaptprint.load(source).checkpoint.memory
    assert memory is not None
    assert len(memory) == 36
    assert set(memory.table.printers) == {"01", "03", "1"}


def test_the_source_model_learns_its_own_printers(source: Path, known: Path) -> None:
    assert adaptprint.evaluate(source, known).metrics.balanced_accuracy > 0.8


@pytest.mark.parametrize("recipe", ["source-only", "bn", "bn-early"])
def test_every_recipe_writes_the_whole_run_folder(
    recipe: str, cli: Callable[..., Any], source: Path, target: Path, tmp_path: Path
) -> None:
    out = tmp_path / "deep" / "run"
    result = cli("adapt", "--source", source, "--target", target, "--out", out, "--recipe", recipe, "--json")
    assert result.code == 0, result.stderr
    check_run(out, source, target, result.json)
    assert result.json["recipe"] == recipe
    assert names(out.parent) == {"run"}


def test_the_adversarial_recipe_writes_the_whole_run_folder(run_folder: Path, source: Path, target: Path) -> None:
    content = json.loads((run_folder / "report.json").read_text())
    check_run(run_folder, source, target, content)
    assert weights(run_folder / "candidate") != weights(source)
    steps = [strict(line) for line in (run_folder / "metrics.jsonl").read_text().splitlines()]
    assert [step["step"] for step in steps] == [1, 2, 3, 4]


def check_run(out: Path, source: Path, target: Path, content: dict[str, Any]) -> None:
    assert names(out) == RUN_FILES
    changed, ships = content["candidate_name"] != "source-only", content["verdict"] == "ship"
    assert names(out / "candidate") == (ADAPTED_FILES if changed else RUN_CHECKPOINT_FILES)
    assert names(out / "checkpoint") == (ADAPTED_FILES if ships else RUN_CHECKPOINT_FILES)
    assert content == strict((out / "report.json").read_text())
    strict((out / "candidate" / "config.json").read_text())
    assert content.keys() >= ADAPT_KEYS
    assert content["target"].keys() >= TARGET_KEYS
    assert content["target"]["n_frames"] == 24
    assert content["target"]["n_prints"] == 6
    assert all(witness.keys() >= {"name", "value", "says"} for witness in content["witnesses"])
    assert content["reasons"]
    shipped = out / ("candidate" if content["verdict"] == "ship" else "")
    assert content["verdict"] in {"ship", "keep-source", "need-labels"}
    assert weights(out / "checkpoint") == weights(shipped if content["verdict"] == "ship" else source)
    check_tables(out, content["classes"])
    check_report(out / "report.html", content["verdict"])


def check_tables(out: Path, classes: list[str]) -> None:
    frames, prints = pl.read_csv(out / "frames.csv"), pl.read_csv(out / "prints.csv")
    assert (frames.height, prints.height) == (24, 6)
    assert prints["n_frames"].to_list() == [4] * 6
    around = pl.read_csv(out / "neighbours.csv")
    assert set(around["name"]) == set(frames["name"])
    assert set(around["call"]) <= set(classes)
    for space in ("frozen", "adapted"):
        assert around[f"{space}_outlier_rank"].is_between(0, 1).all()
        assert around[f"{space}_nearest_printer"].null_count() == 0
    for column in ("before_class", "after_class"):
        assert set(frames[column]) | set(prints[column]) <= set(classes)
    for column in ("before_score", "after_score"):
        assert frames[column].is_between(0, 1).all()
        assert prints[column].is_between(0, 1).all()


def check_report(report: Path, verdict: str) -> None:
    html = report.read_text(encoding="utf-8")
    assert verdict in html
    assert "data:image/" in html
    loaded = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]+)|url\(["']?([^"')]+)|@import\s+["']?(\S+)""", html)
    addresses = [address for found in loaded for address in found if address]
    assert all(address.startswith(("data:", "#")) for address in addresses), addresses
    assert "<script src" not in html


def test_the_resolved_recipe_of_a_run_can_be_run_again_and_gives_the_same_model(
    run_folder: Path, source: Path, target: Path, tmp_path: Path
) -> None:
    again = adaptprint.adapt(source, target, out=tmp_path / "again", recipe=run_folder / "recipe.toml")
    assert weights(again.out / "candidate") == weights(run_folder / "candidate")
    assert again.content["recipe"] == "dann-prior"


def test_the_resolved_recipe_begins_with_every_option_of_its_run(source: Path, target: Path, tmp_path: Path) -> None:
    camera = adaptprint.CameraProfile(rotate=180)
    run = adaptprint.adapt(
        source, target, printer="9", camera=camera, recipe="source-only", seed=3, out=tmp_path / "run"
    )
    first = (run.out / "recipe.toml").read_text(encoding="utf-8").splitlines()[0]
    assert first.endswith("--recipe recipe.toml --seed 3 --target-prior unknown --printer 9 --rotate 180")


def test_the_result_of_adapt_hands_out_the_model_the_report_and_the_reasons(
    source: Path, target: Path, tmp_path: Path
) -> None:
    seen = []
    result = adaptprint.adapt(
        source, target, out=tmp_path / "run", recipe="bn-early", target_prior="0.4-0.6", progress=seen.append
    )
    assert result.report.is_file()
    assert result.to_dict()["reasons"] == list(result.reasons)
    assert result.model.classes == ("good", "under_extrusion")
    assert result.to_dict()["target"]["prior_stated"] == "0.4-0.6"
    assert {event.stage for event in seen} >= {"reading target frames"}
    assert all(0 <= event.done <= event.total for event in seen)


def test_adapt_prints_nothing_when_called_from_python(
    source: Path, target: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    adaptprint.adapt(source, target, out=tmp_path / "run", recipe="source-only")
    assert capfd.readouterr() == ("", "")


def test_adapt_without_an_output_folder_takes_a_free_one_below_runs(
    source: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / target.name).mkdir(parents=True)
    result = adaptprint.adapt(source, target, recipe="source-only")
    assert result.out == Path("runs") / f"{target.name}-2"
    assert result.report.is_file()


def test_require_improvement_turns_a_kept_source_into_exit_code_5_and_keeps_the_run(
    cli: Callable[..., Any], source: Path, target: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    result = cli(
        "adapt", "--source", source, "--target", target, "--out", out, "--recipe", "source-only",
        "--require-improvement", "--json",
    )  # fmt: skip
    assert result.code == 5
    assert result.json["verdict"] == "keep-source"
    assert sum(line.startswith(("error: ", "fix: ")) for line in result.stderr.splitlines()) == 2
    assert names(out) == RUN_FILES


def test_a_stated_prior_that_the_candidate_contradicts_is_a_veto(source: Path, target: Path, tmp_path: Path) -> None:
    result = adaptprint.adapt(source, target, out=tmp_path / "run", recipe="bn-early", target_prior="all-good")
    assert result.to_dict()["target"]["calls_after"]["under_extrusion"] > 0.4
    assert result.verdict == "keep-source"
    assert "outside the stated prior" in [veto["name"] for veto in result.to_dict()["vetoes"]]
    assert weights(result.checkpoint) == weights(source)


def test_a_stated_prior_that_the_scores_contradict_is_used_and_said_to_be_doubtful(
    source: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adaptprint.adaptation.prior_word._LEAST_MASS", 2.0)  # no word is likely enough
    result = adaptprint.adapt(source, target, out=tmp_path / "run", recipe="source-only", target_prior="all-good")
    content = result.to_dict()
    assert content["target"]["prior_estimate"] == 0
    assert content["target"]["prior_method"] == "print margins"
    doubts = [note for note in content["notes"] if "all-good was used as you said" in note]
    assert len(doubts) == 1
    assert doubts[0] in result.report.read_text(encoding="utf-8").replace("&#39;", "'")


def test_a_verdict_of_ship_puts_the_candidate_into_the_checkpoint(
    cli: Callable[..., Any], source: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adaptprint.diagnostics.verdict import Verdict

    says = Verdict("ship", ("two witnesses agree",))
    monkeypatch.setattr("adaptprint.workflows.judge.weigh", lambda *_evidence: says)
    result = cli(
        "adapt", "--source", source, "--target", target, "--out", tmp_path / "run", "--recipe", "bn-early",
        "--require-improvement", "--json",
    )  # fmt: skip
    assert result.code == 0, result.stderr
    check_run(tmp_path / "run", source, target, result.json)
    assert weights(tmp_path / "run" / "checkpoint") != weights(source)
    for folder in ("checkpoint", "candidate"):
        provenance = json.loads((tmp_path / "run" / folder / "config.json").read_text())["provenance"]
        assert provenance["verdict"] == "ship"
        assert provenance["parent_digest"] == adaptprint.load(source).checkpoint.digest


def test_evaluate_counts_by_frame_print_and_printer(cli: Callable[..., Any], source: Path, known: Path) -> None:
    result = cli("evaluate", "--model", source, "--data", known, "--json")
    assert result.code == 0, result.stderr
    content = result.json
    assert content.keys() >= EVALUATE_KEYS
    assert (content["n_frames"], content["n_prints"]) == (72, 18)
    assert content["by_printer"].keys() == {"01", "1", "03"}
    assert {printer["n_frames"] for printer in content["by_printer"].values()} == {24}
    assert content["all_positive_f1"] == pytest.approx(2 / 3)


def test_evaluate_of_one_class_only_says_null_where_a_score_has_no_meaning(
    cli: Callable[..., Any], source: Path, write_csv: Callable[..., Path], target: Path, tmp_path: Path
) -> None:
    for frame in range(2):
        (tmp_path / f"{frame}.jpg").write_bytes((target / f"images/9/p0/{frame}.jpg").read_bytes())
    sheet = write_csv(tmp_path / "good.csv", [(f"{frame}.jpg", "9", "p0", 0) for frame in range(2)])
    result = cli("evaluate", "--model", source, "--data", sheet, "--json")
    assert result.code == 0, result.stderr
    assert result.json["auroc"] is None
    assert 0 <= result.json["accuracy"] <= 1


def test_diagnose_compares_a_candidate_with_its_source(
    cli: Callable[..., Any], run_folder: Path, source: Path, target: Path
) -> None:
    result = cli(
        "diagnose", "--model", run_folder / "candidate", "--baseline", source, "--target", target, "--json"
    )  # fmt: skip
    assert result.code == 0, result.stderr
    assert result.json["target"] == {"n_frames": 24, "n_prints": 6, "n_frames_examined": 24}
    assert result.json["witnesses"]
    for space in ("frozen", "adapted"):
        assert 0 <= result.json["neighbours"][space]["label_agreement"]["value"] <= 1
        assert len(result.json["frames"][space]) == 24
        assert len(result.json["neighbours"][space]["prints"]) == 6
    changed = [one for one in result.json["validators"] if one["delta"]]
    assert changed
    assert all(one["delta"] == pytest.approx(one["after"] - one["before"]) for one in changed)


@pytest.mark.parametrize("recipe", ["bn", "calibrate", "prototype"])
def test_a_model_is_seen_alike_by_the_run_that_made_it_by_predict_and_by_diagnose(
    recipe: str, source: Path, target: Path, tmp_path: Path
) -> None:
    run = adaptprint.adapt(source, target, out=tmp_path / "run", recipe=recipe)
    found = adaptprint.diagnose(run.out / "candidate", target, baseline=source).to_dict()
    assert found["witnesses"] == run.to_dict()["witnesses"]
    assert found["neighbours"] == run.to_dict()["neighbours"]
    assert found["validators"] == run.to_dict()["validators"]
    frames = pl.read_csv(run.out / "frames.csv")
    predicted = adaptprint.predict(run.out / "candidate", target).frames
    assert frames["after_score"].to_list() == pytest.approx(predicted["probability"].to_list(), abs=2e-4)


@pytest.mark.parametrize("recipe", ["bn", "calibrate"])
def test_diagnose_without_a_baseline_compares_an_adapted_model_with_itself_as_it_ships(
    recipe: str, source: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prior, "best_decision", lambda *_: PrintDecision(-0.5, 0.05, 0.03, 0.07, 0.0))
    run = adaptprint.adapt(source, target, out=tmp_path / "run", recipe=recipe)
    found = adaptprint.diagnose(run.out / "candidate", target).to_dict()
    assert found["frames"]["frozen"] == found["frames"]["adapted"]
    assert found["neighbours"]["frozen"] == found["neighbours"]["adapted"]
    agreement = run.to_dict()["neighbours"]["adapted"]["label_agreement"]
    assert found["neighbours"]["adapted"]["label_agreement"] == agreement
    assert [each["name"] for each in found["validators"] if each["delta"]] == []
    for own, judged in zip(found["validators"], run.to_dict()["validators"], strict=True):
        # In the other model's space, which is its own here.
        assert own["name"] == "neighbour agreement" or own["after"] == judged["after"]
    assert found["vetoes"] == []


def test_verify_finds_clean_data_clean_and_counts_it(cli: Callable[..., Any], known: Path) -> None:
    result = cli("verify", known, "--json")
    assert result.code == 0, result.stderr
    assert result.json["ok"] is True
    assert (result.json["n_frames"], result.json["n_prints"], result.json["n_printers"]) == (72, 18, 3)


def test_a_bare_resnet_is_packed_or_adapted_with_source_data(
    cli: Callable[..., Any], source: Path, write_printers: Callable[..., Path], tmp_path: Path
) -> None:
    import torch
    from safetensors.torch import load_file

    trunk = {
        name.removeprefix("trunk."): value
        for name, value in load_file(source / "model.safetensors").items()
        if name.startswith("trunk.")
    }
    bare = tmp_path / "resnet.pth"
    torch.save({**trunk, "fc.weight": torch.zeros(2, 512), "fc.bias": torch.zeros(2)}, bare)
    data = write_printers(tmp_path / "data", ("01",), prints=2, frames=2)
    packed = cli("pack", "--weights", bare, "--source-data", data, "--out", tmp_path / "ckpt", "--json")
    assert packed.code == 0, packed.stderr
    assert packed.json["arch"] == "resnet18"
    assert names(tmp_path / "ckpt") == CHECKPOINT_FILES
    few = write_printers(tmp_path / "few", ("9",), prints=1, frames=2)
    result = cli(
        "adapt", "--source", bare, "--source-data", data, "--target", few, "--out", tmp_path / "run",
        "--recipe", "source-only",
    )  # fmt: skip
    assert result.code == 0, result.stderr
    assert names(tmp_path / "run") == RUN_FILES
