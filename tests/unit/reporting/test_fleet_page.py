"""The overview of a fleet: order, page, live table and plain lines."""

import io

import pytest
import tomlkit
from rich.console import Console

from adaptprint.reporting.console import show_batch
from adaptprint.reporting.fleet_facts import by_attention, headline, printer_line
from adaptprint.reporting.fleet_page import fleet_page
from adaptprint.reporting.fleet_progress import FleetProgress, PrinterState
from adaptprint.reporting.fleet_view import FleetView


def row(name, verdict="ship", **changes):
    gain = {"value": 0.03, "interval": [-0.01, 0.08], "risk": 0.1}
    state = "waiting" if verdict is None else "adapted"
    return {
        "target": name, "state": state, "verdict": verdict, "reasons": ["a gain is expected"], "expected_gain": gain,
        "prints_to_label": [], "n_frames": 40, "n_prints": 4, "seconds": 21.0, "error": None, "cause": None,
        "fix": None, "path": f"/halls/{name}", "out": f"/runs/{name}", **changes,
    }  # fmt: skip


def failed(name, cause="no frames", fix="copy them"):
    return row(name, None, state="failed", error=f"{cause}\n{fix}", cause=cause, fix=fix, expected_gain=None)


FLEET = [
    row("keeps", "keep-source"),
    row("ships-a-bit", expected_gain={"value": 0.02, "interval": [0, 0.1]}),
    row("waits", None),
    row("ships-more"),
    row("asks", "need-labels", prints_to_label=["p1", "p2", "p3"]),
    failed("broken"),
]


def page(rows):
    return fleet_page({"results": by_attention(rows), "counts": {}, "created": "today", "version": "1"})


def test_who_needs_attention_comes_first_and_the_larger_gain_before_the_smaller():
    names = [each["target"] for each in by_attention(FLEET)]
    assert names == ["broken", "asks", "waits", "ships-more", "ships-a-bit", "keeps"]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (FLEET, "2 of 6 printers need you"),
        ([failed("a"), row("b")], "1 of 2 printers needs you"),
        ([row("a"), row("b", None)], "1 of 2 printers not run yet"),
        ([row("a")], "1 new model to use"),
        ([row("a", "keep-source")], "Every printer keeps its model"),
    ],
)
def test_the_headline_says_what_there_is_to_do(rows, says):
    assert says in headline(rows)


def test_labels_of_frames_go_by_the_report_and_not_by_the_fleet_file():
    asking = {"prints_to_label": ["p1", "p2"]}
    assert "labels = " in page([row("a", "need-labels", **asking)])
    by_frame = page([row("a", "need-labels", labels_vary_inside_prints=True, **asking)])
    assert "labels = " not in by_frame
    assert "Look at frames of 2 prints" in by_frame


def test_the_page_shows_causes_with_fixes_and_prints_to_label_and_links_reports():
    text = page(FLEET)
    for words in ("No frames.", "Copy them.", "p2", "labels = &#39;asks.csv&#39;", "+3.0", "-1.0 to +8.0"):
        assert words in text
    assert 'href="asks/report.html"' in text
    assert 'href="broken/report.html"' not in text
    assert "http" not in text.replace('http-equiv="Content-Security-Policy"', "")


def test_the_lines_for_the_fleet_file_are_toml_that_names_the_printer():
    asking = row("it's", "need-labels", path='/halls/it\'s "7"', printer="07", prints_to_label=["p1"])
    table = tomlkit.parse(printer_line(asking).command).unwrap()
    assert table == {"target": [{"path": '/halls/it\'s "7"', "printer": "07", "labels": "it's.csv"}]}


def test_hostile_names_stay_text():
    name = '"><script>alert(1)</script>'
    text = page([failed(name, cause=f"{name} is gone"), row(name), row(name, "need-labels", prints_to_label=[name])])
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_the_terminal_summary_names_the_failed_first_and_the_page(printed):
    lines = printed(show_batch, {"results": FLEET, "out": "/runs"}, width=100).splitlines()
    assert lines[1].split()[:2] == ["broken", "failed"]
    assert "no frames" in lines[1]
    assert lines[-1] == "/runs/fleet.html"


def event(*printers, left=None):
    ended = sum(printer.state in ("done", "failed") for printer in printers)
    return FleetProgress("adapting printers", ended, len(printers), seconds_left=left, printers=printers)


DONE = PrinterState("mk4", "done", seconds=21.0, verdict="ship")
RUNNING = PrinterState("ender", "running", "reading target frames", 5, 10, 4.0, 17.0)
BROKEN = PrinterState("x\x1b[31m", "failed", error="no frames")


def shown(events, terminal, height=20):
    stream = io.StringIO()
    console = Console(file=stream, width=90, height=height, force_terminal=terminal, color_system=None)
    with FleetView(console=console) as view:
        for each in events:
            view(each)
            view._drawn = float("-inf")
    return stream.getvalue()


def test_away_from_a_terminal_each_printer_that_ended_is_one_line_and_told_once():
    events = [event(DONE, RUNNING), event(DONE, RUNNING, left=17.0), event(DONE, BROKEN)]
    assert shown(events, terminal=False).splitlines() == [
        "mk4: ship in 21 s (1 of 2)",
        "x�[31m: failed: no frames (2 of 2)",
    ]


def test_on_a_terminal_the_table_says_stage_time_remaining_time_and_verdict():
    text = shown([event(DONE, RUNNING, BROKEN, PrinterState("late"), left=40.0)], terminal=True)
    for words in (
        "mk4",
        "21 s",
        "ship",
        "reading target frames 50%",
        "17 s",
        "failed",
        "waiting",
        "2 of 4",
        "40 s left",
    ):
        assert words in text
    assert "\x1b[31m" not in text


def test_a_small_terminal_shows_who_is_at_work_and_counts_the_rest():
    many = [PrinterState(f"done-{number}", "done", verdict="ship") for number in range(50)]
    text = shown([event(*many, RUNNING)], terminal=True, height=10)
    assert "ender" in text
    assert "46 not shown" in text


def test_quiet_shows_nothing():
    stream = io.StringIO()
    with FleetView(quiet=True, console=Console(file=stream)) as view:
        view(event(DONE))
    assert stream.getvalue() == ""
