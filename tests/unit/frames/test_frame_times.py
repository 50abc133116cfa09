"""Times in file names, and prints cut by them."""

import pytest

from adaptprint.frames.frame_times import cut_at_gaps, time_in_name

NOON = 1678536000.0  # 2023-03-11 12:00:00 UTC


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("1678536000", NOON),
        ("1678536000.25", NOON + 0.25),
        ("1678536000250", NOON + 0.25),
        ("1678536000250000", NOON + 0.25),
        ("1678536000250000000", NOON + 0.25),
        ("IMG_20230311_120000", NOON),
        ("cam1-20230311120000", NOON),
        ("2023-03-11T12-00-00", NOON),
        ("2023-03-11 12:00:00", NOON),
        ("2023-03-11_12.00.00_front", NOON),
        ("1678530000_1678536000.25", NOON + 0.25),  # the print's start, then the frame's time
    ],
)
def test_a_time_is_found_in_a_name(name: str, seconds: float) -> None:
    assert time_in_name(name) == pytest.approx(seconds, abs=1e-3)


@pytest.mark.parametrize(
    "name",
    [
        "frame000001",
        "Picture1",
        "12345",
        "0000000012",
        "99999999999999",
        "20231341_126000",
        "a1b2",
        "",
        "P1_003945_1_3",
    ],
)
def test_a_counter_is_no_time(name: str) -> None:
    assert time_in_name(name) is None


def test_only_a_gap_over_a_minute_ends_a_print() -> None:
    assert cut_at_gaps([0.0, 60.0, 120.5, 130.0, 500.0]) == [0, 0, 1, 1, 2]
    assert cut_at_gaps([]) == []
