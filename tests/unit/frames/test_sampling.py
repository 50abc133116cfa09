"""Batches, subsets and splits: the print is the unit, and every draw a function of seed and step."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptprint.frames.sampling import (
    BalancedSampler,
    balanced_rows,
    print_weights,
    source_sampler,
    split_by_print,
    target_sampler,
)
from adaptprint.frames.table import FrameRow, FrameTable, grouped

Prints = list[tuple[str, str, str | None, int]]
quick = settings(deadline=None, derandomize=True, database=None, max_examples=60)
UNEVEN: Prints = [
    ("P1", "endless", "good", 200),
    ("P1", "b", "good", 3),
    ("P1", "c", "bad", 20),
    ("P2", "d", "good", 9),
    ("P2", "e", "bad", 1),
    ("P2", "f", "bad", 40),
]


def make_table(prints: Prints) -> FrameTable:
    rows = [
        FrameRow(f"/{printer}/{name}/{label}/{i}", f"{printer}/{name}/{label}/{i}", printer, name, None, label)
        for printer, name, label, n in prints
        for i in range(n)
    ]
    return FrameTable(grouped(rows), Path("/"), "prints")


some_prints = st.lists(
    st.tuples(
        st.sampled_from(["P1", "P2", "P3"]),
        st.sampled_from("abcdefgh"),
        st.sampled_from(["good", "bad"]),
        st.integers(1, 5),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda row: row[:2],
)


def counts(codes: np.ndarray) -> list[int]:
    return sorted(np.unique(codes, return_counts=True)[1].tolist())


@quick
@given(some_prints, st.integers(1, 40), st.integers(0, 5))
def test_every_class_then_printer_then_print_gets_its_share_within_one_frame(
    prints: Prints, size: int, step: int
) -> None:
    table = make_table(prints)
    labels = table.label_codes(["good", "bad"])
    rows = source_sampler(table, labels, seed=0).batch(step, size)
    assert rows.shape == (size,)
    assert rows.dtype == np.int64
    present = np.unique(labels)
    for code in present:
        inside = rows[labels[rows] == code]
        assert abs(len(inside) - size / len(present)) < 1
        printers = np.unique(table.printer_codes[labels == code])
        for printer in printers:
            here = inside[table.printer_codes[inside] == printer]
            assert abs(len(here) - len(inside) / len(printers)) < 1
            its_prints = np.unique(table.print_codes[(labels == code) & (table.printer_codes == printer)])
            for each in its_prints:
                assert abs((table.print_codes[here] == each).sum() - len(here) / len(its_prints)) < 1


def test_an_endless_print_does_not_fill_the_batches() -> None:
    table = make_table(UNEVEN)
    rows = target_sampler(table, seed=0).batch(0, 60)
    assert counts(table.print_codes[rows]) == [10] * 6


def test_no_print_is_left_out_for_ever_where_batches_are_smaller_than_their_number() -> None:
    table = make_table(UNEVEN)
    sampler = target_sampler(table, seed=0)
    seen = {int(code) for step in range(20) for code in table.print_codes[sampler.batch(step, 4)]}
    assert seen == set(range(6))


def test_frames_of_a_print_are_repeated_only_when_all_were_taken() -> None:
    table = make_table([("P", "a", "good", 4), ("P", "b", "good", 10)])
    rows = target_sampler(table, seed=0).batch(3, 20)
    assert counts(rows[table.print_codes[rows] == 0]) == [2, 2, 3, 3]
    assert counts(rows[table.print_codes[rows] == 1]) == [1] * 10


def test_a_batch_is_a_function_of_seed_and_step_alone() -> None:
    table = make_table(UNEVEN)

    def draw(seed: int, step: int) -> list[int]:
        return target_sampler(table, seed).batch(step, 16).tolist()

    sampler = target_sampler(table, 7)
    forwards = [sampler.batch(step, 16).tolist() for step in range(5)]
    np.random.random(100)  # the global generator must not matter
    assert [draw(7, step) for step in reversed(range(5))] == forwards[::-1]
    assert len({tuple(draw(seed, step)) for seed in range(4) for step in range(4)}) == 16


def test_the_order_inside_a_batch_tells_nothing_of_the_class() -> None:
    table = make_table(UNEVEN)
    labels = table.label_codes(["good", "bad"])
    batches = np.stack([labels[source_sampler(table, labels, 0).batch(step, 20)] for step in range(200)])
    assert np.abs(batches.mean(0) - 0.5).max() < 0.15


def test_an_empty_batch_can_be_asked_for() -> None:
    assert BalancedSampler([np.zeros(3, dtype=np.int64)], 0).batch(0, 0).tolist() == []


def test_every_print_weighs_one() -> None:
    table = make_table(UNEVEN)
    weights = print_weights(table)
    assert np.bincount(table.print_codes, weights=weights) == pytest.approx(np.ones(6))


@quick
@given(some_prints, st.integers(1, 30), st.integers(0, 3))
def test_a_subset_holds_different_rows_in_order_and_as_many_as_wanted(prints: Prints, size: int, seed: int) -> None:
    table = make_table(prints)
    rows = balanced_rows([table.printer_codes, table.print_codes], size, seed)
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert len(rows) == min(size, len(table))
    assert set(rows) <= set(range(len(table)))
    assert np.array_equal(rows, balanced_rows([table.printer_codes, table.print_codes], size, seed))


def test_a_subset_is_spread_evenly_and_takes_small_prints_whole() -> None:
    table = make_table(UNEVEN)
    found = np.bincount(table.print_codes[balanced_rows([table.print_codes], 12, seed=0)], minlength=6)
    assert found[4] == 1
    assert sorted(np.delete(found, 4)) == [2, 2, 2, 2, 3]
    rows = balanced_rows([table.label_codes(["good", "bad"]), table.print_codes], 100, seed=0)
    found = np.bincount(table.print_codes[rows], minlength=6)
    assert found[[1, 3, 4]].tolist() == [3, 9, 1]
    assert table.label_codes(["good", "bad"])[rows].mean() == pytest.approx(0.5, abs=0.07)


def test_a_subset_of_all_is_all() -> None:
    assert balanced_rows([np.zeros(5, dtype=np.int64)], 5, 0).tolist() == [0, 1, 2, 3, 4]
    assert balanced_rows([np.zeros(5, dtype=np.int64)], 99, 0).tolist() == [0, 1, 2, 3, 4]


def test_another_seed_gives_another_subset() -> None:
    codes = np.repeat(np.arange(4), 25)
    assert balanced_rows([codes], 20, 0).tolist() != balanced_rows([codes], 20, 1).tolist()


@quick
@given(some_prints, st.floats(0.05, 0.95), st.integers(0, 5))
def test_the_parts_of_a_split_share_no_print_and_keep_every_class_where_possible(
    prints: Prints, share: float, seed: int
) -> None:
    table = make_table(prints)
    train, validation = split_by_print(table, share, seed)
    assert sorted([*train, *validation]) == list(range(len(table)))
    assert train.tolist() == sorted(train)
    assert validation.tolist() == sorted(validation)
    assert not set(table.print_codes[train]) & set(table.print_codes[validation])
    groups: dict[tuple[str, str | None], int] = {}
    for printer, _, label, _ in prints:
        groups[printer, label] = groups.get((printer, label), 0) + 1
    held = table.take(validation).prints.group_by("printer", "label").len()
    found = {(printer, label): n for printer, label, n in held.iter_rows()}
    for group, n in groups.items():
        wanted = 0 if n == 1 else min(max(1, round(share * n)), n - 1)
        assert found.get(group, 0) == wanted


def test_a_split_is_decided_by_its_seed() -> None:
    table = make_table([("P", f"{i}", "good", 2) for i in range(12)])
    first, again, other = (split_by_print(table, 0.5, seed)[1].tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_prints_that_hold_several_classes_are_split_whole() -> None:
    table = make_table([("P", "a", "good", 2), ("P", "a", "bad", 2), ("P", "b", "good", 3), ("P", "c", "bad", 3)])
    assert table.labels_vary_inside_prints
    train, validation = split_by_print(table, 0.3, 0)
    assert not set(table.print_codes[train]) & set(table.print_codes[validation])
    assert len(set(table.print_codes[validation])) == 1


def test_the_majority_label_of_a_mixed_print_does_not_decide_its_part() -> None:
    table = make_table([("P", "a", "good", 3), ("P", "a", "bad", 1), ("P", "b", "bad", 3), ("P", "b", "good", 1)])
    train, validation = split_by_print(table, 0.5, 0)
    assert (len(train), len(validation)) == (4, 4)


def test_one_print_alone_cannot_be_split() -> None:
    train, validation = split_by_print(make_table([("P", "a", "good", 4)]), 0.5, 0)
    assert (train.tolist(), validation.tolist()) == ([0, 1, 2, 3], [])
