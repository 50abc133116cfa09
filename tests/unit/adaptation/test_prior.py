"""The target prior: the user's words, the estimate inside them, the weights that follow."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptprint.adaptation.prior import PriorWord, SourceScores, estimate_prior, parse_prior
from adaptprint.adaptation.step_losses import source_class_weights
from adaptprint.errors import UsageError
from adaptprint.frames.table import FrameTable

UNKNOWN = parse_prior("unknown")
BuildTable = Callable[..., FrameTable]


def two_columns(bad: list[float]) -> np.ndarray:
    return np.stack([1 - np.array(bad), np.array(bad)], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("unknown", 0, 1),
        ("all-good", 0, 0),
        ("All-Bad", 1, 1),
        (" 0.3 ", 0.3, 0.3),
        (".3", 0.3, 0.3),
        ("0", 0, 0),
        ("1", 1, 1),
        ("1.0", 1, 1),
        ("0.1-0.4", 0.1, 0.4),
        ("0-1", 0, 1),
        ("0.2-0.2", 0.2, 0.2),
    ],
)
def test_the_user_s_words_become_a_range_of_the_faulty_share(text: str, low: float, high: float) -> None:
    word = parse_prior(text)
    assert (word.low, word.high) == (low, high)


@pytest.mark.parametrize(
    "text", ["", "good", "1.5", "-0.1", "0.4-0.1", "0.1-", "0.1-0.2-0.3", "30%", "nan", "1e-1", "0,3", "0.1 - 0.4", "2"]
)
def test_other_words_are_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="target-prior") as caught:
        parse_prior(text)
    assert "all-good" in caught.value.fix


@pytest.mark.parametrize(("text", "meant"), [("allgood", "all-good"), ("All_Bad", "all-bad"), ("unknwon", "unknown")])
def test_a_word_that_is_nearly_right_is_answered_with_the_right_one(text: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_prior(text, "fleet.toml: target_prior")
    assert caught.value.cause == f"fleet.toml: target_prior {text} cannot be read"
    assert caught.value.fix.startswith(f"Did you mean {meant}? ")


def test_only_the_whole_range_says_nothing() -> None:
    assert UNKNOWN.is_unknown
    assert parse_prior("0-1").is_unknown
    assert not parse_prior("0.0-0.99").is_unknown
    assert not parse_prior("all-bad").is_unknown


def test_a_share_is_inside_give_or_take_the_slack() -> None:
    word = parse_prior("0.2-0.4")
    assert [word.contains(share) for share in (0.19, 0.2, 0.4, 0.41)] == [False, True, True, False]
    assert word.contains(0.1, slack=0.11)
    assert not word.contains(0.52, slack=0.11)


def test_a_print_counts_once_however_many_frames_it_has(make_table: BuildTable) -> None:
    table = make_table([("T", "endless", None, 300), ("T", "b", None, 3), ("T", "c", None, 3)])
    found = estimate_prior(two_columns([0.9] * 300 + [0.1] * 6), table, UNKNOWN)
    assert found.shares == pytest.approx([1 - 1.1 / 3, 1.1 / 3], abs=1e-6)
    assert found.low[1] < 0.2
    assert found.high[1] > 0.6


def test_frames_are_counted_where_labels_differ_inside_prints(make_table: BuildTable) -> None:
    table = make_table([("T", "a", None, 9), ("T", "b", None, 1)])
    found = estimate_prior(two_columns([1.0] * 9 + [0.0]), table, UNKNOWN, by_frame=True)
    assert found.shares == pytest.approx([0.1, 0.9])


def test_prints_that_agree_leave_no_doubt_and_few_leave_more_than_many(make_table: BuildTable) -> None:
    def width(bad: list[float]) -> float:
        table = make_table([("T", f"{i}", None, 1) for i in range(len(bad))])
        found = estimate_prior(two_columns(bad), table, UNKNOWN)
        assert found.low[1] <= found.shares[1] <= found.high[1]
        return float(found.high[1] - found.low[1])

    assert width([0.3] * 5) == pytest.approx(0, abs=1e-6)
    assert width([0.1, 0.9] * 3) > 2 * width([0.1, 0.9] * 30) > 0


@settings(deadline=None, derandomize=True, database=None, max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.floats(0, 1), st.floats(0, 1))
def test_the_estimate_stays_inside_the_user_s_range(bad: list[float], first: float, second: float) -> None:
    word = PriorWord(min(first, second), max(first, second), "range")
    found = estimate_prior(two_columns(bad), _one_frame_each(len(bad)), word)
    assert found.shares.sum() == pytest.approx(1)
    if not word.is_unknown:
        assert word.contains(found.shares[1], 1e-9)
        assert word.contains(found.low[1], 1e-9)
        assert word.contains(found.high[1], 1e-9)
    assert found.low[0] == pytest.approx(1 - found.high[1], abs=1e-6)
    assert found.high[0] == pytest.approx(1 - found.low[1], abs=1e-6)
    assert (found.low <= found.shares + 1e-6).all()
    assert (found.shares <= found.high + 1e-6).all()


def _one_frame_each(n: int) -> FrameTable:
    from pathlib import Path

    from adaptprint.frames.table import FrameRow, grouped

    return FrameTable(grouped(FrameRow(f"/{i}", f"{i}", "T", f"{i}") for i in range(n)), Path("/"), "prints")


def test_the_user_s_range_is_for_two_classes_only(make_table: BuildTable) -> None:
    scores = np.full((4, 3), 1 / 3, np.float32)
    found = estimate_prior(scores, make_table([("T", "a", None, 4)]), parse_prior("all-bad"))
    assert found.shares == pytest.approx([1 / 3] * 3)


def test_the_same_seed_gives_the_same_interval(make_table: BuildTable) -> None:
    table = make_table([("T", f"{i}", None, 1) for i in range(4)])
    first, again, other = (
        estimate_prior(two_columns([0.1, 0.2, 0.6, 0.9]), table, UNKNOWN, seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(first.low, again.low)
    assert np.array_equal(first.shares, other.shares)


def scored(labels: list[int], printer: str, make_table: BuildTable, shift: float, seed: int) -> tuple[Any, FrameTable]:
    """Two-class probabilities of prints of three frames each, and their table; margins at -2 and 2, moved."""
    table = make_table([(printer, f"{printer}{i}", ("good", "bad")[label], 3) for i, label in enumerate(labels)])
    margins = np.repeat(4.0 * np.array(labels) - 2 + shift, 3) + np.random.default_rng(seed).normal(0, 1, len(table))
    return two_columns((1 / (1 + np.exp(-margins))).tolist()), table


@pytest.fixture
def source(make_table: BuildTable) -> SourceScores:
    """Four printers with a little shift, six prints of each class."""
    parts = [scored([0, 1] * 6, f"S{i}", make_table, shift, i) for i, shift in enumerate((-0.6, -0.2, 0.2, 0.6))]
    table = replace(parts[0][1], data=pl.concat([table.data for _, table in parts]))
    labels = table.label_codes(["good", "bad"])
    return SourceScores(np.concatenate([scores for scores, _ in parts]), table, labels, np.zeros(len(table), bool))


def test_with_source_prints_a_moved_printer_s_share_is_found_and_without_it_is_biased(
    source: SourceScores, make_table: BuildTable
) -> None:
    scores, table = scored([0] * 16 + [1] * 4, "T", make_table, 1.2, 9)
    found, fallback = estimate_prior(scores, table, UNKNOWN, source=source), estimate_prior(scores, table, UNKNOWN)
    assert (found.method, fallback.method) == ("print margins", "mean probability")
    assert found.shares[1] == pytest.approx(0.2, abs=0.06)
    assert fallback.shares[1] > 0.35
    assert "too few labelled source prints" in fallback.says
    assert found.shift == pytest.approx(1.2, abs=0.5)
    assert set(found.others) == {"MLLS", "BBSE", "RLLS", "calls", "mean probability"}
    assert found.print_posteriors is not None
    assert found.print_posteriors.shape == (20, 2)
    assert found.print_posteriors.argmax(axis=1).tolist() == [0] * 16 + [1] * 4


def test_the_user_s_word_wins_and_data_that_say_otherwise_are_heard_politely(
    source: SourceScores, make_table: BuildTable
) -> None:
    scores, table = scored([1] * 10 + [0] * 10, "T", make_table, 0.0, 9)
    found = estimate_prior(scores, table, parse_prior("all-good"), source=source)
    assert found.shares.tolist() == [1.0, 0.0]
    assert found.high[1] == 0
    assert found.print_posteriors is not None
    assert found.print_posteriors[:, 1].max() == 0
    assert found.doubt is not None
    assert "all-good was used as you said" in found.doubt
    assert "50%" in found.doubt


@pytest.mark.parametrize("text", ["unknown", "0.5", "0.45", "0.4-0.7", "0.55-0.9"])
def test_a_word_that_the_data_allow_is_not_contradicted(
    text: str, source: SourceScores, make_table: BuildTable
) -> None:
    scores, table = scored([1] * 10 + [0] * 10, "T", make_table, 0.0, 9)
    assert estimate_prior(scores, table, parse_prior(text), source=source).doubt is None


def test_frames_that_training_did_not_see_are_preferred(source: SourceScores, make_table: BuildTable) -> None:
    scores, table = scored([1] * 10 + [0] * 10, "T", make_table, 0.0, 9)
    unseen = source.table.print_codes % 2 < 2
    flattered = np.concatenate([source.probabilities, two_columns([0.0, 1.0] * 60)])
    labels = np.concatenate([source.labels, np.tile([0, 1], 60)])
    more = make_table([("S9", f"x{i}", ("good", "bad")[i % 2], 1) for i in range(120)])
    joined = replace(source.table, data=pl.concat([source.table.data, more.data]))
    held_out = np.concatenate([unseen, np.zeros(120, bool)])
    mixed = estimate_prior(scores, table, UNKNOWN, source=SourceScores(flattered, joined, labels, held_out))
    alone = estimate_prior(scores, table, UNKNOWN, source=source)
    assert mixed.shares.tolist() == alone.shares.tolist()


def test_frames_that_training_flattered_do_not_move_the_decision_where_enough_others_are_there(
    source: SourceScores, make_table: BuildTable
) -> None:
    scores, table = scored([1] * 10 + [0] * 10, "T", make_table, -1.0, 9)
    more = make_table([("S9", f"x{i}", ("good", "bad")[i % 2], 1) for i in range(120)])
    both = SourceScores(
        np.concatenate([source.probabilities, two_columns([0.0, 1.0] * 60)]),
        replace(source.table, data=pl.concat([source.table.data, more.data])),
        np.concatenate([source.labels, np.tile([0, 1], 60)]),
        np.repeat([True, False], [len(source.labels), 120]),
    )
    blind = replace(both, held_out=np.zeros_like(both.held_out))
    alone, mixed, careless = (
        estimate_prior(scores, table, UNKNOWN, source=each).decision for each in (source, both, blind)
    )
    assert mixed == alone
    assert careless != alone


def test_labels_that_differ_inside_prints_are_counted_by_frame_even_with_source_prints(
    source: SourceScores, make_table: BuildTable
) -> None:
    scores, table = scored([1] * 3 + [0] * 3, "T", make_table, 0.0, 9)
    found = estimate_prior(scores, table, UNKNOWN, by_frame=True, source=source)
    assert found.method == "mean probability"
    assert found.shares[1] == pytest.approx(scores[:, 1].mean())


def test_a_source_with_one_class_only_is_of_no_use(source: SourceScores, make_table: BuildTable) -> None:
    scores, table = scored([1] * 3 + [0] * 3, "T", make_table, 0.0, 9)
    good = source.take(np.flatnonzero(source.labels == 0))
    assert estimate_prior(scores, table, UNKNOWN, source=good).method == "mean probability"


def test_more_than_two_classes_are_estimated_by_mlls_with_an_interval(make_table: BuildTable) -> None:
    def build(labels: list[int], printer: str, seed: int) -> tuple[Any, FrameTable]:
        table = make_table([(printer, f"{printer}{i}", "abc"[label], 2) for i, label in enumerate(labels)])
        logits = 3 * np.eye(3)[np.repeat(labels, 2)] + np.random.default_rng(seed).normal(size=(len(table), 3))
        return np.asarray(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), np.float32), table

    scores, table = build([0, 1, 2] * 10, "S", 0)
    source = SourceScores(scores, table, table.label_codes("abc"), np.zeros(len(table), bool))
    target_scores, target = build([0] * 14 + [1] * 6, "T", 1)
    found = estimate_prior(target_scores, target, UNKNOWN, source=source)
    assert found.method == "MLLS"
    assert found.shares == pytest.approx([0.7, 0.3, 0.0], abs=0.1)
    assert (found.low <= found.shares).all()
    assert (found.shares <= found.high).all()
    assert found.low[0] > 0.4
    assert found.print_posteriors is not None
    assert found.print_posteriors.sum(axis=1) == pytest.approx(np.ones(20))


def test_labelled_prints_are_believed(source: SourceScores, make_table: BuildTable) -> None:
    scores, table = scored([0] * 12, "T", make_table, 2.0, 9)
    known = np.array([0, 0, *[-1] * 10])
    free, told = (estimate_prior(scores, table, UNKNOWN, source=source, known=each) for each in (None, known))
    assert told.print_posteriors is not None
    assert told.print_posteriors[:2].tolist() == [[1.0, 0.0]] * 2
    assert told.shares[1] <= free.shares[1]
    assert told.shift is not None
    assert free.shift is not None
    assert abs(told.shift - 2.0) <= abs(free.shift - 2.0)


def test_labelled_prints_are_believed_inside_the_user_s_range_too(source: SourceScores, make_table: BuildTable) -> None:
    scores, table = scored([0] * 12, "T", make_table, 2.0, 9)
    known = np.array([0, 0, *[-1] * 10])
    told = estimate_prior(scores, table, parse_prior("0-0.6"), source=source, known=known)
    assert told.print_posteriors is not None
    assert told.print_posteriors[:2].tolist() == [[1.0, 0.0]] * 2


@pytest.mark.parametrize(("text", "label"), [("all-good", 1), ("0.0", 1), ("all-bad", 0)])
def test_a_word_that_rules_out_a_labelled_print_is_refused(
    text: str, label: int, source: SourceScores, make_table: BuildTable
) -> None:
    scores, table = scored([0] * 3 + [1] * 3, "T", make_table, 0.0, 9)
    known = np.array([label, *[-1] * 5])
    with pytest.raises(UsageError, match="contradict") as caught:
        estimate_prior(scores, table, parse_prior(text), source=source, known=known)
    assert "0-1" in caught.value.fix
    for allowed in (parse_prior("0.1-0.9"), UNKNOWN):
        assert estimate_prior(scores, table, allowed, source=source, known=known).doubt is None


@settings(deadline=None, derandomize=True, database=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=6).filter(lambda shares: sum(shares) > 0.1))
def test_class_weights_have_mean_one_follow_the_prior_and_drop_no_class(shares: list[float]) -> None:
    prior = np.array(shares) / sum(shares)
    weights = source_class_weights(prior, floor=0.02)
    assert weights.mean() == pytest.approx(1)
    assert weights.min() >= 0.02 / (1 + 0.02 * len(prior)) * len(prior) - 1e-9
    for first in range(len(prior)):
        for second in range(len(prior)):
            if prior[first] >= prior[second]:
                assert weights[first] >= weights[second]


def test_class_weights_give_balanced_batches_the_target_s_shares() -> None:
    assert source_class_weights(np.array([0.5, 0.5])).tolist() == [1.0, 1.0]
    assert source_class_weights(np.array([0.9, 0.1])) == pytest.approx([1.8, 0.2])
    assert source_class_weights(np.array([1.0, 0.0])) == pytest.approx([2 / 1.02, 0.04 / 1.02])


def test_labelled_prints_are_believed_of_more_than_two_classes_too(make_table: BuildTable) -> None:
    table = make_table([("S", f"S{i}", "abc"[i % 3], 1) for i in range(30)])
    scores = (0.2 + 0.4 * np.eye(3)[table.label_codes("abc")]).astype(np.float32)
    source = SourceScores(scores, table, table.label_codes("abc"), np.zeros(30, bool))
    target = make_table([("T", f"T{i}", None, 1) for i in range(6)])
    known = np.array([2, *[-1] * 5])
    told = estimate_prior(np.tile(np.float32([0.6, 0.2, 0.2]), (6, 1)), target, UNKNOWN, source=source, known=known)
    assert told.print_posteriors is not None
    assert told.print_posteriors[0].tolist() == [0, 0, 1]
    assert told.shares[2] >= 1 / 6


def test_with_source_prints_too_the_interval_stays_inside_the_user_s_range(
    source: SourceScores, make_table: BuildTable
) -> None:
    scores, table = scored([1] * 5 + [0] * 5, "T", make_table, 0.0, 9)
    found = estimate_prior(scores, table, parse_prior("0.42-0.44"), source=source)
    assert 0.42 <= found.low[1] <= found.shares[1] <= found.high[1] <= 0.44


def test_hardly_any_unseen_prints_are_worse_than_all(source: SourceScores, make_table: BuildTable) -> None:
    scores, table = scored([1] * 5 + [0] * 5, "T", make_table, -1.0, 9)
    few = replace(source, held_out=np.isin(source.table.print_codes, [0, 1]))
    alone, all_of_them = (estimate_prior(scores, table, UNKNOWN, source=each) for each in (few, source))
    assert alone.decision == all_of_them.decision


@pytest.mark.parametrize(("n", "method"), [(4, "mean probability"), (5, "print margins")])
def test_a_source_is_of_use_from_five_prints_of_each_class_on(n: int, method: str, make_table: BuildTable) -> None:
    known, table = scored([0, 1] * n, "S", make_table, 0.0, 1)
    source = SourceScores(known, table, table.label_codes(["good", "bad"]), np.zeros(len(table), bool))
    scores, target = scored([1] * 3 + [0] * 3, "T", make_table, 0.0, 9)
    assert estimate_prior(scores, target, UNKNOWN, source=source).method == method
