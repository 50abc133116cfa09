import pytest

from adaptprint.errors import BadDataError, UsageError
from adaptprint.workflows.comparison_prints import Prints, halves, parse_shares, prints_to_adapt_on


def prints(n_bad: int, n_good: int) -> Prints:
    labels = ("bad",) * n_bad + ("good",) * n_good
    return Prints("9", tuple(f"p{place}" for place in range(len(labels))), labels)


def taken(of: Prints, share: float | str, n_prints: int | None) -> tuple[int, int]:
    pool = halves(of, seed=0).pool
    places = prints_to_adapt_on(of, pool, share, n_prints, "bad")
    assert set(places) <= set(pool)
    assert len(set(places)) == len(places)
    n_bad = sum(of.labels[place] == "bad" for place in places)
    return n_bad, len(places) - n_bad


def test_halves_share_no_print_and_every_class_is_in_both():
    of = prints(9, 7)
    half = halves(of, seed=3)
    assert sorted([*half.test, *half.pool]) == list(range(16))
    assert {of.labels[place] for place in half.test} == {of.labels[place] for place in half.pool} == {"bad", "good"}
    assert abs(len(half.test) - len(half.pool)) <= 1


def test_another_seed_draws_other_halves():
    of = prints(20, 20)
    assert set(halves(of, 0).test) != set(halves(of, 1).test)
    assert halves(of, 0) == halves(of, 0)


@pytest.mark.parametrize(
    ("share", "n_prints", "expected"),
    [(0, 8, (0, 8)), (1, 8, (8, 0)), (0.5, 8, (4, 4)), (0.3, 10, (3, 7)), (0.25, 10, (3, 7)), (0.1, 4, (0, 4))],
)
def test_a_share_is_honoured_with_halves_rounded_up(share, n_prints, expected):
    assert taken(prints(20, 20), share, n_prints) == expected


@pytest.mark.parametrize(("share", "n_prints", "expected"), [(0.5, 10, (3, 3)), (1, None, (3, 0)), (0, 10, (0, 10))])
def test_a_pool_that_is_too_small_gives_fewer_prints_and_never_another_share(share, n_prints, expected):
    assert taken(prints(6, 30), share, n_prints) == expected


def test_fewer_than_three_prints_are_refused_with_cause_and_fix():
    with pytest.raises(BadDataError, match="2 bad and 15 good") as caught:
        taken(prints(4, 30), 1, 8)
    assert "--bad-shares" in caught.value.fix


def test_the_data_s_own_share_takes_the_whole_pool_or_a_part_in_the_same_proportion():
    assert taken(prints(10, 30), "own", None) == (5, 15)
    assert taken(prints(10, 30), "own", 8) == (2, 6)


def test_the_good_prints_of_a_larger_bad_share_are_among_those_of_a_smaller_one():
    of = prints(20, 20)
    pool = halves(of, 0).pool
    few, many = (set(prints_to_adapt_on(of, pool, share, 8, "bad")) for share in (0.25, 0.5))
    assert {place for place in many if of.labels[place] == "good"} < few


def test_shares_are_read_once_each():
    assert parse_shares("0, .5,1,0.5") == (0.0, 0.5, 1.0)
    assert parse_shares("own") == ("own",)


@pytest.mark.parametrize("text", ["", "1.2", "-0.1", "half", "nan", "0,,1"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(UsageError, match="--bad-shares"):
        parse_shares(text)
