import re

import pytest

from adaptprint.reporting.report import render_report

HOSTILE = "<script>alert(1)</script>"


def banner(html):
    return re.search(r'<section class="verdict (\w+)".*?</section>', html, re.S)


def test_the_page_asks_nothing_of_the_network_and_runs_nothing(run, exhibits, trace, album):
    html = render_report(run(**exhibits()), trace(), album())
    assert html.count("<img ") == 4
    outside = [
        target for target in re.findall(r'(?:src|href)="([^"]*)"', html) if not target.startswith(("data:", "#"))
    ]
    assert outside == []
    assert "<script" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


@pytest.mark.parametrize("key", ["prints_to_label", "reasons", "notes", "classes"])
def test_names_that_are_markup_are_shown_as_text(run, key):
    html = render_report(run("need-labels", **{key: [HOSTILE, HOSTILE]}), [], {})
    assert "<script" not in html


def test_hostile_prints_classes_printers_and_paths_are_shown_as_text(run, exhibits, picture, album):
    shown = exhibits([HOSTILE, *"abcdef"])
    frame = picture(HOSTILE, HOSTILE, 'x" onload="alert(1)')
    frame["nearest"] |= {"name": HOSTILE, "printer": HOSTILE, "label": f'x" onload="alert(1){HOSTILE}'}
    for frames in (shown["pictures"], shown["changes"]["prints"][0]["frames"], shown["outside_support"]["frames"]):
        frames[:] = [frame]
    shown["changes"]["prints"][0] |= {"print": HOSTILE, "before_class": HOSTILE, "after_class": HOSTILE}
    shown["source_prints"][0] |= {"printer": HOSTILE, "print": HOSTILE}
    content = run("need-labels", prints_to_label=[HOSTILE], classes=["good", HOSTILE], **shown)
    content["validators"] = [{"name": HOSTILE, "says": HOSTILE, "assumption": HOSTILE, HOSTILE: HOSTILE}]
    content["neighbours"]["frozen"][HOSTILE] = {"value": 0.1, "says": HOSTILE}
    content["target"] |= {"path": f'/x"><img src=x onerror=1>/{HOSTILE}', "printers": [HOSTILE]}
    content["target"]["calls_before"] = content["target"]["calls_after"] = {HOSTILE: 1.0}
    content["neighbours"]["frozen"]["printer_affinity"] = {HOSTILE: 1.0}
    html = render_report(content, [], album())
    assert html.count("<img ") == 5
    assert "<script" not in html
    assert "<img src=x" not in html
    assert 'x" onload' not in html
    assert "&lt;script&gt;" in html


def test_a_backtick_in_a_print_name_cannot_open_markup(run):
    html = render_report(run("need-labels", prints_to_label=["a`<b>`", "c"]), [], {})
    assert "<b>`" not in html


def test_where_labels_differ_inside_prints_no_print_is_said_to_change(run, exhibits, album):
    content = run(**exhibits())
    whole = render_report(content, [], album())
    content["source"] = {**content["source"], "labels_vary_inside_prints": True}
    by_frame = render_report(content, [], album())
    assert ("Prints whose call changes" in whole, "Prints whose call changes" in by_frame) == (True, False)
    assert ("Bold where the call changes" in whole, "Bold where the call changes" in by_frame) == (True, False)
    assert "each model's mean probability" in by_frame


def test_the_command_repeats_what_the_run_was_given(run):
    options = {"--printer": "0 7", "--crop": "0,0,0.5,1", "--continue": ""}
    html = render_report(run("need-labels", options=options), [], {})
    assert html.count("--printer &#39;0 7&#39; --crop 0,0,0.5,1 --continue") == 2


def test_only_ship_looks_like_success(run):
    tones = {
        verdict: banner(render_report(run(verdict), [], {}))[1]
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
        return banner(render_report(run(verdict), [], {}))[0]

    assert "Replace your model for this printer by <code>runs/new/checkpoint</code>" in action("ship")
    assert "nothing has changed" in action("keep-source")
    assert "Label prints <code>1673034918</code> and <code>1673025450</code>" in action("need-labels")


def test_labels_of_frames_are_not_asked_for_as_a_sheet_of_prints(run, exhibits, album):
    content = run("need-labels", **exhibits())
    content["prints_to_label"] = [content["pictures"][0]["print"]]
    html = render_report(content, [], album())
    assert "--labels" in html
    assert "print,class" in html
    # `adapt` refuses them where labels differ inside prints.
    content["source"] = {**content["source"], "labels_vary_inside_prints": True}
    html = render_report(content, [], album())
    assert "--labels" not in html
    assert "print,class" not in html
    assert "Label frames of print" in html
    assert "adaptprint evaluate" in html


def test_a_witness_that_is_not_heard_is_greyed_out_whatever_its_value(run, witness):
    unheard = witness("print coherence", 0.3, 0.5, applies=False) | {"favours": "candidate"}
    html = render_report(run(witnesses=[unheard]), [], {})
    assert '<tr class="greyed">' in html
    assert "not heard" in html
    assert "speaks for the adapted model" not in html


def test_a_witness_against_the_candidate_says_so(run, witness):
    html = render_report(run("keep-source", witnesses=[witness("steadiness", -0.2, -0.1)]), [], {})
    assert '<tr class="source">' in html
    assert "speaks for the current model" in html


def test_a_bar_lies_on_the_side_of_zero_that_its_interval_lies_on(run, witness):
    html = render_report(run(witnesses=[witness("up", 0.1, 0.2), witness("down", -0.2, -0.1)]), [], {})
    up, down = (float(x) for x in re.findall(r'<rect class="range" x="([\d.]+)%"', html))
    assert up > 50 > down


def test_a_witness_without_numbers_is_listed_without_a_bar(run, witness):
    unknown = witness("steadiness", 0.1, 0.2) | {"value": float("nan"), "interval": [None, None]}
    html = render_report(run(witnesses=[unknown]), [], {})
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
    html = render_report(content, [], {})
    assert "estimated house" in html
    assert "50% (40% to 60%)" in html
    assert "--target-prior 0.1-0.4" not in html


def test_calls_are_of_frames_where_labels_differ_inside_prints(run):
    content = run()
    content["source"]["labels_vary_inside_prints"] = True
    assert "Share of frames that get each call" in render_report(content, [], {})
    assert "Share of prints that get each call" in render_report(run(), [], {})


def test_without_trace_pictures_vetoes_and_neighbours_the_sections_are_left_out(run):
    content = run(neighbours={"frozen": None, "adapted": None}, candidates=[], notes=[])
    html = render_report(content, [], {})
    for heading in ("Training", "Frames to look at", "Neighbours", "Candidates", "Notes"):
        assert f"<h2>{heading}</h2>" not in html
    assert "None was raised" in html


def test_vetoes_are_named(run):
    veto = {"name": "too few prints", "says": "the target has 1 print"}
    html = render_report(run("keep-source", vetoes=[veto]), [], {})
    assert "<dt>too few prints</dt>" in html
    assert "at least three prints" in html


def test_an_answer_to_a_veto_stands_beside_it(run):
    veto = {"name": "source accuracy lost", "says": "it forgot", "answer": "labels <know> better"}
    html = render_report(run("ship", vetoes=[veto]), [], {})
    assert '<dt class="answered">source accuracy lost</dt>' in html
    assert "Answered:</b> Labels &lt;know&gt; better" in html
    assert "Answered" not in render_report(run("keep-source", vetoes=[{**veto, "answer": None}]), [], {})


def test_the_sheet_to_fill_in_keeps_what_was_labelled_before(run, exhibits, album):
    content = run("need-labels", **exhibits(["1673034918", "other", "c"]))
    content["prints_to_label"] = ["other"]
    content["target"]["labelled_prints"] = {"n": 1, "file": "prints.csv", "prints": [{"print": "007", "class": "good"}]}
    html = render_report(content, [], album())
    assert "print,class\n007,good\nother,</pre>" in html
    assert "Add their classes to <code>prints.csv</code>" in html


def test_a_report_with_nothing_in_it_still_renders():
    assert banner(render_report({}, [], {}))[1] == "unknown"


def test_frames_of_a_print_to_label_come_first_and_with_a_sheet_to_fill_in(run, exhibits, album):
    content = run("need-labels", **exhibits(["1673034918", "other, print", "c"]))
    content["prints_to_label"] = ["other, print"]
    html = render_report(content, [], album())
    section = re.search(r'<section id="label">.*?</section>', html, re.S)[0]
    assert section.count('<figure class="wanted">') == section.count("<h3>") == 1
    assert "<h3><bdi>other, print</bdi></h3>" in section
    assert "print,class\n&#34;other, print&#34;,</pre>" in section
    assert "--labels prints.csv" in section
    assert 'id="label"' not in render_report(run(**exhibits()), [], album())


def test_a_changed_call_is_shown_with_the_nearest_source_frame_beside_it(run, exhibits, album):
    html = render_report(run(**exhibits()), [], album())
    section = re.search(r'<section id="changes">.*?</section>', html, re.S)[0]
    assert "<bdi>p5</bdi>: <bdi>good</bdi> 80% → <bdi>under_extrusion</bdi> 70%" in section
    assert section.count("<img ") == 2
    assert "printer <bdi>022</bdi>" in section


def test_without_a_changed_call_the_report_says_so(run, exhibits, album):
    content = run(**exhibits())
    content["changes"] = {"n": 0, "prints": []}
    assert "both models call every print alike" in render_report(content, [], album())


def test_frames_shown_with_a_changed_call_are_not_shown_again(run, exhibits, album):
    content = run(**exhibits())
    content["changes"]["prints"] = []
    assert "<h2>Frames to look at</h2>" in render_report(content, [], album())
    assert "Some that the moved decision calls otherwise" in render_report(content, [], album())
    content["decision"]["moves_only"] = False
    assert "the two models differ most" in render_report(content, [], album())
    for frame in content["pictures"]:
        frame["after_score"] = frame["before_score"]
    assert "Both models call every frame alike" in render_report(content, [], album())
    assert "<h2>Frames to look at</h2>" not in render_report(run(**exhibits()), [], album())


def test_the_share_of_a_class_has_its_interval_and_that_of_the_other_class_mirrors_it(run):
    html = render_report(run(), [], {})
    assert html.count('class="reach" style="left:33.0%;width:28.0%"') == 1
    assert html.count('class="reach" style="left:39.0%;width:28.0%"') == 1


def test_where_the_decision_stays_no_page_speaks_of_two_models_that_differ(run, exhibits, unmoved, album):
    moved = render_report(run("need-labels", **exhibits()), [], album())
    html = render_report(run("need-labels", **unmoved()), [], album())
    for claim in ("the decision alone was moved", "adaptprint evaluate", "decides between", "bar that reaches zero"):
        assert (claim in moved, claim in html) == (True, False)
    assert "Here the decision did not move and both models are the same" in html
    assert "the answer says where the decision belongs" in html
    assert "--labels prints.csv" in html


def test_a_moved_decision_is_not_said_to_be_the_witnesses_matter(run, exhibits, album):
    assert "none is heard" in render_report(run(**exhibits()), [], album())
    assert "They ship nothing alone" in render_report(run(), [], {})


def test_whatever_validators_and_neighbours_there_are_have_a_row(run):
    content = run(validators={"BNM": {"value": 0.4, "interval": [0.1, 0.7], "applies": False, "says": "rank of calls"}})
    content["neighbours"]["adapted"]["hubness"] = {"value": 3.25, "interval": [2, 4], "says": "few frames are near all"}
    html = render_report(content, [], {})
    assert '<tr class="greyed"><th scope="row"><span class="name">BNM</span>' in html
    assert "0.100 to 0.700" in html
    assert "Hubness" in html
    assert "Few frames are near all." in html
    assert "<b>3.25</b>" in html
    assert "<h2>Validators</h2>" not in render_report(run(), [], {})


def test_the_command_to_label_keeps_the_recipe_and_the_seed(run, exhibits, album):
    content = run("need-labels", **exhibits())
    assert "--seed 7 --target-prior unknown --labels prints.csv" in render_report(content, [], album())


def test_the_command_quotes_the_target_and_repeats_seed_and_prior(run):
    html = render_report(run(), [], {})
    assert "--target &#39;/frames/new printer&#39;" in html
    assert "--seed 7 --target-prior unknown" in html


def test_the_same_run_gives_the_same_page(run, exhibits, trace, album):
    content = run(**exhibits())
    assert render_report(content, trace(), album()) == render_report(content, trace(), album())
