import io
import sys

import pytest

from adaptprint.errors import UsageError
from adaptprint.reporting.console import (
    show_adapt,
    show_batch,
    show_comparison,
    show_diagnose,
    show_doctor,
    show_drift,
    show_error,
    show_evaluate,
    show_findings,
    show_pack,
    show_predict,
    show_recipes,
    show_train,
    stdout_console,
)

LONG = "a name that goes on and on " * 6
EMPTY_SAFE = [
    show_adapt,
    show_diagnose,
    show_drift,
    show_train,
    show_pack,
    show_evaluate,
    show_findings,
    show_doctor,
    show_comparison,
    show_batch,
]


def calls(**changes):
    return {
        "name": "a.jpg",
        "printer": "1",
        "print": "p",
        "class": "good",
        "probability": 0.9,
        "abstains": False,
        **changes,
    }


@pytest.mark.parametrize("show", EMPTY_SAFE)
def test_missing_keys_are_dashes_not_crashes(show, printed):
    assert printed(show, {}).strip()


def test_an_error_is_a_line_of_cause_and_a_line_of_fix(printed):
    text = printed(show_error, UsageError("no recipe `dan` " + "x" * 200, "Did you mean `dann`?"))
    assert text.splitlines() == ["error: no recipe `dan` " + "x" * 200, "fix: Did you mean `dann`?"]


def test_an_error_is_coloured_on_a_terminal_only(printed):
    error = UsageError("no printer", "Name one.")
    assert "\x1b" not in printed(show_error, error)
    assert "\x1b[1;31m" in printed(show_error, error, terminal=True)


def test_a_traceback_is_shown_from_vv_on(printed):
    with pytest.raises(ValueError, match="boom") as caught:
        raise ValueError("boom")
    assert "Traceback" not in printed(show_error, caught.value, 1)
    assert "Traceback" in printed(show_error, caught.value, 2)


def test_errors_go_to_stderr_and_results_to_stdout(capsys):
    show_error(UsageError("no printer", "Name one."))
    show_recipes([{"name": "dann", "summary": "adversarial"}])
    out, err = capsys.readouterr()
    assert "no printer" in err
    assert "no printer" not in out
    assert "dann" in out


def test_each_verdict_says_what_to_do(run, printed):
    assert "Replace your model" in printed(show_adapt, run("ship"))
    assert "nothing has changed" in printed(show_adapt, run("keep-source"))
    labels = printed(show_adapt, run("need-labels"))
    assert "1673034918 and 1673025450" in labels
    assert "adaptprint evaluate --model runs/new/candidate" in labels


def test_two_models_that_are_the_same_are_not_to_be_measured(run, unmoved, printed):
    labels = printed(show_adapt, run("need-labels", **unmoved()))
    assert "So far the decision has not moved and both models are the same" in " ".join(labels.split())
    assert "--labels CSV" in labels
    assert "adaptprint evaluate" not in labels


def test_only_ship_is_green(run, printed):
    heads = {
        verdict: printed(show_adapt, run(verdict, witnesses=[]), terminal=True).split("\n\n")[0]
        for verdict in ("ship", "keep-source", "need-labels", "new")
    }
    assert [verdict for verdict, head in heads.items() if "\x1b[1;32m" in head] == ["ship"]


def test_a_witness_that_is_not_heard_is_dim_and_takes_no_side(run, witness, printed):
    unheard = witness("print coherence", 0.3, 0.5, applies=False) | {"favours": "candidate"}
    text = printed(show_adapt, run(witnesses=[unheard]), terminal=True)
    line = next(line for line in text.splitlines() if "print coherence" in line)
    assert "not heard" in line
    assert "for the adapted model" not in line
    assert "\x1b[2;3m" in line


def test_names_cannot_steer_the_terminal(run, printed):
    content = run("need-labels", prints_to_label=["\x1b[2J[red]x[/red]"], notes=["\x1b]0;title\x07"])
    text = printed(show_adapt, content)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]x[/red]" in text


def test_seven_classes_need_no_prior_line(run, printed):
    content = run("keep-source", classes=list("abcdefg"))
    content["target"]["prior_estimate"] = [1 / 7] * 7
    assert "estimated share" not in printed(show_adapt, content)


@pytest.mark.parametrize(
    ("show", "content", "n_lines"),
    [
        (show_batch, {"results": [{"target": LONG, "verdict": "need-labels", "seconds": 3.0, "out": LONG}]}, 3),
        (show_comparison, {"rows": [{"level": "all", "recipe": LONG, "balanced_accuracy": 0.5}]}, 5),
        (show_evaluate, {"by_printer": {LONG: {}, "2": {}}}, 5),
    ],
)
def test_wide_names_are_cut_and_rows_stay_rows(show, content, n_lines, printed):
    lines = [line for line in printed(show, content).splitlines() if line.strip()]
    assert len(lines) == n_lines
    assert max(map(len, lines)) <= 80
    assert "…" in "".join(lines)


def test_numbers_survive_beside_a_long_printer_name(metrics, printed):
    text = printed(show_evaluate, metrics(by_printer={LONG: metrics(), "2": metrics()}))
    row = next(line for line in text.splitlines() if line.startswith("a name"))
    assert row.split("…")[1].split() == ["12,480", "38", "0.803", "0.770", "0.880", "0.900"]


def test_a_model_below_the_all_positive_floor_is_told_so(metrics, printed):
    assert "does not beat it" in printed(show_evaluate, metrics(f1=0.6))
    assert "the floor to beat" in printed(show_evaluate, metrics(f1=0.7))
    assert "every frame faulty" not in printed(show_evaluate, metrics(all_positive_f1=None))


def test_training_shows_printers_never_seen_apart(metrics, printed):
    content = {"validation": metrics(), "by_printer": {}, "held_out_printers": {"P1": metrics()}, "out": "ckpt"}
    text = printed(show_train, content)
    assert text.index("Held-out prints") < text.index("never seen") < text.index("P1")


def test_calls_below_the_limit_are_called_unsure(printed):
    text = printed(show_predict, [calls(abstains=True), calls()], [])
    assert "unsure: good 90%" in text
    assert "2 frames · unsure 1 · good 1" in text


def test_many_frames_are_summed_up(printed):
    text = printed(show_predict, [calls(name=f"{number}.jpg") for number in range(500)], [])
    assert "and 460 rows more" in text
    assert len(text.splitlines()) < 60


def test_findings_with_an_error_are_not_fit_for_use(printed):
    finding = {"severity": "error", "says": "3 frames are empty.", "fix": "Remove them.", "examples": ["x.jpg"]}
    text = printed(show_findings, {"ok": False, "findings": [finding], "classes": []})
    assert "✗ error" in text
    assert "→ Remove them." in text
    assert "Not fit for use" in text


def test_doctor_shows_fixes(printed):
    check = {"name": "torch", "state": "missing", "found": "not installed", "fix": "pip install torch"}
    text = printed(show_doctor, {"checks": [check], "ok": False})
    assert "→ pip install torch" in text
    assert "Something is missing" in text


def test_a_gain_is_coloured_only_where_its_interval_leaves_zero_out(printed):
    def row(recipe, low, high):
        gains = {"gain": (low + high) / 2, "gain_interval": [low, high]}
        return {
            "level": "all",
            "recipe": recipe,
            "balanced_accuracy": 0.7,
            "interval": [0.6, 0.8],
            **gains,
        }

    text = printed(show_comparison, {"rows": [row("sure", 0.01, 0.1), row("unsure", -0.01, 0.1)]}, terminal=True)
    lines = {line.split()[0]: line for line in text.splitlines() if "sure" in line}
    assert "\x1b[32m" in lines["sure"]
    assert "\x1b[32m" not in lines["unsure"]


def test_a_failed_target_of_a_batch_shows_its_cause(printed):
    failed = {"target": "t", "verdict": None, "error": "no images in t\nAdd some.", "seconds": 0.1, "out": None}
    text = printed(show_batch, {"results": [failed]})
    assert "failed" in text
    assert "no images in t" in text
    assert "Add some" not in text


def test_an_old_code_page_gets_question_marks_instead_of_a_crash(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252"))
    stdout_console().print("✓ fits · → all")
    sys.stdout.flush()
    assert raw.getvalue().startswith(b"? fits")


def test_validators_without_evidence_are_told_from_those_that_apply(printed):
    rows = [
        {"name": "entropy", "before": -0.4, "after": -0.1, "delta": 0.3, "applies": True},
        {"name": "SND", "before": None, "after": None, "delta": None, "applies": False},
    ]
    lines = [line.strip() for line in printed(show_diagnose, {"validators": rows}).splitlines()]
    assert next(line for line in lines if line.startswith("entropy")).split() == [
        "entropy", "-0.400", "-0.100", "+0.300", "applies",
    ]  # fmt: skip
    assert next(line for line in lines if line.startswith("SND")).endswith("no evidence")
