"""The coreset of a large target: every print alike, and inside a print evenly in time."""

from pathlib import Path
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptprint.frames.coreset import coreset_rows
from adaptprint.frames.table import FrameRow, FrameTable, grouped

quick = settings(deadline=None, derandomize=True, database=None, max_examples=80)
lengths = st.lists(st.integers(1, 40), min_size=1, max_size=12)


def make_table(counts: list[int], timed: bool = True) -> FrameTable:
    """Prints of the given lengths, whose files exist nowhere."""
    rows = [
        FrameRow(f"/nowhere/{name}/{i}", f"{name}/{i}", "P", str(name), float(i) if timed else None)
        for name, n in enumerate(counts)
        for i in range(n)
    ]
    return FrameTable(grouped(rows), Path("/nowhere"), "prints")


@quick
@given(lengths, st.integers(1, 60), st.integers(0, 3))
def test_it_holds_as_many_different_frames_as_wanted_and_of_every_print_as_many(
    counts: list[int], size: int, seed: int
) -> None:
    table = make_table(counts)
    rows = coreset_rows(table, size, seed)
    assert rows.dtype == np.int64
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert len(rows) == min(size, len(table))
    assert set(rows) <= set(range(len(table)))
    taken = np.bincount(table.print_codes[rows], minlength=len(counts))
    # Only a print that gave all it has may hold fewer than another one less one.
    assert all(n >= taken.max() - 1 or n == have for n, have in zip(taken, counts, strict=True))
    assert np.array_equal(rows, coreset_rows(table, size, seed))


@quick
@given(lengths, st.integers(1, 60), st.integers(0, 3), st.randoms(use_true_random=False))
def test_the_frames_of_a_print_lie_at_equal_distances_in_time_whatever_the_order_of_the_rows(
    counts: list[int], size: int, seed: int, chance: Random
) -> None:
    table = make_table(counts)
    order = list(range(len(table)))
    chance.shuffle(order)
    order.sort(key=lambda row: table.print_codes[row])  # prints stay in one piece
    table = table.take(order)
    rows = coreset_rows(table, size, seed)
    for code, n in enumerate(table.prints["n_frames"]):
        times = np.sort(table.data["time"].to_numpy()[rows[table.print_codes[rows] == code]])
        steps = np.diff(times)
        assert set(steps) <= {n // len(times), -(-n // len(times))} if len(times) else True
        # Neither the beginning nor the end of a print is left out beyond one such step.
        assert len(times) == 0 or max(times[0], n - 1 - times[-1]) < -(-n // len(times)) + 1


def test_frames_without_times_are_taken_evenly_in_the_order_of_the_table() -> None:
    rows = coreset_rows(make_table([100], timed=False), 10, seed=0)
    assert set(np.diff(rows)) == {10}


def test_a_print_that_lacks_one_of_its_times_goes_by_the_table_and_not_by_the_others() -> None:
    rows = [FrameRow(f"/{i}", str(i), "P", "p", None if i == 5 else float(99 - i)) for i in range(100)]
    chosen = coreset_rows(FrameTable(grouped(rows), Path("/"), "prints"), 10, seed=0)
    assert set(np.diff(chosen)) == {10}


def test_the_seed_decides_which_frames_and_which_prints_stand_for_the_rest() -> None:
    long, many = make_table([50, 50]), make_table([2] * 40)
    for table in (long, many):
        assert len({tuple(coreset_rows(table, 12, seed)) for seed in range(6)}) > 3
    assert all(np.bincount(many.print_codes[coreset_rows(many, 12, seed)]).max() == 1 for seed in range(6))


def test_few_frames_are_all_taken() -> None:
    assert coreset_rows(make_table([3, 2]), 5, seed=0).tolist() == [0, 1, 2, 3, 4]
    assert coreset_rows(make_table([3, 2]), 99, seed=0).tolist() == [0, 1, 2, 3, 4]
