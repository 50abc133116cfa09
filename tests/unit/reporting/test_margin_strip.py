"""The strip of print margins: places, lines and what is said of the move."""

import pytest

from adaptprint.reporting.margin_strip import margin_strip


def test_every_print_has_a_dot_in_the_order_of_its_margin(run, exhibits):
    first, *source = margin_strip(run(**exhibits()))["rows"]
    places = [dot["x"] for dot in first["dots"]]
    assert len(places) == 8
    assert places == sorted(places)
    assert [row["label"] for row in source] == ["good", "under_extrusion"]
    assert [len(row["dots"]) for row in source] == [3, 3]


def test_the_lines_lie_at_both_decisions_on_the_scale_of_the_dots(run, exhibits):
    content = run(**exhibits())
    content["prints"][0]["before_margin"], content["prints"][1]["before_margin"] = 0.0, -1.0
    strip = margin_strip(content)
    at = {dot["title"].split(":")[0]: dot["x"] for dot in strip["rows"][0]["dots"]}
    assert {line["kind"]: line["x"] for line in strip["rows"][0]["lines"]} == {
        "old": at["1673034918"],
        "fresh": at["1673025450"],
    }


def test_only_prints_whose_call_changes_are_marked_so(run, exhibits):
    strip = margin_strip(run(**exhibits()))
    changed = [dot["title"] for dot in strip["rows"][0]["dots"] if dot["tone"] == "changed"]
    assert changed == ["p5: good, then under_extrusion"]
    assert strip["n_changed"] == 1


def test_it_says_what_the_move_is_expected_to_gain_and_to_risk(run, exhibits):
    says = margin_strip(run(**exhibits()))["says"]
    assert "from 50% on; the adapted one from 27%" in says
    assert "+3.4 points of balanced accuracy (-1.0 to +8.0)" in says
    assert "more than one point: 12%. Rehearsal on 6 printers has been heard." in says
    content = run(**exhibits())
    content["decision"]["expected"]["rehearsed_printers"] = 1
    assert "Rehearsal on 1 printer has been heard." in margin_strip(content)["says"]
    content["decision"]["expected"]["rehearsed_printers"] = 0
    assert "was not rehearsed" in margin_strip(content)["says"]


def test_a_decision_that_stays_has_one_line(run, unmoved):
    strip = margin_strip(run(**unmoved()))
    assert strip["says"] == "The decision stays where it is: 50%. Both models are the same."
    assert {line["kind"] for row in strip["rows"] for line in row["lines"]} == {"old"}
    assert [row["sub"] for row in strip["rows"]].count("current model") == 1


def test_a_move_too_small_to_see_is_still_a_move(run, unmoved):
    content = run(**unmoved())
    content["decision"]["after"] = 0.001
    assert "stays" not in margin_strip(content)["says"]


def test_a_model_that_places_the_prints_anew_has_a_row_of_its_own(run, exhibits):
    content = run(**exhibits())
    content["decision"] |= {"after": 0.0, "moves_only": False, "expected": None}
    strip = margin_strip(content)
    assert [row["sub"] for row in strip["rows"][:2]] == ["current model", "adapted model"]
    assert "places the prints anew" in strip["says"]
    assert {line["kind"] for line in strip["rows"][0]["lines"]} == {"old"}


@pytest.mark.parametrize("change", [{"classes": ["dog", "horse", "house"]}, {"decision": None}, {"prints": []}])
def test_where_no_margin_means_anything_there_is_no_strip(run, exhibits, change):
    assert margin_strip({**run(**exhibits()), **change}) is None
