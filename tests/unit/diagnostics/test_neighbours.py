"""Nearest neighbours: exact, by cosine, and never from the same print."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptprint.diagnostics import neighbours
from adaptprint.diagnostics.neighbours import LEAST_RECALL, NeighbourIndex, Neighbours, unit_rows, vote


def features(n: int, d: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


@settings(deadline=None, derandomize=True, database=None, max_examples=60)
@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 8), st.integers(1, 6), st.integers(0, 1000))
def test_neighbours_are_those_that_comparing_all_with_all_finds(
    n: int, m: int, k: int, n_prints: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    indexed, queries = features(n, seed=seed), features(m, seed=seed + 1)
    prints, own = rng.integers(n_prints, size=n), rng.integers(n_prints, size=m)
    found = NeighbourIndex(indexed, prints).search(queries, k, own)
    assert found.rows.shape == found.similarity.shape == (m, k)
    cosine = unit_rows(queries) @ unit_rows(indexed).T
    for query in range(m):
        allowed = np.flatnonzero(prints != own[query])
        best = allowed[np.argsort(-cosine[query, allowed], kind="stable")][:k]
        rows = found.rows[query]
        exists = rows >= 0
        assert exists.tolist() == [True] * len(best) + [False] * (k - len(best))
        assert set(prints[rows[exists]]) <= set(range(n_prints)) - {own[query]}
        np.testing.assert_allclose(found.similarity[query][exists], cosine[query, best], atol=1e-5)
        np.testing.assert_allclose(cosine[query, rows[exists]], cosine[query, best], atol=1e-5)
        assert (found.similarity[query][~exists] == -1).all()


def test_a_print_of_near_copies_does_not_crowd_out_the_others() -> None:
    copies = np.ones((50, 3), np.float32) + 1e-4 * features(50, 3)
    others = features(5, 3, seed=1)
    prints = np.array([0] * 50 + [1, 2, 3, 4, 5])
    found = NeighbourIndex(np.concatenate([copies, others]), prints).search(copies[:3], 5, np.zeros(3, dtype=np.int64))
    assert {frozenset(row) for row in found.rows.tolist()} == {frozenset(range(50, 55))}


def test_without_prints_every_frame_may_be_a_neighbour_even_the_query_itself() -> None:
    indexed = features(6)
    found = NeighbourIndex(indexed, np.zeros(6, dtype=np.int64)).search(indexed, 2)
    assert found.rows[:, 0].tolist() == list(range(6))
    assert found.similarity[:, 0] == pytest.approx(np.ones(6), abs=1e-5)


def test_where_all_frames_are_of_one_print_nobody_has_a_neighbour() -> None:
    indexed = features(4)
    found = NeighbourIndex(indexed, np.full(4, 7)).search(indexed, 3, np.full(4, 7))
    assert (found.rows == -1).all()
    assert (found.similarity == -1).all()


def test_an_empty_index_answers_with_nobody() -> None:
    found = NeighbourIndex(features(0), np.zeros(0, dtype=np.int64)).search(features(2), 3)
    assert found.rows.tolist() == [[-1, -1, -1]] * 2


def test_length_does_not_matter_and_nothing_is_near_to_nothing() -> None:
    indexed = features(10)
    index = NeighbourIndex(indexed, np.arange(10))
    plain, scaled = index.search(indexed[:3], 4), index.search(1000 * indexed[:3], 4)
    assert plain.rows.tolist() == scaled.rows.tolist()
    zero = index.search(np.zeros((1, 5), np.float32), 2)
    assert zero.similarity == pytest.approx(np.zeros((1, 2)))
    assert np.isfinite(unit_rows(np.zeros((2, 3), np.float32))).all()


def test_votes_are_shares_of_the_neighbours_that_exist() -> None:
    rows = np.array([[0, 1, 2], [2, -1, -1], [-1, -1, -1]])
    found = vote(Neighbours(rows, np.zeros((3, 3), np.float32)), np.array([0, 2, 2]), 3)
    np.testing.assert_allclose(found, [[1 / 3, 0, 2 / 3], [0, 0, 1], [0, 0, 0]])


@settings(deadline=None, derandomize=True, database=None, max_examples=30)
@given(st.integers(1, 20), st.integers(1, 5), st.integers(0, 1000))
def test_votes_sum_to_one_or_to_nothing(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    prints = rng.integers(3, size=n)
    indexed = features(n, seed=seed)
    found = NeighbourIndex(indexed, prints).search(indexed, k, prints)
    sums = vote(found, rng.integers(4, size=n), 4).sum(1)
    np.testing.assert_allclose(sums, (found.rows[:, 0] >= 0).astype(float))


def clustered(n_prints: int, n_frames: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    centres = np.repeat(features(n_prints, 16, seed), n_frames, 0)
    return centres + 0.3 * features(len(centres), 16, seed + 1), np.repeat(np.arange(n_prints), n_frames)


def recall_of(index: NeighbourIndex, indexed: np.ndarray, prints: np.ndarray, rows: np.ndarray) -> float:
    found = index.search(indexed[rows], 10, prints[rows]).rows
    cosine = np.where(prints[rows, None] == prints, -2, unit_rows(indexed[rows]) @ unit_rows(indexed).T)
    truth = np.argsort(-cosine, axis=1)[:, :10]
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found.tolist(), truth.tolist(), strict=True)]))


def test_up_to_the_limit_the_search_is_exact_and_says_so() -> None:
    indexed, prints = clustered(20, 10)
    index = NeighbourIndex(indexed, prints, exact_limit=200)
    assert index.exact
    assert index.recall == 1
    assert recall_of(index, indexed, prints, np.arange(200)) == 1


def test_above_the_limit_enough_cells_are_searched_to_find_nearly_every_neighbour() -> None:
    indexed, prints = clustered(150, 20)
    index = NeighbourIndex(indexed, prints, exact_limit=2999)
    assert not index.exact
    assert LEAST_RECALL <= index.recall <= 1
    assert recall_of(index, indexed, prints, np.arange(0, 3000, 7)) > LEAST_RECALL - 0.03


def test_where_neighbours_lie_in_no_cells_the_search_stays_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_FIRST_PROBES", 2)
    indexed, prints = features(1500, 40), np.arange(1500) // 2
    index = NeighbourIndex(indexed, prints, exact_limit=1)
    assert (index.exact, index.recall) == (True, 1)
    assert recall_of(index, indexed, prints, np.arange(0, 1500, 30)) == 1


def test_recall_is_measured_and_not_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_FIRST_PROBES", 1)
    monkeypatch.setattr(neighbours, "LEAST_RECALL", 0)
    monkeypatch.setattr(neighbours, "_BLOCK", 1000)
    indexed, prints = clustered(150, 20)
    index = NeighbourIndex(indexed, prints, exact_limit=1)
    assert index.recall < 0.9
    assert index.recall == pytest.approx(recall_of(index, indexed, prints, np.arange(0, 3000, 7)), abs=0.06)


def test_near_copies_of_the_query_do_not_count_whatever_their_print() -> None:
    indexed, prints = features(8), np.arange(8)
    indexed[1] = indexed[2] = indexed[0]
    hashes = np.array([0, 0b1111, 0b11111, *[0xFFFF_FFFF_FFFF_FFFF] * 5], dtype=np.uint64)
    index = NeighbourIndex(indexed, prints)
    assert set(index.search(indexed[:1], 2, prints[:1]).rows[0].tolist()) == {1, 2}
    # Four bits apart is a copy, five are not.
    found = index.search(indexed[:1], 8, prints[:1], hashes[:1], hashes)
    assert found.rows[0, 0] == 2
    assert 1 not in found.rows
    assert (found.rows[0] >= 0).sum() == 6
