import sys

from adaptprint.reporting.figures import training_curves


def test_the_same_trace_gives_the_same_bytes(trace):
    assert training_curves(trace()) == training_curves(trace())


def test_no_trace_gives_no_figure():
    assert training_curves([]) == []


def test_a_column_that_the_method_does_not_have_gives_no_figure(trace):
    rows = [{"step": row["step"], "class_loss": row["class_loss"]} for row in trace()]
    assert [curve.title for curve in training_curves(rows)] == ["Class loss"]


def test_a_loss_that_is_not_finite_is_left_out(trace):
    rows = trace()
    rows[-1]["class_loss"] = float("nan")
    assert "nan" not in training_curves(rows)[0].svg.lower()


def test_figures_take_the_colours_of_the_page_and_name_no_fixed_ink(trace):
    svg = training_curves(trace())[0].svg
    assert "var(--accent)" in svg
    assert "#010" not in svg
    assert svg.startswith('<svg role="img" aria-label="Class loss"')


def test_a_long_trace_stays_small(trace):
    assert sum(len(curve.svg) for curve in training_curves(trace(5000))) < 150_000


def test_drawing_loads_no_window_toolkit(trace):
    training_curves(trace())
    assert "matplotlib.pyplot" not in sys.modules


def test_a_figure_leaves_the_style_of_the_page_alone(trace):
    assert "<style" not in training_curves(trace())[0].svg
