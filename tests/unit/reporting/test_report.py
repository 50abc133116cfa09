import re

import pytest

from adaptprint.reporting.report import render_report

HOSTILE = "<script>alert(1)</script>"


def banner(html):
    return re.search(r'<section class="verdict (\w+)".*?</section>', html, re.S)


def test_the_page_asks_nothing_of_the_network_and_runs_nothing(run, trace, picture):
    html = render_report(run(), trace(), [picture()])
    outside = [
        target for target in re.findall(r'(?:src|href)="([^"]*)"', html) if not target.startswith(("data:", "#"))
    ]
    assert outside == []
    assert "<script" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


@pytest.mark.parametrize("key", ["prints_to_label", "reasons", "notes", "classes"])
def test_names_that_are_markup_are_shown_as_text(run, picture, key):
    html = render_report(run("need-labels", **{key: [HOSTILE, HOSTILE]}), [], [])
    assert "<script" not in html


def test_hostile_prints_classes_printers_and_paths_are_shown_as_text(run, picture):
    content = run("need-labels", prints_to_label=[HOSTILE])
    content["target"] |= {"path": f'/x"><img src=x onerror=1>/{HOSTILE}', "printers": [HOSTILE]}
    content["target"]["calls_before"] = content["target"]["calls_after"] = {HOSTILE: 1.0}
    content["neighbours"]["frozen"]["printer_affinity"] = {HOSTILE: 1.0}
    html = render_report(content, [], [picture(HOSTILE, HOSTILE, 'x" onload="alert(1)')])
    assert "<script" not in html
    assert "<img src=x" not in html
    assert 'x" onload' not in html
    assert "&lt;script&gt;" in html


def test_a_backtick_in_a_print_name_cannot_open_markup(run):
    html = render_report(run("need-labels", prints_to_label=["a`<b>`", "c"]), [], [])
    assert "<b>`" not in html


def test_only_ship_looks_like_success(run):
    tones = {
        verdict: banner(render_report(run(verdict), [], []))[1]
        for verdict in ("ship", "keep-source", "need-labels", "something new", None)
    }
    assert tones == {
        "ship": "success",
        "keep-source": "neutral",
        "need-labels": "question",
        "something new": "unknown",
        None: "unknown",
    }


def test_the_banner_says_what_to_do_now(run):
    def action(verdict):
        return banner(render_report(run(verdict), [], []))[0]

    assert "Replace your model for this printer by <code>runs/new/checkpoint</code>" in action("ship")
    assert "nothing has changed" in action("keep-source")
    assert "Label prints <code>1673034918</code> and <code>1673025450</code>" in action("need-labels")


def test_a_witness_that_is_not_heard_is_greyed_out_whatever_its_value(run, witness):
    unheard = witness("print coherence", 0.3, 0.5, applies=False) | {"favours": "candidate"}
    html = render_report(run(witnesses=[unheard]), [], [])
    assert '<tr class="greyed">' in html
    assert "not heard" in html
    assert "speaks for the adapted model" not in html


def test_a_witness_against_the_candidate_says_so(run, witness):
    html = render_report(run("keep-source", witnesses=[witness("steadiness", -0.2, -0.1)]), [], [])
    assert '<tr class="source">' in html
    assert "speaks for the current model" in html


def test_a_bar_lies_on_the_side_of_zero_that_its_interval_lies_on(run, witness):
    html = render_report(run(witnesses=[witness("up", 0.1, 0.2), witness("down", -0.2, -0.1)]), [], [])
    up, down = (float(x) for x in re.findall(r'<rect class="range" x="([\d.]+)%"', html))
    assert up > 50 > down


def test_a_witness_without_numbers_is_listed_without_a_bar(run, witness):
    unknown = witness("steadiness", 0.1, 0.2) | {"value": float("nan"), "interval": [None, None]}
    html = render_report(run(witnesses=[unknown]), [], [])
    assert "steadiness" in html
    assert '<rect class="range"' not in html


def test_more_than_two_classes_list_the_estimate_of_each(run):
    content = run("keep-source", classes=["dog", "horse", "house"])
    content["target"] |= {
        "prior_estimate": [0.2, 0.3, 0.5],
        "prior_interval": [[0.1, 0.2, 0.4], [0.3, 0.4, 0.6]],
        "calls_before": {"dog": 0.2, "horse": 0.3, "house": 0.5},
        "calls_after": {"dog": 0.1, "horse": 0.3, "house": 0.6},
    }
    html = render_report(content, [], [])
    assert "estimated house" in html
    assert "50% (40% to 60%)" in html
    assert "--target-prior 0.1-0.4" not in html


def test_calls_are_of_frames_where_labels_differ_inside_prints(run):
    content = run()
    content["source"]["labels_vary_inside_prints"] = True
    assert "Share of frames that get each call" in render_report(content, [], [])
    assert "Share of prints that get each call" in render_report(run(), [], [])


def test_without_trace_pictures_vetoes_and_neighbours_the_sections_are_left_out(run):
    content = run(neighbours={"frozen": None, "adapted": None}, candidates=[], notes=[])
    html = render_report(content, [], [])
    for heading in ("Training", "Frames to look at", "Neighbours", "Candidates", "Notes"):
        assert f"<h2>{heading}</h2>" not in html
    assert "None was raised" in html


def test_vetoes_are_named(run):
    veto = {"name": "too few prints", "says": "the target has 1 print"}
    html = render_report(run("keep-source", vetoes=[veto]), [], [])
    assert "<dt>too few prints</dt>" in html
    assert "at least three prints" in html


def test_a_report_with_nothing_in_it_still_renders():
    assert banner(render_report({}, [], []))[1] == "unknown"


def test_a_frame_of_a_print_to_label_is_marked(run, picture):
    html = render_report(run("need-labels"), [], [picture("1673034918"), picture("other")])
    assert html.count('<figure class="wanted">') == 1
    assert html.count("label this print") == 1


def test_the_command_quotes_the_target_and_repeats_seed_and_prior(run):
    html = render_report(run(), [], [])
    assert "--target &#39;/frames/new printer&#39;" in html
    assert "--seed 7 --target-prior unknown" in html


def test_the_same_run_gives_the_same_page(run, trace, picture):
    assert render_report(run(), trace(), [picture()]) == render_report(run(), trace(), [picture()])
