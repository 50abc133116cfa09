"""predict --transductive: prints are called in each other's light, so a printer that moves all scores does no harm."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adaptprint
from adaptprint.errors import BadDataError
from adaptprint.models.checkpoint import write_checkpoint_files
from adaptprint.workflows import predict as module
from adaptprint.workflows import transductive

BAD = ["good", "under_extrusion"] * 3


@pytest.fixture
def shifted(monkeypatch: pytest.MonkeyPatch, source: Path, known: Path) -> float:
    """A camera that moves all log odds down until every print of printer 01 is called good; returns by how much."""
    rows = adaptprint.predict(source, known, printer="01").frames
    odds = np.log(rows["p_under_extrusion"].clip(1e-6) / rows["p_good"].clip(1e-6)).to_numpy()
    moved = -float(odds.max()) - 0.3
    call = module.call_frames

    def call_moved(*words: Any) -> Any:
        called = call(*words)
        scores = called.probabilities * np.exp([0, moved])
        return replace(called, probabilities=(scores / scores.sum(1, keepdims=True)).astype(np.float32))

    monkeypatch.setattr(module, "call_frames", call_moved)
    return moved


def test_a_printer_s_shift_misleads_plain_calls_but_not_transductive_ones(
    shifted: float, source: Path, known: Path
) -> None:
    plain = adaptprint.predict(source, known, printer="01")
    found = adaptprint.predict(source, known, printer="01", transductive=True)
    assert plain.prints["class"].to_list() == ["good"] * 6
    assert found.prints["class"].to_list() == BAD
    by_frame = found.frames.sort("name")["class"].to_list()
    assert np.mean([call == BAD[row // 4] for row, call in enumerate(by_frame)]) > 0.8
    assert plain.transductive is None
    assert found.transductive is not None
    assert found.transductive["share"] == pytest.approx(0.5, abs=0.17)
    low, high = found.transductive["interval"]
    assert low <= found.transductive["share"] <= high
    assert found.transductive["shift"] < shifted / 3


def test_frames_are_the_plain_ones_with_the_shift_undone(source: Path, known: Path) -> None:
    plain = adaptprint.predict(source, known, printer="03").frames
    found = adaptprint.predict(source, known, printer="03", transductive=True)
    before, after = (np.log(rows["p_under_extrusion"] / rows["p_good"]).to_numpy() for rows in (plain, found.frames))
    sure = np.abs(before) < 5
    assert found.transductive is not None
    np.testing.assert_allclose(before[sure] - after[sure], found.transductive["shift"], atol=0.02)


def test_source_prints_of_an_adapted_model_are_seen_with_statistics_of_their_own(
    source: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = adaptprint.adapt(source, target, out=tmp_path / "run", recipe="bn-early")
    looked_at: list[tuple[str, Any]] = []
    look = transductive.look_at_source

    def watched(checkpoint: Any, candidate: Any, *rest: Any) -> Any:
        looked_at.append((candidate.target_norms, candidate.decision))
        return look(checkpoint, candidate, *rest)

    monkeypatch.setattr(transductive, "look_at_source", watched)
    adaptprint.predict(run.out / "candidate", target, transductive=True)
    adaptprint.predict(source, target, transductive=True)
    assert looked_at == [("early", None), ("none", None)]


def test_labels_of_the_data_are_not_read(
    source: Path, target: Path, write_csv: Callable[..., Path], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(target, tmp_path / target.name))
    rows = [line.split(",") for line in (target / "train.csv").read_text().splitlines()[1:]]
    write_csv(copy / "train.csv", [(*row[:3], f"spaghetti {row[3]}") for row in rows])
    found = [adaptprint.predict(source, data, transductive=True).to_dict() for data in (target, copy)]
    assert found[0] == found[1]


def test_the_output_says_that_the_calls_hold_for_these_prints_only(
    cli: Callable[..., Any], source: Path, target: Path
) -> None:
    words = ("predict", "--model", source, target, "--transductive")
    said = " ".join(cli(*words).stdout.split())
    assert "hold for these 6 prints only" in said
    assert "estimated share of under_extrusion" in said
    assert "moves the log odds by" in said
    content = cli(*words, "--target-prior", "all-good", "--json").json
    assert content["transductive"]["share"] == 0
    assert {row["class"] for row in content["prints"]} == {"good"}
    assert "hold for these 6 prints only" in content["notes"][0]


def test_prints_that_cannot_be_called_together_end_in_a_cause_and_a_fix(
    cli: Callable[..., Any], fails: Callable[..., str], source: Path, known: Path, target: Path, tmp_path: Path
) -> None:
    folder = target / "images" / "9"
    few = tmp_path / "few"
    for name in ("p0", "p1"):
        shutil.copytree(folder / name, few / name)
    image = folder / "p0" / "0.jpg"
    for words, code, cause, fix in (
        ((known, "--transductive"), 2, "holds 3 printers: 01, 1, 03", "--printer"),
        ((image, "--transductive"), 2, "single images", "leave --transductive out"),
        ((few, "--transductive"), 4, "3 prints or more; ", "Leave --transductive out"),
        ((target, "--target-prior", "all-good"), 2, "called one by one", "--transductive"),
        ((target, "--transductive", "--target-prior", "some"), 2, "cannot be read", "all-good"),
        ((known, "--printer", "7"), 2, "no printer `7`", "01"),
    ):
        said = fails(cli("predict", "--model", source, *words), code)
        assert cause in said
        assert fix in said


def test_a_model_without_source_memory_or_with_labels_inside_prints_calls_nothing_together(
    source: Path, target: Path, tmp_path: Path
) -> None:
    checkpoint = adaptprint.load(source).checkpoint
    config = checkpoint.config
    varied = config.provenance.model_copy(update={"labels_vary_inside_prints": True})
    cases = {
        "carries none": replace(checkpoint, memory=None),
        "differ inside": replace(checkpoint, config=config.model_copy(update={"provenance": varied})),
    }
    for number, (cause, changed) in enumerate(cases.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_checkpoint_files(changed, folder)
        with pytest.raises(BadDataError, match=cause) as caught:
            adaptprint.predict(folder, target, transductive=True)
        assert "eave --transductive out" in caught.value.fix
