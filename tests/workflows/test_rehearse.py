"""rehearse: each source printer left out in turn, and what comes of it kept in the checkpoint."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import adaptprint
from adaptprint.adaptation import prior
from adaptprint.adaptation.print_decision import PrintDecision
from adaptprint.diagnostics.rehearsal import REHEARSAL, gain_relation, rehearsed_in
from adaptprint.errors import AdaptprintError, BadDataError, InterruptedRunError, UsageError
from adaptprint.models.checkpoint import load_checkpoint
from adaptprint.workflows import comparison_left_out, rehearsal_episodes, rehearse

TINY = ("width=64", "steps=1", "batch_size=4", "memory_frames=60")
PRINTERS = ("01", "1", "03")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory, write_printers: Callable[..., Path]) -> Path:
    """Four printers of 14 prints of one frame, half of them bad; a model is trained on three."""
    return write_printers(tmp_path_factory.mktemp("labelled"), (*PRINTERS, "9"), prints=14, frames=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, labelled: Path) -> Iterator[Path]:
    out = tmp_path_factory.mktemp("model") / "ckpt"
    adaptprint.train(labelled, out=out, hold_out_printer=["9"], set=TINY, threads=1)
    yield out
    shutil.rmtree(out, ignore_errors=True)


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory, labelled: Path, model: Path) -> Iterator[tuple[Any, Path]]:
    folder = tmp_path_factory.mktemp("rehearsed")
    result = adaptprint.rehearse(model, labelled, out=folder / "ckpt", sources=folder / "sources", threads=1)
    yield result, folder
    shutil.rmtree(folder, ignore_errors=True)


def test_every_own_printer_is_left_out_of_a_model_with_the_same_settings(rehearsed: tuple[Any, Path]) -> None:
    _result, folder = rehearsed
    trained_on = {
        frozenset(load_checkpoint(each).config.provenance.printers) for each in (folder / "sources").iterdir()
    }
    # Printer 9, which the model never saw, is in none of them.
    assert trained_on == {frozenset(PRINTERS) - {printer} for printer in PRINTERS}
    for each in (folder / "sources").iterdir():
        recipe = load_checkpoint(each).config.provenance.recipe
        assert (recipe["steps"], recipe["width"], recipe["memory_frames"]) == (1, 64, 60)


def test_the_architecture_is_rehearsed_too(model: Path) -> None:
    config = load_checkpoint(model).config
    other = {**config.provenance.recipe, "arch": "resnet34"}
    told = config.model_copy(update={"provenance": config.provenance.model_copy(update={"recipe": other})})
    assert "arch=resnet34" in rehearse._trained_with(told)
    assert not any(word.startswith("arch=") for word in rehearse._trained_with(config))


def test_the_checkpoint_differs_by_the_rehearsal_alone(rehearsed: tuple[Any, Path], model: Path) -> None:
    result, _folder = rehearsed
    before, after = load_checkpoint(model), load_checkpoint(result.out)
    assert after.digest == before.digest
    kept = {key: value for key, value in after.config.metrics.items() if key != REHEARSAL}
    assert kept == before.config.metrics
    assert rehearsed_in(after.config.metrics) == result.rehearsal
    assert rehearsed_in(before.config.metrics) is None
    shares = {(each.printer, each.bad_share) for each in result.rehearsal.episodes}
    assert shares == {(printer, share) for printer in PRINTERS for share in rehearsal_episodes.BAD_SHARES}
    assert all(3 <= each.n_prints <= 12 for each in result.rehearsal.episodes)


def test_verdicts_of_a_rehearsed_model_say_so(
    rehearsed: tuple[Any, Path], labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, _folder = rehearsed
    monkeypatch.setattr(prior, "best_decision", lambda *_: PrintDecision(-0.1, 0.05, 0.03, 0.07, 0.0))
    run = adaptprint.adapt(result.out, labelled, printer="9", out=tmp_path / "run", threads=1)
    gain = 100 * gain_relation(result.rehearsal).slope * 0.05
    assert f"expected to gain {gain:.1f} points" in run.reasons[0] or run.content["vetoes"]
    assert "rehearsed on 3 source printers" in run.reasons[0] or run.content["vetoes"]


def test_no_label_reaches_the_decision_and_the_true_gain_is_that_of_other_prints(
    rehearsed: tuple[Any, Path], labelled: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _result, folder = rehearsed
    seen: list[Any] = []
    estimate = rehearsal_episodes.estimate_prior

    def watched(probabilities: Any, table: Any, *rest: Any, **options: Any) -> Any:
        seen.append(table)
        found = estimate(probabilities, table, *rest, **options)
        # A decision that calls every print faulty: right about the bad ones, wrong about the good ones.
        return replace(found, decision=PrintDecision(-100.0, 0.05, 0.0, 0.1, 0.0))

    monkeypatch.setattr(rehearsal_episodes, "estimate_prior", watched)
    result = adaptprint.rehearse(
        folder / "ckpt", labelled, out=tmp_path / "again", sources=folder / "sources", threads=1
    )
    assert seen
    assert all(table.data["label"].null_count() == len(table) for table in seen)
    # Calling all prints faulty is right half the time, whatever the shares: the classes count alike.
    from_model = {each.gain for each in result.rehearsal.episodes}
    assert all(-0.5 <= gain <= 0.5 for gain in from_model)
    assert sum(each.n_prints for each in result.rehearsal.episodes) == sum(table.prints.height for table in seen)


def test_train_can_rehearse_at_once(labelled: Path, tmp_path: Path) -> None:
    result = adaptprint.train(
        labelled, out=tmp_path / "ckpt", hold_out_printer=["9"], set=TINY, threads=1, rehearse=True
    )
    assert result.to_dict()["rehearsal"]["printers"] == 3
    assert rehearsed_in(load_checkpoint(tmp_path / "ckpt").config.metrics) is not None
    assert [file.name for file in tmp_path.iterdir()] == ["ckpt"]


def test_an_interrupted_rehearsal_leaves_the_checkpoint_as_it_was_and_goes_on(
    labelled: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "ckpt"
    shutil.copytree(model, place)
    opened: list[str] = []
    open_left_out = rehearse.open_left_out

    def stops_at_the_second(setting: Any, printer: str, *rest: Any) -> Any:
        opened.append(printer)
        if len(opened) == 2:
            raise InterruptedRunError("stopped", "Go on.")
        return open_left_out(setting, printer, *rest)

    monkeypatch.setattr(rehearse, "open_left_out", stops_at_the_second)
    with pytest.raises(InterruptedRunError):
        adaptprint.rehearse(place, labelled, threads=1)
    monkeypatch.setattr(rehearse, "open_left_out", open_left_out)
    assert rehearsed_in(load_checkpoint(place).config.metrics) is None
    trained: list[Path] = []

    train = comparison_left_out.train
    monkeypatch.setattr(
        comparison_left_out,
        "train",
        lambda *words, **options: trained.append(options["out"]) or train(*words, **options),
    )
    adaptprint.rehearse(place, labelled, threads=1, resume=True)
    assert len(trained) == 2  # the first printer's model was kept
    assert rehearsed_in(load_checkpoint(place).config.metrics) is not None


def test_what_cannot_be_rehearsed_is_refused_before_any_training(
    labelled: Path, model: Path, tmp_path: Path, write_printers: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearse, "open_left_out", lambda *_: pytest.fail("a model was trained"))
    others = write_printers(tmp_path / "others", ("01", "10"), prints=4, frames=1)
    with pytest.raises(BadDataError, match="1 of the model's 3 printers"):
        adaptprint.rehearse(model, others, threads=1)
    with pytest.raises(UsageError, match="trained from --init none, not from other"):
        adaptprint.rehearse(model, labelled, init=tmp_path / "other.pth", threads=1)
    with pytest.raises(AdaptprintError, match="exists"):
        adaptprint.rehearse(model, labelled, out=others, threads=1)
    adapted = tmp_path / "run"
    adaptprint.adapt(model, labelled, printer="9", out=adapted, threads=1)
    with pytest.raises(UsageError, match="made by `adapt`"):
        adaptprint.rehearse(adapted / "checkpoint", labelled, threads=1)


def test_the_command_prints_one_json_document(
    rehearsed: tuple[Any, Path], labelled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from typer.testing import CliRunner

    from adaptprint.cli.main import app

    _result, folder = rehearsed
    words = ["rehearse", folder / "ckpt", "--source-data", labelled, "--sources", folder / "sources", "--json", "-q"]
    answer = CliRunner().invoke(app, [*map(str, words), "--out", str(folder / "third"), "--threads", "1"])
    assert answer.exit_code == 0, answer.output
    content = json.loads(answer.stdout)
    assert content["printers"] == 3
    assert set(content["by_printer"]) == set(PRINTERS)
    assert content["episodes"] == len(rehearsed[0].rehearsal.episodes)
