"""adapt --labels: a few labelled prints of the new printer steer the run, and nothing else of its labels does."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import adaptprint
from adaptprint.adaptation.methods import adapt_network
from adaptprint.adaptation.prior_word import UNKNOWN
from adaptprint.adaptation.task import Adaptation, AdaptationTask
from adaptprint.diagnostics.evidence import Evidence
from adaptprint.diagnostics.verdict import Verdict, weigh
from adaptprint.errors import InterruptedRunError, UsageError
from adaptprint.frames.layouts import read_frames
from adaptprint.models.checkpoint import load_checkpoint
from adaptprint.reporting.progress import Progress
from adaptprint.workflows import adapt, judge
from adaptprint.workflows.earlier_run import NOTE
from adaptprint.workflows.target_labels import open_print_labels

TINY = ("steps=4", "batch_size=4", "snapshots=1")
RIGHT = [("9-p0", "good"), ("9-p1", "under_extrusion")]


@pytest.fixture
def labels(write_csv: Callable[..., Path], tmp_path: Path) -> Path:
    """One good and one faulty print of the new printer."""
    return write_csv(tmp_path / "prints.csv", RIGHT, ("print", "class"))


def test_labelled_prints_are_used_and_named(
    cli: Callable[..., Any], source: Path, target: Path, labels: Path, tmp_path: Path
) -> None:
    settings = [word for pair in TINY for word in ("--set", pair)]
    words = ("adapt", "--source", source, "--target", target, "--labels", labels, "--recipe", "few-shot", *settings)
    result = cli(*words, "--out", tmp_path / "run", "--json")
    assert result.code == 0, result.stderr
    assert result.json["recipe"] == "few-shot"
    used = [{"print": name, "class": label} for name, label in RIGHT]
    assert result.json["target"]["labelled_prints"] == {"n": 2, "file": str(labels), "prints": used}
    assert "2 labelled prints were used" in result.json["notes"]
    assert "9-p1 under_extrusion" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "--labels" in (tmp_path / "run" / "recipe.toml").read_text(encoding="utf-8")


def test_the_terminal_says_that_prints_were_labelled(
    cli: Callable[..., Any], source: Path, target: Path, labels: Path, tmp_path: Path
) -> None:
    words = ("adapt", "--source", source, "--target", target, "--labels", labels)
    result = cli(*words, "--out", tmp_path / "run")
    assert result.code == 0, result.stderr
    said = " ".join(result.stdout.split())
    assert "6 prints, 2 of them labelled · recipe calibrate" in said
    assert "2 labelled prints were used" in said


def test_labels_move_the_estimated_share(
    source: Path, target: Path, write_csv: Callable[..., Path], tmp_path: Path
) -> None:
    def share(label: str | None) -> float:
        rows = [(f"9-p{number}", label) for number in range(5)]
        sheet = write_csv(tmp_path / "prints.csv", rows, ("print", "class")) if label else None
        result = adaptprint.adapt(source, target, out=tmp_path / str(label), recipe="source-only", labels=sheet)
        return float(result.content["target"]["prior_estimate"])

    assert share("good") < 0.2
    assert share(None) < 0.5 < share("under_extrusion")


@pytest.mark.parametrize("recipe", ["bn-prior", "dann-prior"])
def test_labels_never_reach_a_candidate_that_they_judge_but_the_share_that_is_shown(
    recipe: str, source: Path, target: Path, write_csv: Callable[..., Path], tmp_path: Path
) -> None:
    sheet = write_csv(tmp_path / "prints.csv", [(f"9-p{number}", "good") for number in range(4)], ("print", "class"))
    settings = TINY if recipe == "dann-prior" else ()
    runs = [
        adaptprint.adapt(source, target, out=tmp_path / f"run{number}", recipe=recipe, set=settings, labels=labels)
        for number, labels in enumerate((None, sheet))
    ]
    without, with_labels = ((run.out / "candidate" / "model.safetensors").read_bytes() for run in runs)
    assert without == with_labels
    shares = [run.content["target"]["prior_estimate"] for run in runs]
    assert shares[1] < shares[0]
    assert "4 labelled prints were used" in runs[1].content["notes"]


def test_a_label_column_of_the_target_is_not_read_even_with_labels(
    source: Path,
    target: Path,
    labels: Path,
    write_csv: Callable[..., Path],
    digests: Callable[..., Any],
    tmp_path: Path,
) -> None:
    copy = Path(shutil.copytree(target, tmp_path / target.name))
    rows = [line.split(",") for line in (target / "train.csv").read_text().splitlines()[1:]]
    write_csv(copy / "train.csv", [(*row[:3], "spaghetti") for row in rows])
    runs = [
        adaptprint.adapt(source, data, out=tmp_path / f"run{number}", set=TINY, labels=labels).out
        for number, data in enumerate((target, copy))
    ]
    assert digests(runs[0]) == digests(runs[1])


def test_an_unfinished_run_goes_on_with_the_same_labels_only(
    source: Path, target: Path, labels: Path, write_csv: Callable[..., Path], tmp_path: Path
) -> None:
    def stop(event: Progress) -> None:
        if event.stage == "adapting" and event.done >= 2:
            signal.raise_signal(signal.SIGINT)

    out = tmp_path / "run"
    with pytest.raises(InterruptedRunError):
        adaptprint.adapt(source, target, out=out, set=TINY, labels=labels, progress=stop)
    write_csv(labels, [("9-p0", "good"), ("9-p3", "under_extrusion")], ("print", "class"))
    with pytest.raises(UsageError, match="other data or settings"):
        adaptprint.adapt(source, target, out=out, set=TINY, labels=labels, resume=True)
    write_csv(labels, RIGHT, ("print", "class"))
    assert adaptprint.adapt(source, target, out=out, set=TINY, labels=labels, resume=True).out == out


def test_an_unfinished_run_goes_on_with_the_same_word_on_the_share_only(
    source: Path, target: Path, tmp_path: Path
) -> None:
    def stop(event: Progress) -> None:
        if event.stage == "adapting" and event.done >= 2:
            signal.raise_signal(signal.SIGINT)

    out, words = tmp_path / "run", {"recipe": "consensus", "set": TINY}
    with pytest.raises(InterruptedRunError):
        adaptprint.adapt(source, target, out=out, **words, progress=stop)
    with pytest.raises(UsageError, match="other data or settings"):
        adaptprint.adapt(source, target, out=out, **words, target_prior="0-0.9", resume=True)


def test_once_labels_arrive_the_trained_candidate_is_judged_again_without_training(
    source: Path,
    target: Path,
    labels: Path,
    tiny_dann: tuple[str, ...],
    write_csv: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def again(sheet: Path | None, **changes: Any) -> dict[str, Any]:
        settings = {"recipe": "dann-prior", "set": tiny_dann, "labels": sheet, "overwrite": True, **changes}
        return adaptprint.adapt(source, target, out=tmp_path / "run", **settings).content

    before = again(None)
    state, curves = (
        (tmp_path / "run" / name).read_bytes() for name in ("candidate/model.safetensors", "metrics.jsonl")
    )
    trained: list[AdaptationTask] = []

    def train(task: AdaptationTask) -> Adaptation:
        trained.append(task)
        return adapt_network(task)

    monkeypatch.setattr(adapt, "adapt_network", train)
    found = again(labels)
    assert trained == []
    assert NOTE in found["notes"]
    assert found["candidate_name"] == before["candidate_name"]
    assert (tmp_path / "run" / "candidate" / "model.safetensors").read_bytes() == state
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == curves
    # More labels may follow, and the recipe may be the run's own file.
    write_csv(labels, [*RIGHT, ("9-p3", "under_extrusion")], ("print", "class"))
    assert NOTE in again(labels, recipe=tmp_path / "run" / "recipe.toml", set=())["notes"]
    assert trained == []
    # Whatever makes another candidate is trained anew.
    assert NOTE not in again(labels, seed=1)["notes"]
    (tmp_path / "run" / "candidate" / "model.safetensors").write_bytes(b"damaged")
    assert NOTE not in again(labels, seed=1)["notes"]
    assert len(trained) == 2


def test_labels_judge_only_candidates_that_did_not_learn_from_them(
    source: Path, target: Path, labels: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    heard: dict[str, Any] = {}

    def listen(recipe: str) -> None:
        def note(evidence: Evidence, *rest: Any) -> Verdict:
            heard[recipe] = evidence.print_labels
            return weigh(evidence, *rest)

        monkeypatch.setattr(judge, "weigh", note)
        adaptprint.adapt(source, target, out=tmp_path / recipe, recipe=recipe, set=TINY, labels=labels)

    for recipe in ("bn-early", "calibrate", "prototype"):
        listen(recipe)
    assert sorted(heard["bn-early"].tolist()) == [-1, -1, -1, -1, 0, 1]
    assert heard["calibrate"] is heard["prototype"] is None


@pytest.mark.parametrize(
    ("rows", "words", "code"),
    [
        ([("9-p9", "good")], (), 4),
        ([("9-p0", "spaghetti")], (), 4),
        ([("9-p0", "good"), ("9-p0", "under_extrusion")], (), 4),
        ([("9-p1", "under_extrusion")], ("--target-prior", "all-good"), 2),
        ([("9-p0", "good")], ("--target-prior", "1.0"), 2),
    ],
)
def test_labels_that_cannot_hold_end_in_a_cause_and_a_fix_before_frames_are_read(
    rows: list[Any], words: tuple[str, ...], code: int, cli: Callable[..., Any], fails: Callable[..., str],
    untouched: Callable[..., None], write_csv: Callable[..., Path], source: Path, target: Path, tmp_path: Path,
) -> None:  # fmt: skip
    sheet = write_csv(tmp_path / "prints.csv", rows, ("print", "class"))
    out = tmp_path / "out" / "run"
    result = cli("adapt", "--source", source, "--target", target, "--out", out, "--labels", sheet, *words)
    fails(result, code)
    assert "reading target frames" not in result.stderr
    untouched(out)


def test_labels_of_prints_are_refused_where_labels_differ_inside_prints(
    source: Path, target: Path, labels: Path
) -> None:
    config = load_checkpoint(source).config
    config = config.model_copy(
        update={"provenance": config.provenance.model_copy(update={"labels_vary_inside_prints": True})}
    )
    with pytest.raises(UsageError, match="differ inside"):
        open_print_labels(labels, read_frames(target, labels="ignored"), config, UNKNOWN)
