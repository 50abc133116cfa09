"""The maps of features."""

from adaptprint.reporting.map_figures import map_rows


def test_one_space_has_three_maps_and_two_spaces_have_six(run, exhibits):
    content = run(**exhibits())
    (row,) = map_rows(content)
    assert [panel.title for panel in row.panels] == ["By domain", "By call", "By print"]
    assert "are the same" in row.title
    content["map"]["after"] = content["map"]["before"]
    assert [row.title for row in map_rows(content)] == ["Current model", "Adapted model"]


def test_every_frame_is_a_point_in_every_map(run, exhibits):
    (row,) = map_rows(run(**exhibits()))
    assert [panel.svg.count("<use ") for panel in row.panels] == [14, 14, 14]


def test_calls_of_both_models_are_shown_each_in_its_own_space(run, exhibits):
    content = run(**exhibits())
    content["map"]["after"] = content["map"]["before"]
    before, after = map_rows(content)
    assert before.panels[1].svg.count("var(--against)") > after.panels[1].svg.count("var(--against)")


def test_more_prints_than_colours_are_said_to_share_them(run, exhibits):
    content = run(**exhibits())
    content["map"] |= {"n_source": 1, "prints": [str(n) for n in range(14)]}
    assert map_rows(content)[0].panels[2].keys[-1].name == "and 3 more, colours repeat"


def test_no_features_have_no_map(run):
    assert map_rows(run()) == []


def test_a_map_of_many_frames_stays_small(run, exhibits):
    content = run(**exhibits())
    space = {"points": [[n * 0.01, n % 7] for n in range(270)], "explained": [0.5, 0.1]}
    calls = ["good", "under_extrusion"] * 135
    content["map"] |= {"n_source": 120, "prints": [str(n % 20) for n in range(270)], "before_calls": calls}
    content["map"] |= {"after_calls": calls, "before": space, "after": space}
    assert sum(len(panel.svg) for row in map_rows(content) for panel in row.panels) < 230_000
