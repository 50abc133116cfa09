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
from adaptprint.adaptation.prior_word import UNKNOWN
from adaptprint.adaptation.recipe import load_recipe
from adaptprint.diagnostics.evidence import Evidence
from adaptprint.diagnostics.recipe_gain import covariates
from adaptprint.diagnostics.rehearsal import REHEARSAL, gain_relation, rehearsed_in, summed_up
from adaptprint.diagnostics.rehearsed_recipes import Trial
from adaptprint.diagnostics.verdict import Verdict, weigh
from adaptprint.errors import AdaptprintError, BadDataError, InterruptedRunError, UsageError
from adaptprint.models.checkpoint import load_checkpoint, save_checkpoint
from adaptprint.workflows import comparison_left_out, judge, rehearsal_episodes, rehearsal_printers, rehearse

TINY = ("width=64", "steps=1", "batch_size=4", "memory_frames=60")
PRINTERS = ("01", "1", "03")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory, write_printers: Callable[..., Path]) -> Path:
    """Four printers of 14 prints of one frame, half of them bad; a model is trained on the first three."""
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
    # Printer 9, which the model never saw, is in none of them, and needs none.
    assert trained_on == {frozenset(PRINTERS) - {printer} for printer in PRINTERS}
    for each in (folder / "sources").iterdir():
        recipe = load_checkpoint(each).config.provenance.recipe
        assert (recipe["steps"], recipe["width"], recipe["memory_frames"]) == (1, 64, 60)


def test_the_architecture_is_rehearsed_too(model: Path) -> None:
    config = load_checkpoint(model).config
    other = {**config.provenance.recipe, "arch": "resnet34"}
    told = config.model_copy(update={"provenance": config.provenance.model_copy(update={"recipe": other})})
    assert "arch=resnet34" in rehearsal_printers.trained_with(told)
    assert not any(word.startswith("arch=") for word in rehearsal_printers.trained_with(config))


def test_the_checkpoint_differs_by_the_rehearsal_alone(rehearsed: tuple[Any, Path], model: Path) -> None:
    result, _folder = rehearsed
    before, after = load_checkpoint(model), load_checkpoint(result.out)
    assert after.digest == before.digest
    kept = {key: value for key, value in after.config.metrics.items() if key != REHEARSAL}
    assert kept == before.config.metrics
    assert rehearsed_in(after.config.metrics) == result.rehearsal
    assert rehearsed_in(before.config.metrics) is None
    shares = {(each.printer, each.bad_share) for each in result.rehearsal.episodes}
    assert shares == {(printer, share) for printer in (*PRINTERS, "9") for share in rehearsal_episodes.BAD_SHARES}
    assert all(3 <= each.n_prints <= 12 for each in result.rehearsal.episodes)


def test_verdicts_of_a_rehearsed_model_say_so(
    rehearsed: tuple[Any, Path], labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, _folder = rehearsed
    monkeypatch.setattr(prior, "best_decision", lambda *_: PrintDecision(-0.1, 0.05, 0.03, 0.07, 0.0))
    run = adaptprint.adapt(result.out, labelled, printer="9", out=tmp_path / "run", threads=1)
    gain = 100 * gain_relation(result.rehearsal).slope * 0.05
    assert f"expected to gain {gain:.1f} points" in run.reasons[0] or run.content["vetoes"]
    assert "rehearsed on 4 printers" in run.reasons[0] or run.content["vetoes"]


def test_a_recipe_that_was_better_in_rehearsal_is_told(
    rehearsed: tuple[Any, Path], labelled: Path, tmp_path: Path
) -> None:
    result, _folder = rehearsed
    known, settings = load_checkpoint(result.out), load_recipe("bn").recipe.settings
    own = summed_up(result.rehearsal.episodes)["gain"]

    def notes(recipe: str, gain: float) -> list[str]:
        trial = Trial(recipe="bn", printer="9", bad_share=0.5, n_prints=12, score=0, gain=gain)
        heard = result.rehearsal.model_copy(update={"recipes": {"bn": settings}, "trials": [trial]})
        metrics = {**known.config.metrics, REHEARSAL: heard.model_dump(mode="json")}
        told = replace(known, config=known.config.model_copy(update={"metrics": metrics}))
        save_checkpoint(told, tmp_path / "told")
        run = adaptprint.adapt(
            tmp_path / "told", labelled, printer="9", out=tmp_path / "run", recipe=recipe, overwrite=True, threads=1
        )
        return [note for note in run.content["notes"] if "rehearsal" in note]

    (note,) = notes("calibrate", own + 0.03)
    assert f"`bn` gained {100 * (own + 0.03):+.1f} points, this one {100 * own:+.1f}: adapting with it" in note
    assert notes("calibrate", own + 0.01) == []
    assert notes("bn", own + 0.03) == []
    # What this one came to was never tried.
    assert notes("bn-early", own + 0.03) == []


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


def test_a_recipe_is_tried_as_a_whole_and_its_verdict_knows_it(
    rehearsed: tuple[Any, Path], labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _result, folder = rehearsed
    options: dict[str, Any] = {"sources": folder / "sources", "threads": 1}
    result = adaptprint.rehearse(folder / "ckpt", labelled, out=tmp_path / "ckpt", recipes=["bn-early"], **options)
    trials = result.rehearsal.trials
    assert {(each.recipe, each.printer, each.bad_share) for each in trials} == {
        ("bn-early", printer, share) for printer in (*PRINTERS, "9") for share in rehearsal_episodes.BAD_SHARES
    }
    assert result.to_dict()["recipes"]["bn-early"]["sets"] == len(trials)
    assert rehearsed_in(load_checkpoint(tmp_path / "ckpt").config.metrics) == result.rehearsal
    heard: dict[str, Any] = {}

    def note(evidence: Evidence, *rest: Any) -> Verdict:
        heard["trials"] = evidence.recipe_trials
        return weigh(evidence, *rest)

    monkeypatch.setattr(judge, "weigh", note)
    for changes, known in (((), True), (("statistics_frames=99",), False)):
        adaptprint.adapt(
            tmp_path / "ckpt", labelled, printer="9", out=tmp_path / "run", recipe="bn-early", set=changes,
            overwrite=True, threads=1,
        )  # fmt: skip
        assert heard["trials"] == (tuple(trials) if known else ())


def test_the_true_gain_of_a_trial_is_that_on_the_printer_s_other_prints(
    rehearsed: tuple[Any, Path], labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _result, folder = rehearsed
    contents: list[Any] = []
    cell_content = rehearsal_episodes.cell_content

    def watched(*words: Any) -> Any:
        # What a veto made of the pick does not matter.
        contents.append({**cell_content(*words), "picked": "source-only"})
        return contents[-1]

    monkeypatch.setattr(rehearsal_episodes, "BAD_SHARES", (0.5,))
    monkeypatch.setattr(rehearsal_episodes, "cell_content", watched)
    result = adaptprint.rehearse(
        folder / "ckpt", labelled, out=tmp_path / "ckpt", recipes=["bn"], sources=folder / "sources", threads=1
    )
    for content, found in zip(contents, result.rehearsal.trials, strict=True):
        assert not set(content["adapted"]["prints"]) & set(content["test"]["prints"])
        models = {each["name"]: each for each in content["candidates"]}
        before, after = (models[name]["test"]["balanced_accuracy"] for name in ("source-only", content["ends_with"]))
        assert found.gain == pytest.approx(after - before, abs=1e-4)
        end = models[content["ends_with"]]
        assert found.score == pytest.approx(end["score"], abs=1e-4)
        assert found.vetoes == tuple(veto["name"] for veto in end["vetoes"])
        changes = {each["name"]: each["delta"] for each in end["validators"]}
        assert set(found.covariates) == {"MMD"}
        assert found.covariates == pytest.approx(covariates(changes), abs=1e-4)


def test_recipes_that_cannot_be_tried_are_refused_before_any_training(
    labelled: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearse, "open_left_out", lambda *_: pytest.fail("a model was trained"))
    with pytest.raises(UsageError, match="`source-only` changes nothing"):
        adaptprint.rehearse(model, labelled, recipes=["source-only"], threads=1)
    with pytest.raises(UsageError, match="two recipes are called `bn`"):
        adaptprint.rehearse(model, labelled, recipes=["bn", "bn"], threads=1)
    with pytest.raises(UsageError, match="unknown recipe"):
        adaptprint.rehearse(model, labelled, recipes=["bnn"], threads=1)


def test_on_printers_that_it_never_saw_the_model_itself_is_tried_and_nothing_is_trained(
    model: Path, tmp_path: Path, write_printers: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison_left_out, "train", lambda *_, **__: pytest.fail("a model was trained"))
    others = write_printers(tmp_path / "others", ("9", "10", "20"), prints=14, frames=1)
    tried: list[str] = []
    episodes_of = rehearsal_episodes.episodes_of

    def watched(left_out: Any, *rest: Any) -> Any:
        tried.append(left_out.checkpoint.digest)
        return episodes_of(left_out, *rest)

    monkeypatch.setattr(rehearse, "episodes_of", watched)
    # Nothing is trained, so other starting weights do no harm.
    result = adaptprint.rehearse(model, others, init=tmp_path / "other.pth", out=tmp_path / "ckpt", threads=1)
    assert result.rehearsal.printers == ["9", "10", "20"]
    assert tried == [load_checkpoint(model).digest] * 3


def test_cells_of_a_comparison_know_whether_their_source_model_was_rehearsed(
    rehearsed: tuple[Any, Path], labelled: Path, model: Path, tmp_path: Path
) -> None:
    result, _folder = rehearsed

    def digest(source: Path) -> str:
        setting = comparison_left_out.Setting(
            data=labelled, layout="auto", source=source, sources=tmp_path, init="none", set=(), train_seed=0,
            held_out=(), camera=None, word=UNKNOWN, labelled_prints=0, device="cpu", threads=1, scratch=tmp_path,
        )  # fmt: skip
        return comparison_left_out.open_left_out(setting, "9").digest

    assert digest(model) == digest(model)
    assert digest(result.out) != digest(model)


def test_one_more_printer_is_added_to_those_that_were_rehearsed_on(
    rehearsed: tuple[Any, Path], tmp_path: Path, write_printers: Callable[..., Path]
) -> None:
    result, _folder = rehearsed
    other = write_printers(tmp_path / "other", ("10",), prints=14, frames=1)
    with pytest.raises(BadDataError, match="3 of either kind are needed"):
        adaptprint.rehearse(result.out, other, out=tmp_path / "ckpt", threads=1)
    both = adaptprint.rehearse(result.out, other, out=tmp_path / "ckpt", recipes=["bn"], add=True, threads=1)
    assert both.rehearsal.printers == [*result.rehearsal.printers, "10"]
    assert both.rehearsal.episodes[: len(result.rehearsal.episodes)] == result.rehearsal.episodes
    assert {trial.printer for trial in both.rehearsal.trials} == {"10"}
    assert rehearsed_in(load_checkpoint(tmp_path / "ckpt").config.metrics) == both.rehearsal
    assert both.notes == ()
    changed = tmp_path / "bn.toml"
    changed.write_text('norms = "early"\n', encoding="utf-8")
    with pytest.raises(UsageError, match="`bn` was rehearsed with other settings before"):
        adaptprint.rehearse(tmp_path / "ckpt", other, recipes=[changed], add=True, threads=1)


def test_train_can_rehearse_at_once(labelled: Path, tmp_path: Path) -> None:
    result = adaptprint.train(
        labelled, out=tmp_path / "ckpt", hold_out_printer=["9"], set=TINY, threads=1, rehearse=True
    )
    assert result.to_dict()["rehearsal"]["printers"] == 4
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
        if len(opened) == 3:  # after the unseen printer and one of its own
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
    with pytest.raises(BadDataError, match="3 of either kind are needed"):
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
    assert content["printers"] == 4
    assert set(content["by_printer"]) == {*PRINTERS, "9"}
    assert content["episodes"] == len(rehearsed[0].rehearsal.episodes)
