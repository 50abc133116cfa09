"""Which frames a report shows, and under which names."""

import io

import numpy as np
import pytest
from PIL import Image

from adaptprint.workflows.report import pictures_of
from adaptprint.workflows.run_pictures import Album, spread_rows, telling_rows

FRAMES = np.stack([np.full((8, 16, 3), 60 * n, np.uint8) for n in range(4)])


def scores(faulty: list[float]) -> np.ndarray:
    return np.stack([1 - np.array(faulty), faulty], axis=1).astype(np.float32)


def test_a_frame_is_kept_once_and_shows_what_it_is() -> None:
    album = Album(FRAMES, FRAMES[::-1])
    names = [album.picture("target", 1), album.picture("target", 1), album.picture("source", 1)]
    assert names[0] == names[1] != names[2]
    assert len(album.jpegs) == 2
    shown = [np.asarray(Image.open(io.BytesIO(album.jpegs[name]))) for name in names[1:]]
    assert [image.shape for image in shown] == [(8, 16, 3)] * 2
    assert [round(image.mean()) for image in shown] == [60, 120]


def test_without_source_frames_none_can_be_shown() -> None:
    with pytest.raises(ValueError, match="source"):
        Album(FRAMES, None).picture("source", 0)


def test_frames_that_differ_most_come_first_and_three_of_a_print_at_most() -> None:
    names, before = ["a"] * 5 + ["b"] * 2, scores([0.5] * 7)
    after = scores([0.5, 0.9, 0.8, 0.7, 0.6, 0.55, 0.95])
    assert telling_rows(names, before, after, ()) == [6, 1, 2, 3, 5]


def test_where_the_models_call_all_frames_alike_those_come_that_they_are_least_sure_of() -> None:
    same = scores([0.9, 0.2, 0.55, 0.4, 0.99])
    assert telling_rows(list("abcde"), same, same, ()) == [2, 3, 1, 0, 4]


def test_frames_that_a_moved_decision_calls_otherwise_are_shown_from_the_least_to_the_most_sure() -> None:
    names, before = [f"p{n}" for n in range(40)], scores([0.02 * n for n in range(40)])
    after = scores([min(0.02 * n + 0.3, 1) for n in range(40)])
    flips = (before[:, 1] < 0.5) & (after[:, 1] >= 0.5)
    rows = telling_rows(names, before, after, (), flips)
    assert (rows[0], rows[-1], len(rows)) == (24, 10, 12)
    assert rows == sorted(rows, reverse=True)
    assert telling_rows(names, before, after, ("p39", "p0"), flips) == [0, 39, *rows[:10]]


def test_prints_to_label_come_before_all_others_and_are_all_shown() -> None:
    names = [f"p{n // 4}" for n in range(40)]
    before, after = scores([0.5] * 40), scores([0.5 + 0.01 * (n % 40) for n in range(40)])
    wanted = ("p0", "p1", "p2", "p3", "p4")
    rows = telling_rows(names, before, after, wanted)
    assert len(rows) == 15
    assert {names[row] for row in rows} == set(wanted)
    assert len(telling_rows(names, before, after, ())) == 12


@pytest.mark.parametrize(
    ("n", "number", "expected"), [(10, 2, [2, 7]), (2, 2, [0, 1]), (1, 2, [0]), (0, 2, []), (9, 3, [1, 4, 7])]
)
def test_frames_of_a_print_are_spread_over_its_time(n: int, number: int, expected: list[int]) -> None:
    assert spread_rows(np.arange(n), number) == expected


def test_pictures_are_found_wherever_the_facts_name_them() -> None:
    frame = {"picture": "a.jpg", "nearest": {"picture": "b.jpg"}}
    content = {"pictures": [frame], "changes": {"prints": [{"frames": [frame, {"picture": "c.jpg", "nearest": None}]}]}}
    assert pictures_of(content) == ["a.jpg", "b.jpg", "c.jpg"]
