"""Prototypes: the nearest centre as a linear head; prints of the target move the centres."""

from collections.abc import Callable

import numpy as np
import pytest

from adaptprint.adaptation.prototypes import with_prototypes
from adaptprint.adaptation.statistics import with_statistics
from adaptprint.adaptation.task import AdaptationTask, Candidate
from adaptprint.errors import BadDataError
from adaptprint.frames.pixels import Pixels
from adaptprint.models.embed import Embedding, embed

BuildTask = Callable[..., AdaptationTask]


def start(task: AdaptationTask) -> Candidate:
    return Candidate("source-only", task.checkpoint.state)


def seen(task: AdaptationTask, candidate: Candidate, array: np.ndarray) -> Embedding:
    network = task.checkpoint.network()
    network.load_state_dict(candidate.state)
    return embed(network, array, task.compute)


def centres_of(candidate: Candidate) -> np.ndarray:
    """The centres that a head stands for, up to the scale: weight = 2 s c, bias = -s c^2."""
    weight, bias = (candidate.state[f"classifier.{each}"].double().numpy() for each in ("weight", "bias"))
    scale = ((weight**2).sum(1) / (-4 * bias)).mean()
    return weight / (2 * scale)


def test_a_frame_belongs_to_the_nearest_centre(make_task: BuildTask) -> None:
    task = make_task()
    found = with_prototypes(task, start(task), None)
    assert task.source is not None
    features = seen(task, start(task), task.source.array).features
    labels = task.source.table.label_codes(["good", "bad"])
    centres = np.stack([features[labels == k].mean(0) for k in (0, 1)])
    assert centres_of(found) == pytest.approx(centres, rel=1e-3, abs=1e-4)
    target = seen(task, found, task.target.array)
    distances = ((target.features[:, None] - centres) ** 2).sum(2)
    assert (target.logits.argmax(1) == distances.argmin(1)).all()
    differences = target.logits[:, 1] - target.logits[:, 0]
    assert np.corrcoef(differences, distances[:, 0] - distances[:, 1])[0, 1] == pytest.approx(1, abs=1e-5)


def test_every_print_of_the_source_weighs_the_same(make_task: BuildTask) -> None:
    task = make_task()
    assert task.source is not None
    plain = centres_of(with_prototypes(task, start(task), None))
    # The first good print once more, frame by frame: its share of the centre stays.
    rows = np.concatenate([[0, 1] * 9, np.arange(24)])
    source = type(task.source)(task.source.table.take(rows), task.source.array[rows], task.source.held_out[rows])
    repeated = make_task(source=source)
    assert centres_of(with_prototypes(repeated, start(repeated), None)) == pytest.approx(plain, rel=1e-3, abs=1e-4)


def test_it_is_about_as_decided_as_the_classifier_was(make_task: BuildTask) -> None:
    task = make_task()
    assert task.source is not None
    head = with_prototypes(task, start(task), None)
    before, after = (seen(task, each, task.source.array).logits for each in (start(task), head))
    spreads = [float((logits[:, 1] - logits[:, 0]).std()) for logits in (before, after)]
    assert spreads[1] == pytest.approx(spreads[0], rel=0.05)


def test_prints_of_the_target_move_the_centres_as_far_as_they_count(
    make_task: BuildTask, make_pixels: Callable[..., Pixels]
) -> None:
    few, many = (
        make_task(
            target=make_pixels(
                [("T", f"{name}{i}", None, 1) for i in range(n) for name in ("good", "bad")], brightness=170
            )
        )
        for n in (2, 30)
    )

    def moved(task: AdaptationTask) -> tuple[float, float]:
        calls = np.array([name.startswith("bad") for name in task.target.table.prints["print"]])
        posteriors = np.eye(2)[calls.astype(int)]
        features = seen(task, start(task), task.target.array).features
        own = np.stack([features[calls[task.target.table.print_codes] == k].mean(0) for k in (False, True)])
        still = centres_of(with_prototypes(task, start(task), None))
        found = centres_of(with_prototypes(task, start(task), posteriors))
        share = ((found - still) * (own - still)).sum(1) / ((own - still) ** 2).sum(1)
        return float(share[0]), float(share[1])

    assert moved(few) == pytest.approx([2 / 8] * 2, abs=0.02)
    assert moved(many) == pytest.approx([30 / 36] * 2, abs=0.02)


def test_a_print_belongs_to_a_class_as_far_as_it_is_believed_to_and_weighs_as_much_as_any_other(
    make_task: BuildTask, make_pixels: Callable[..., Pixels]
) -> None:
    task = make_task(target=make_pixels([("T", "good0", None, 6), ("T", "bad0", None, 2)], brightness=170, seed=2))
    belief = np.array([[0.7, 0.3], [0.4, 0.6]])
    features = seen(task, start(task), task.target.array).features
    prints = np.stack([features[:6].mean(0), features[6:].mean(0)])
    own = (belief.T @ prints) / belief.sum(0)[:, None]
    still, found = (centres_of(with_prototypes(task, start(task), each)) for each in (None, belief))
    trust = (belief.sum(0) / (belief.sum(0) + 6))[:, None]
    assert found == pytest.approx((1 - trust) * still + trust * own, rel=1e-3, abs=1e-3)


def test_a_class_that_no_print_is_of_keeps_its_centre(make_task: BuildTask) -> None:
    task = make_task()
    posteriors = np.tile([1.0, 0.0], (4, 1))
    still, found = (centres_of(with_prototypes(task, start(task), each)) for each in (None, posteriors))
    assert found[1] == pytest.approx(still[1], rel=1e-3, abs=1e-4)
    assert np.abs(found[0] - still[0]).max() > 0.01


def test_the_source_is_seen_with_statistics_of_its_own(make_task: BuildTask) -> None:
    task = make_task(norms="all")
    candidate = with_statistics(task)
    found = with_prototypes(task, candidate, None)
    assert found.target_norms == "all"
    plain = centres_of(with_prototypes(task, start(task), None))
    assert centres_of(found) == pytest.approx(plain, abs=0.15)
    careless = centres_of(with_prototypes(task, Candidate("bn", candidate.state, "none"), None))
    assert np.abs(careless - plain).max() > 2 * np.abs(centres_of(found) - plain).max()


def test_without_source_frames_there_are_no_centres(make_task: BuildTask) -> None:
    task = make_task(source=None)
    with pytest.raises(BadDataError, match="prototypes") as caught:
        with_prototypes(task, start(task), None)
    assert "--source-data" in caught.value.fix
