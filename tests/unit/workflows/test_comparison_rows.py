"""Arithmetic against numbers worked out by hand."""

from typing import Any

import pytest

from adaptprint.workflows.comparison_outcome import outcome
from adaptprint.workflows.comparison_rows import rows

Cell = dict[str, Any]


def model(name: str, right: list[int], hits: list[list[int]] | None = None) -> Cell:
    hits = hits or [[2 * r, 0] if place < 2 else [0, 2 * r] for place, r in enumerate(right)]
    scores = {"right": right, "hits": hits, "balanced_accuracy": 0.5, "balanced_accuracy_by_frame": 0.25}
    return {"name": name, "test": scores, "adapted": scores}


def cell(
    recipe: str,
    right: list[int],
    *,
    source: list[int] = [1, 0, 1, 0],  # noqa: B006 - never changed
    printer: str = "9",
    share: float = 0.0,
    seed: int = 0,
    verdict: str = "ship",
    seconds: float = 10.0,
    unit: str = "print",
) -> Cell:
    """Four test prints of two frames: two good, two bad. Source-only has one of each right: balanced accuracy 0.5."""
    return {
        "recipe": recipe, "printer": printer, "bad_share": share, "seed": seed, "verdict": verdict,
        "seconds": seconds, "unit": unit, "ends_with": "new", "ships": "new" if verdict == "ship" else "source-only",
        "test": {
            "prints": ["a", "b", "c", "d"], "labels": [0, 0, 1, 1], "frames": [[2, 0], [2, 0], [0, 2], [0, 2]],
        },
        "candidates": [model("source-only", source), model("new", right)],
    }  # fmt: skip


def table(*cells: Cell) -> dict[tuple[str, Any, Any], Any]:
    found = rows([outcome(each) for each in cells])
    return {(row.recipe, row.bad_share, row.printer): row for row in found}


def test_balanced_accuracy_and_gain_are_means_over_classes_then_cells():
    found = table(cell("dann", [1, 1, 1, 0]), cell("dann", [1, 1, 1, 1], printer="10"))
    row = found["dann", None, None]
    assert row.ended.balanced_accuracy == pytest.approx((0.75 + 1.0) / 2)
    assert row.ended.gain == pytest.approx((0.25 + 0.5) / 2)
    assert (row.n_cells, row.n_prints) == (2, 8)
    assert found["dann", None, "9"].ended.gain == pytest.approx(0.25)
    assert found["dann", 0.0, "10"].ended.balanced_accuracy == 1.0
    assert row.level == "all"
    assert found["dann", 0.0, "10"].level == "share-printer"


def test_rows_stand_at_every_level():
    cells = [cell("bn", [1, 1, 1, 1], printer=p, share=s) for p in ("9", "10") for s in (0.0, 1.0)]
    assert list(table(*cells)) == [
        ("bn", None, None), ("bn", 0.0, None), ("bn", 1.0, None), ("bn", None, "9"), ("bn", None, "10"),
        ("bn", 0.0, "9"), ("bn", 0.0, "10"), ("bn", 1.0, "9"), ("bn", 1.0, "10"),
    ]  # fmt: skip


def test_wins_ties_and_losses_are_counted_over_cells_beyond_one_point():
    # 50 good and 50 bad prints: one print more right is one point of balanced accuracy.
    def wide(n_right: int, seed: int) -> Cell:
        content = cell("dann", [], seed=seed)
        names, labels = [f"p{n}" for n in range(100)], [0] * 50 + [1] * 50
        content["test"] = {"prints": names, "labels": labels, "frames": [[1, 0]] * 50 + [[0, 1]] * 50}
        right = {"source-only": 60, "new": n_right}
        content["candidates"] = [
            model(name, [int(place < n) for place in range(100)], [[0, 0]] * 100) for name, n in right.items()
        ]
        return content

    score = table(*(wide(n, seed) for seed, n in enumerate((62, 61, 60, 59, 58, 57))))["dann", None, None].ended
    assert (score.wins, score.ties, score.losses) == (1, 3, 2)


def test_the_worst_cell_is_named():
    worst = table(
        cell("dann", [1, 1, 1, 1]), cell("dann", [0, 0, 1, 0], printer="10", share=1.0, seed=4)
    )["dann", None, None].ended.worst  # fmt: skip
    assert (worst.gain, worst.printer, worst.bad_share, worst.seed) == (pytest.approx(-0.25), "10", 1.0, 4)


def test_what_the_verdict_does_not_ship_counts_as_the_source_model():
    row = table(cell("dann", [1, 1, 1, 1], verdict="ship"), cell("dann", [0, 0, 0, 0], seed=1, verdict="keep-source"))
    shipped = row["dann", None, None].shipped
    assert shipped.gain == pytest.approx(0.25)
    assert shipped.worst.gain == 0
    assert row["dann", None, None].ended.gain == pytest.approx(0.0)
    assert row["dann", None, None].verdicts == {"ship": 1, "keep-source": 1}


def test_seconds_are_a_mean():
    assert table(cell("bn", [1] * 4), cell("bn", [1] * 4, seed=1, seconds=30.0))["bn", None, None].seconds == 20.0


def test_an_interval_holds_its_mean_and_a_gain_that_never_varies_has_none():
    score = table(cell("dann", [1, 1, 1, 0]))["dann", None, None].ended
    assert score.interval[0] < score.balanced_accuracy < score.interval[1]
    assert table(cell("same", [1, 0, 1, 0]))["same", None, None].ended.gain_interval == (0.0, 0.0)


def test_the_same_prints_under_more_seeds_or_shares_make_no_interval_narrower():
    one = table(cell("dann", [1, 1, 1, 0]))["dann", None, None].ended
    many = table(*(cell("dann", [1, 1, 1, 0], seed=seed, share=seed / 9) for seed in range(9)))
    assert many["dann", None, None].ended.interval == pytest.approx(one.interval)


def test_frames_are_counted_where_labels_differ_inside_prints():
    content = cell("dann", [0, 0, 0, 0], unit="frame")
    content["test"]["frames"] = [[2, 1], [1, 0], [0, 3], [1, 0]]
    content["candidates"] = [
        model("source-only", [0] * 4, [[0, 0]] * 4), model("new", [0] * 4, [[1, 1], [1, 0], [0, 2], [0, 0]])
    ]  # fmt: skip
    # 2 of 4 good frames and 3 of 4 bad ones.
    assert table(content)["dann", None, None].ended.balanced_accuracy == pytest.approx((0.5 + 0.75) / 2)
