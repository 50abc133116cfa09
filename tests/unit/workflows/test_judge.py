"""Which of a recipe's candidates is weighed: its last snapshot that may ship, or a moved decision that ships."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from adaptprint.adaptation.print_decision import PrintDecision
from adaptprint.adaptation.prior import PriorEstimate
from adaptprint.adaptation.task import SOURCE_ONLY, Adaptation, Candidate
from adaptprint.diagnostics.verdict import Verdict
from adaptprint.frames.table import FrameRow, FrameTable, grouped
from adaptprint.workflows import judge as judging
from adaptprint.workflows.judge import Judgement, examiner_for, judge, judge_again, rows_examined

MOVED = Candidate("moved", {}, decision=PrintDecision(-1.0, 0.05, 0.01, 0.09, 0.0))
START, HALF, END = (
    Candidate("start", {}, "early"),
    Candidate("half", {}, trained=True),
    Candidate("end", {}, trained=True),
)


@dataclass(frozen=True)
class Examined:
    """As much of an examination as the choice looks at; the evidence is the candidate's name."""

    candidate: Candidate
    may_ship: bool
    score: float

    evidence = property(lambda self: self.candidate.name)
    witnesses = vetoes = validators = ()


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Any:
    def judged(
        candidates: Sequence[Candidate], vetoed: Sequence[str] = (), ships: Sequence[str] = ()
    ) -> tuple[Judgement, list[str]]:
        looked_at: list[str] = []

        def examine(candidate: Candidate) -> Examined:
            looked_at.append(candidate.name)
            # Had the witnesses a say, the first candidate would be picked.
            return Examined(candidate, candidate.name not in vetoed, -len(looked_at))

        def weigh(evidence: str, *_rest: Any) -> Verdict:
            return Verdict("ship" if evidence in ships else "need-labels", ())

        recipe = SimpleNamespace(learns_print_labels=False, changes_nothing=False, settings={})
        task = SimpleNamespace(
            recipe=recipe, print_labels=None, checkpoint=None, source=None, target=None, word=None, compute=None,
            seed=0, report=None,
        )  # fmt: skip
        monkeypatch.setattr(judging, "examiner_for", lambda *_: SimpleNamespace(examine=examine))
        monkeypatch.setattr(judging, "weigh", weigh)
        source: Any = Candidate(SOURCE_ONLY, {})
        unused: Any = None
        return judge(task, Adaptation((source, *candidates)), unused), looked_at  # type: ignore[arg-type]

    return judged


def test_what_the_recipe_ends_with_is_picked_and_nothing_else_looked_at(ask: Any) -> None:
    found, looked_at = ask([START, HALF, END], ships=["start", "half"])
    assert (found.candidate.name, found.verdict.decision, looked_at) == ("end", "need-labels", ["end"])


@pytest.mark.parametrize(
    ("vetoed", "picked", "looked_at"),
    [
        (["end"], "half", ["end", "half"]),
        # What training began with is not what it came to.
        (["end", "half"], "end", ["end", "half"]),
    ],
)
def test_under_a_veto_it_is_the_latest_without(ask: Any, vetoed: list[str], picked: str, looked_at: list[str]) -> None:
    found, seen = ask([START, HALF, END], vetoed)
    assert (found.candidate.name, seen) == (picked, looked_at)
    # The report lists them as the recipe made them.
    assert [each.candidate.name for each in found.examinations] == looked_at[::-1]


@pytest.mark.parametrize(
    ("vetoed", "ships", "picked"),
    [
        ([], [], "end"),
        ([], ["moved"], "moved"),
        ([], ["moved", "end"], "end"),
        (["moved"], ["moved"], "end"),
        (["end"], [], "end"),
        (["end"], ["moved"], "moved"),
        (["moved", "end"], ["moved"], "end"),
    ],
)
def test_a_moved_decision_goes_first_where_it_alone_ships(
    ask: Any, vetoed: list[str], ships: list[str], picked: str
) -> None:
    found, _ = ask([MOVED, END], vetoed, ships)
    assert found.candidate.name == picked
    assert {each.candidate.name for each in found.examinations} == {"moved", "end"}


@pytest.mark.parametrize(("learns", "all_seen"), [(False, True), (True, False)])
def test_labelled_prints_that_measure_a_candidate_are_examined_however_many_prints_there_are(
    monkeypatch: pytest.MonkeyPatch, learns: bool, all_seen: bool
) -> None:
    monkeypatch.setattr(judging, "_TARGET_FRAMES", 4)
    frames = [FrameRow(f"/{n}/{i}", f"{n}/{i}", "T", f"p{n:02}", None, None) for n in range(12) for i in range(2)]
    table = FrameTable(grouped(frames), Path("/"), "prints")
    task: Any = SimpleNamespace(
        target=SimpleNamespace(table=table),
        seed=0,
        print_labels=np.arange(12) % 2,
        recipe=SimpleNamespace(learns_print_labels=learns),
    )
    rows = rows_examined(task)
    assert len(set(rows.tolist())) == len(rows)
    assert (set(table.print_codes[rows].tolist()) == set(range(12))) is all_seen
    few = rows_examined(SimpleNamespace(**{**vars(task), "print_labels": np.full(12, -1)}))  # type: ignore[arg-type]
    assert len(few) == 4


def test_what_is_known_of_each_print_follows_it_into_the_part_that_is_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "_TARGET_FRAMES", 6)
    monkeypatch.setattr(judging, "Examiner", lambda *given: given)
    frames = [FrameRow(f"/{n}/{i}", f"{n}/{i}", "T", f"p{n:02}", None, None) for n in range(12) for i in range(2)]
    table = FrameTable(grouped(frames), Path("/"), "prints")
    shares = np.array([0.5, 0.5])
    bad = np.arange(12) / 12
    prior = PriorEstimate(shares, shares, shares, print_posteriors=np.stack([1 - bad, bad], axis=1))
    nothing = np.zeros((24, 2), np.float32)
    provenance = SimpleNamespace(labels_vary_inside_prints=False)
    checkpoint = SimpleNamespace(config=SimpleNamespace(classes=["good", "bad"], provenance=provenance))
    look = SimpleNamespace(target=SimpleNamespace(features=nothing, logits=nothing), source=None, prior=prior)
    labels = np.where(np.arange(12) % 4 == 0, np.arange(12) // 4 % 2, -1)
    frames_of_it, unknown = SimpleNamespace(table=table, array=nothing), SimpleNamespace()
    words: Any = (checkpoint, None, frames_of_it, unknown, unknown, 0, unknown, look, labels)
    given: Any = examiner_for(*words)
    examined = given[2].prints["print"].to_list()
    numbers = [int(name[1:]) for name in examined]
    assert len(examined) > 6
    assert examined != sorted(examined)
    assert given[11].print_posteriors[:, 1].tolist() == bad[numbers].tolist()
    assert given[12].tolist() == labels[numbers].tolist()


@dataclass(frozen=True)
class Known:
    """As much of the evidence as labels change."""

    print_labels: Any


@dataclass(frozen=True)
class Found:
    """As much of an examination as is judged again."""

    candidate: Candidate
    evidence: Known
    vetoes: tuple[Any, ...] = ("unanswered",)
    witnesses: tuple[Any, ...] = ()
    validators: tuple[Any, ...] = ()


def test_labels_that_arrive_later_are_heard_by_vetoes_and_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.array([0, 1])
    monkeypatch.setattr(judging, "answered", lambda vetoes, evidence: (*vetoes, evidence.print_labels))
    monkeypatch.setattr(
        judging, "weigh", lambda evidence, _witnesses, vetoes, _validators: (evidence.print_labels, vetoes)
    )
    chosen: Any = Found(END, Known(None))
    again: Any = judge_again(Judgement(END, chosen, (chosen,), Verdict("keep-source", ())), labels)
    assert again.verdict == (labels, ("unanswered", labels))
    assert again.examinations == (chosen,)
