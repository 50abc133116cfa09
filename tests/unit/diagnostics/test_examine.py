"""Examining candidates: fair to both models, blind to the target's labels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from adaptprint.adaptation.print_decision import PrintDecision, decided_at
from adaptprint.adaptation.prior import PriorEstimate, parse_prior
from adaptprint.adaptation.task import Candidate
from adaptprint.diagnostics.examine import Examiner
from adaptprint.diagnostics.verdict import weigh
from adaptprint.frames.table import FrameTable
from adaptprint.models import network as network_module
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.checkpoint_config import CheckpointConfig, Provenance
from adaptprint.models.device import Compute
from adaptprint.models.memory import SourceFrames
from adaptprint.models.network import PrintNet, copy_state

COMPUTE = Compute(torch.device("cpu"), "fp32")
SOURCE = [("P1", "a", "good", 6), ("P1", "b", "bad", 6), ("P2", "c", "good", 6), ("P2", "d", "bad", 6)]


class TinyTrunk(nn.Module):
    """One early and one late layer, each with its BatchNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4)
        self.layer3 = nn.Sequential(nn.Conv2d(4, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        return self.layer3(torch.relu(self.bn1(self.conv1(images)))).mean((2, 3))


@pytest.fixture
def checkpoint(monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
    monkeypatch.setattr(network_module, "build_trunk", lambda arch: TinyTrunk())
    monkeypatch.setattr(network_module, "feature_width", lambda arch: 8)
    torch.manual_seed(0)
    config = CheckpointConfig(
        arch="resnet18",
        classes=["good", "bad"],
        bottleneck=None,
        input_size=(32, 32),
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        provenance=Provenance(created="2026-01-01T00:00:00Z", command="train"),
    )
    return Checkpoint(config, copy_state(PrintNet("resnet18", 2, None)))


def pictures(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (n, 32, 32, 3)).astype(np.uint8)


@pytest.fixture
def make_examiner(checkpoint: Checkpoint, make_table: Callable[..., FrameTable]) -> Callable[..., Examiner]:
    def build(with_source: bool = True, labels: tuple[str | None, ...] = (None, None, None)) -> Examiner:
        table = make_table(SOURCE)
        source = SourceFrames(table, pictures(24, 1), np.zeros(24, dtype=bool))
        target = make_table([("T", name, label, 4) for name, label in zip("xyz", labels, strict=True)])
        return Examiner(
            checkpoint=checkpoint,
            source=source if with_source else None,
            target=target,
            target_array=pictures(12, 2),
            print_consensus=True,
            word=parse_prior("unknown"),
            compute=COMPUTE,
            seed=0,
        )

    return build


def other_state(checkpoint: Checkpoint) -> dict[str, Tensor]:
    torch.manual_seed(1)
    return {
        name: value + 0.2 * torch.randn(value.shape) if value.is_floating_point() and "running" not in name else value
        for name, value in checkpoint.state.items()
    }


def test_the_source_model_examined_against_itself_gains_nothing(
    make_examiner: Callable[..., Examiner], checkpoint: Checkpoint
) -> None:
    found = make_examiner().examine(Candidate("source-only", checkpoint.state))
    assert [witness.value for witness in found.witnesses] == [0] * 4
    assert found.vetoes == ()
    assert found.score == 0
    assert weigh(found.evidence, found.witnesses, found.vetoes).decision == "keep-source"
    assert found.frozen == found.adapted


def test_labels_of_the_target_never_matter(make_examiner: Callable[..., Examiner], checkpoint: Checkpoint) -> None:
    candidate = Candidate("other", other_state(checkpoint))
    plain = make_examiner().examine(candidate)
    told = make_examiner(labels=("bad", "good", "bad")).examine(candidate)
    assert told.witnesses == plain.witnesses
    assert told.vetoes == plain.vetoes
    assert (told.frozen, told.adapted, told.score) == (plain.frozen, plain.adapted, plain.score)


def test_the_same_examination_gives_the_same_numbers(
    make_examiner: Callable[..., Examiner], checkpoint: Checkpoint
) -> None:
    candidate = Candidate("other", other_state(checkpoint))
    first, second = make_examiner().examine(candidate), make_examiner().examine(candidate)
    assert first.witnesses == second.witnesses
    assert np.array_equal(first.evidence.adapted.varied[0].logits, second.evidence.adapted.varied[0].logits)


def test_without_source_frames_the_target_alone_speaks(
    make_examiner: Callable[..., Examiner], checkpoint: Checkpoint
) -> None:
    found = make_examiner(with_source=False).examine(Candidate("other", other_state(checkpoint)))
    assert found.frozen is None
    assert found.adapted is None
    assert len(found.witnesses) == 3


def test_the_candidate_s_calls_are_judged_in_the_source_model_s_space(
    make_examiner: Callable[..., Examiner], checkpoint: Checkpoint
) -> None:
    examiner = make_examiner()
    turned = dict(checkpoint.state)
    turned["classifier.weight"], turned["classifier.bias"] = (
        turned["classifier.weight"].flip(0),
        turned["classifier.bias"].flip(0),
    )
    plain, inverted = examiner.examine(Candidate("same", checkpoint.state)), examiner.examine(Candidate("t", turned))
    assert plain.frozen is not None
    assert inverted.frozen is not None
    assert inverted.frozen.label_agreement.value == pytest.approx(1 - plain.frozen.label_agreement.value)
    assert inverted.frozen.support == plain.frozen.support


def test_neighbours_are_looked_up_in_both_models_spaces(
    make_examiner: Callable[..., Examiner], checkpoint: Checkpoint
) -> None:
    examiner = make_examiner()
    source = examiner.examine(Candidate("source-only", checkpoint.state))
    other = examiner.examine(Candidate("other", other_state(checkpoint)))
    assert source.frozen is not None
    assert other.frozen is not None
    assert other.adapted is not None
    assert other.frozen.domain_mixing == source.frozen.domain_mixing
    assert other.adapted.domain_mixing != source.frozen.domain_mixing


def test_every_candidate_sees_the_same_camera_changes(
    make_examiner: Callable[..., Examiner], checkpoint: Checkpoint
) -> None:
    examiner = make_examiner()
    torch.rand(5)
    evidence = examiner.examine(Candidate("a copy", dict(checkpoint.state))).evidence
    (varied,), (before,) = evidence.adapted.varied, evidence.frozen.varied
    assert np.array_equal(varied.logits, before.logits)
    assert varied.logits.shape == (12, 2)
    assert np.abs(varied.probabilities - evidence.adapted.target.probabilities).max() > 1e-4


def test_a_moved_decision_is_seen_as_it_would_ship_without_another_look_and_judged_on_the_source_where_it_was(
    make_examiner: Callable[..., Examiner], checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    examiner = make_examiner()
    decision = PrintDecision(0.7, 0.03, 0.0, 0.06, 0.1)
    state = decided_at(checkpoint.state, decision.margin)
    expected = examiner.views.of(Candidate("looked at", state))
    monkeypatch.setattr("adaptprint.diagnostics.candidate_views.embed", None)
    examined = examiner.examine(Candidate("moved", state, decision=decision))
    found = examined.evidence.adapted
    np.testing.assert_allclose(found.target.probabilities, expected.target.probabilities, atol=1e-5)
    assert found.source is examiner.frozen.source
    assert examined.adapted is examined.frozen
    assert "steadiness" not in {witness.name for witness in examined.witnesses}


def test_the_source_model_itself_is_not_looked_at_again(
    make_examiner: Callable[..., Examiner], checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    examiner = make_examiner()
    monkeypatch.setattr("adaptprint.diagnostics.candidate_views.embed", None)
    evidence = examiner.examine(Candidate("source-only", checkpoint.state)).evidence
    assert evidence.adapted is evidence.frozen


@pytest.mark.parametrize(("norms", "layer"), [("early", "trunk.bn1"), ("all", "trunk.layer3.1")])
def test_source_frames_are_judged_with_statistics_of_the_source_where_the_target_s_moved_in(
    make_examiner: Callable[..., Examiner], checkpoint: Checkpoint, norms: str, layer: str
) -> None:
    moved = {**checkpoint.state, f"{layer}.running_mean": checkpoint.state[f"{layer}.running_mean"] + 3}
    examiner = make_examiner()
    plain, foreign = (examiner.views.of(Candidate("c", state, norms)) for state in (checkpoint.state, moved))
    assert plain.source is not None
    assert foreign.source is not None
    assert np.array_equal(plain.source.logits, foreign.source.logits)
    assert not np.array_equal(plain.target.logits, foreign.target.logits)
    shared = examiner.views.of(Candidate("c", moved, "none"))
    assert shared.source is not None
    assert not np.allclose(shared.source.logits, plain.source.logits)
    assert np.array_equal(shared.target.logits, foreign.target.logits)


def test_a_candidate_that_forgot_the_source_is_vetoed(
    make_examiner: Callable[..., Examiner], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    examiner = make_examiner()
    assert examiner.frozen.source is not None
    calls = examiner.frozen.source.probabilities.argmax(1)
    constant = dict(checkpoint.state)
    lost = 1 - int(np.bincount(calls, minlength=2).argmax())
    constant["classifier.weight"] = torch.zeros_like(constant["classifier.weight"])
    constant["classifier.bias"] = torch.tensor([5.0, -5.0] if lost == 0 else [-5.0, 5.0])
    names = {veto.name for veto in examiner.examine(Candidate("c", constant)).vetoes}
    assert "source accuracy lost" in names
    assert "collapse to one class" in names


def test_the_prior_is_estimated_on_what_is_examined_unless_it_is_given(
    make_examiner: Callable[..., Examiner], checkpoint: Checkpoint
) -> None:
    examiner = make_examiner()
    assert examiner.prior.shares.sum() == pytest.approx(1)
    all_bad = PriorEstimate(*[np.array([0.0, 1.0])] * 3, method="print margins")
    found = examiner.examine(Candidate("c", other_state(checkpoint)))
    examiner.prior = all_bad
    told = examiner.examine(Candidate("c", other_state(checkpoint)))
    by_name = {one.name: one for one in told.validators}
    assert not by_name["BNM"].applies
    assert "`good` may be as few as 0%" in by_name["BNM"].says
    assert [one.delta for one in told.validators] == [one.delta for one in found.validators]
