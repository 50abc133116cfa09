"""Expected mixing, local outliers, hubs and near-copies: each tells the case it is for from the one beside it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import skew

from adaptprint.adaptation.prior import PriorEstimate
from adaptprint.diagnostics.neighbour_facts import frame_facts, neighbour_facts
from adaptprint.diagnostics.neighbour_measures import FrameHashes, frame_hashes, hubness, local_outliers, occurrences
from adaptprint.diagnostics.neighbourhood import Neighbourhood, look_around
from adaptprint.diagnostics.neighbours import NeighbourIndex, Neighbours
from adaptprint.diagnostics.support import kth_distance
from adaptprint.frames.table import FrameTable
from adaptprint.models.memory import SourceFrames

Tables = Callable[..., FrameTable]
CLASSES = ("good", "bad")


def share_of_bad(share: float, posteriors: np.ndarray | None = None) -> PriorEstimate:
    shares = np.array([1 - share, share])
    return PriorEstimate(shares, shares, shares, print_posteriors=posteriors)


def cloud(centres: np.ndarray, n_frames: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    prints = np.repeat(centres + rng.normal(0, 0.3, centres.shape), n_frames, 0)
    return (prints + rng.normal(0, 0.05, prints.shape)).astype(np.float32)


def look(
    make_table: Tables,
    bad: np.ndarray,
    prior: PriorEstimate | None = None,
    hashes: FrameHashes | None = None,
    n_source: int = 40,
    n_frames: int = 5,
) -> Neighbourhood:
    """Source prints, half of them bad, and target prints that are bad as given, mixed by class."""
    of_source = np.arange(n_source) // 2 % 2
    source = make_table([(f"P{i % 2}", f"s{i}", CLASSES[of_source[i]], n_frames) for i in range(n_source)])
    of_source = source.label_codes(CLASSES)[::n_frames]
    m = n_source * n_frames
    frames = SourceFrames(source, np.zeros((m, 1, 1, 3), np.uint8), np.zeros(m, dtype=bool))
    target = make_table([("T", f"t{i}", None, n_frames) for i in range(len(bad))])
    places = 3 * np.eye(6)[:2]
    return look_around(
        frames,
        cloud(places[of_source], n_frames, 0),
        np.repeat(of_source, n_frames),
        target,
        cloud(places[bad], n_frames, 1),
        np.repeat(bad, n_frames),
        2,
        prior=prior,
        hashes=hashes,
    )


def test_mixing_expects_what_the_class_shares_let_expect(make_table: Tables) -> None:
    """All prints of the target are good and mixed with the source's good ones, of which there are half as many."""

    def ratio(bad: np.ndarray, prior: PriorEstimate | None = None) -> float:
        return look(make_table, bad, prior, n_source=200, n_frames=1).domain_mixing.value

    all_good = np.zeros(200, dtype=np.int64)
    assert ratio(all_good) == pytest.approx(0.67, abs=0.08)
    assert ratio(all_good, share_of_bad(0.0)) == pytest.approx(1, abs=0.1)
    assert ratio(np.arange(200) % 2, share_of_bad(0.5)) == pytest.approx(1, abs=0.1)


def test_mixing_knows_which_print_is_of_which_class(make_table: Tables) -> None:
    """A fifth of the target is bad: around its bad prints there are more source frames than around its good ones."""
    bad = (np.arange(200) % 5 == 0).astype(np.int64)
    known = look(make_table, bad, share_of_bad(0.2, np.eye(2)[bad]), n_source=200, n_frames=1)
    unknown = look(make_table, bad, share_of_bad(0.2), n_source=200, n_frames=1)
    assert known.details is not None
    assert unknown.details is not None
    good, faulty = known.details.by_class["domain_mixing"]
    assert good is not None
    assert faulty is not None
    assert (good.value, faulty.value) == pytest.approx((1, 1), abs=0.15)
    _, faulty = unknown.details.by_class["domain_mixing"]
    assert faulty is not None
    assert faulty.value > 1.3


def outlier_ranks(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    index = NeighbourIndex(source, np.arange(len(source)))
    found, own = index.search(target, 10), index.search(source, 10, np.arange(len(source)))
    return local_outliers(found, own, kth_distance(found), kth_distance(own))


def around(place: int, spread: float, n: int, seed: int) -> np.ndarray:
    return (3 * np.eye(8)[place] + np.random.default_rng(seed).normal(0, spread, (n, 8))).astype(np.float32)


def test_frames_like_the_source_s_rank_evenly_among_them() -> None:
    ranks = outlier_ranks(around(0, 0.3, 300, 0), around(0, 0.3, 300, 1))
    assert ranks.mean() == pytest.approx(0.5, abs=0.07)
    assert (ranks > 0.95).mean() == pytest.approx(0.05, abs=0.06)
    assert (outlier_ranks(around(0, 0.3, 300, 0), around(1, 0.3, 50, 1)) > 0.99).all()


def test_what_is_far_in_a_dense_corner_is_near_in_a_sparse_one() -> None:
    source = np.concatenate([around(0, 0.02, 300, 0), around(1, 0.6, 300, 1)])
    off_the_dense, in_the_sparse = around(0, 0.2, 50, 2), around(1, 0.6, 50, 3)
    index = NeighbourIndex(source, np.arange(600))
    far = [kth_distance(index.search(frames, 10)).mean() for frames in (off_the_dense, in_the_sparse)]
    assert far[0] < far[1]
    assert outlier_ranks(source, off_the_dense).mean() > 0.95
    assert outlier_ranks(source, in_the_sparse).mean() < 0.7


def test_hubs_are_counted_by_print() -> None:
    rows = np.array([[0, 1], [0, 2], [0, 1], [3, -1]])
    found = occurrences(Neighbours(rows, np.zeros((4, 2), np.float32)), np.array([0, 0, 1, 2]), 5)
    assert found.tolist() == [[1, 0.5, 0.5, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 1, 0]]


def test_hubness_is_the_skewness_of_occurrences_with_an_interval_over_prints() -> None:
    by_print = np.random.default_rng(0).random((12, 50)) ** 6
    found = hubness(by_print)
    assert found.value == pytest.approx(skew(by_print.mean(0)))
    assert found.low < found.value < found.high
    hub = by_print / 10
    hub[:, 0] = 1
    assert hubness(hub).low > found.high
    assert hubness(np.full((3, 5), 0.2)).to_list() == [0, 0]
    one = hubness(by_print[:1])
    assert one.to_list() == pytest.approx([one.value, one.value])


def test_a_near_copy_in_another_print_is_no_neighbour_and_is_counted(make_table: Tables) -> None:
    rng = np.random.default_rng(0)
    hashes = FrameHashes(
        rng.integers(1 << 62, size=200).astype(np.uint64),
        rng.integers(1 << 62, size=50).astype(np.uint64),
        np.repeat(np.arange(40), 5),
        np.repeat(np.arange(10), 5),
    )
    bad = np.arange(10) % 2
    before = look(make_table, bad, hashes=hashes)
    assert before.details is not None
    assert before.details.n_copies == 0
    first = before.details.frames.nearest[0]
    of_target = hashes.target.copy()
    of_target[0] = hashes.source[first]
    after = look(make_table, bad, hashes=replace(hashes, target=of_target)).details
    assert after is not None
    assert after.n_copies == 1
    assert after.frames.nearest[0] != first
    assert after.frames.nearest[1:].tolist() == before.details.frames.nearest[1:].tolist()


def test_where_all_prints_look_alike_copies_cannot_be_told(make_table: Tables) -> None:
    rng = np.random.default_rng(0)
    source, target = make_table([("P", f"s{i}", "good", 2) for i in range(10)]), make_table([("T", "t", None, 4)])
    different = rng.integers(0, 256, (24, 32, 32, 3)).astype(np.uint8)
    found = frame_hashes(source, different[:20], target, different[20:])
    assert found is not None
    assert found.n_copies == 0
    same = np.repeat(different[:1], 24, 0)
    assert frame_hashes(source, same[:20], target, same[20:]) is None
    copied = different.copy()
    copied[20] = different[3]
    found = frame_hashes(source, copied[:20], target, copied[20:])
    assert found is not None
    assert found.n_copies == 1


def test_every_number_comes_with_its_interval_its_classes_and_what_it_means(make_table: Tables) -> None:
    found = look(make_table, np.arange(10) % 2, share_of_bad(0.5))
    facts = neighbour_facts(found, CLASSES)
    assert facts is not None
    for name in ("label_agreement", "domain_mixing", "support", "local_outliers", "hubness"):
        low, high = facts[name]["interval"]
        assert low <= facts[name]["value"] <= high
        assert f"{facts[name]['value']:.0%}" in facts[name]["says"] or name in ("domain_mixing", "hubness")
    for name in ("label_agreement", "domain_mixing", "support", "local_outliers"):
        assert list(facts[name]["by_class"]) == list(CLASSES)
    assert f"would give {facts['domain_mixing']['expected']:.0%}" in facts["domain_mixing"]["says"]
    assert f"of {facts['hubness']['most_used_by']:.0%} of the target" in facts["hubness"]["says"]
    for printer, share in facts["printer_affinity"].items():
        low, high = facts["printer_affinity_intervals"][printer]
        assert low <= share <= high
    assert facts["search"]["exact"]
    assert "could not be told" in facts["search"]["says"]
    assert neighbour_facts(None, CLASSES) is None


def test_a_class_that_is_never_called_has_no_numbers(make_table: Tables) -> None:
    facts = neighbour_facts(look(make_table, np.zeros(6, dtype=np.int64)), CLASSES)
    assert facts is not None
    assert facts["support"]["by_class"]["good"] is not None
    assert facts["support"]["by_class"]["bad"] is None


def test_prints_and_frames_are_told_one_by_one(make_table: Tables) -> None:
    found = look(make_table, np.arange(4) % 2)
    facts, frames = neighbour_facts(found, CLASSES), frame_facts(found, CLASSES)
    assert facts is not None
    assert [row["print"] for row in facts["prints"]] == ["t0", "t1", "t2", "t3"]
    assert len(frames) == 20
    for row in facts["prints"]:
        own = [frame for frame in frames if frame["print"] == row["print"]]
        assert row["n_frames"] == len(own) == 5
        assert row["label_agreement"] == pytest.approx(np.mean([frame["agrees"] for frame in own]), abs=1e-3)
        assert row["support"] == pytest.approx(np.mean([frame["supported"] for frame in own]), abs=1e-3)
        assert row["outlier_rank"] == pytest.approx(np.mean([frame["outlier_rank"] for frame in own]), abs=1e-3)
        assert row["nearest_printer"] in [frame["nearest_printer"] for frame in own]
    assert [frame["call"] for frame in frames] == list(np.repeat(["good", "bad"] * 2, 5))
    assert all(frame["nearest"].startswith(f"{frame['nearest_printer']}/") for frame in frames)
    assert frame_facts(None, CLASSES) == []
