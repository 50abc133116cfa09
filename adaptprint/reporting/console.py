"""The terminal's face: results on stdout, progress and errors on stderr. Rich is imported when something is shown."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from adaptprint.reporting.live import ProgressView as ProgressView

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Content = Mapping[str, Any]


def stdout_console() -> "Console":
    """The console for results."""
    return _console(sys.stdout, stderr=False)


def stderr_console() -> "Console":
    """The console for progress, logs and errors."""
    return _console(sys.stderr, stderr=True)


def show_error(error: BaseException, verbose: int = 0, console: "Console | None" = None) -> None:
    """An error on stderr: a line of cause, a line of fix; from ``verbose`` 2 (``-vv``) also the traceback."""
    from adaptprint.reporting.error_view import error_view

    console = console or stderr_console()
    hang = console.is_terminal
    console.print(error_view(error, verbose, hang), soft_wrap=not hang, markup=False, highlight=False)


def show_adapt(content: Content, console: "Console | None" = None) -> None:
    """The result of adapt: verdict, what to do, what changed, who said so."""
    from adaptprint.reporting.adapt_view import adapt_view

    _show(adapt_view(content), console)


def show_diagnose(content: Content, console: "Console | None" = None) -> None:
    """The result of diagnose: neighbours, witnesses, vetoes."""
    from adaptprint.reporting.adapt_view import diagnose_view

    _show(diagnose_view(content), console)


def show_drift(content: Content, console: "Console | None" = None) -> None:
    """The result of drift: the verdict, and what each sign says."""
    from adaptprint.reporting.drift_view import drift_view

    _show(drift_view(content), console)


def show_train(content: Content, console: "Console | None" = None) -> None:
    """The result of train: metrics of held-out prints and printers."""
    from adaptprint.reporting.metrics_view import train_view

    _show(train_view(content), console)


def show_rehearse(content: Content, console: "Console | None" = None) -> None:
    """The result of rehearse: expected and true gain by printer."""
    from adaptprint.reporting.rehearse_view import rehearse_view

    _show(rehearse_view(content), console)


def show_pack(content: Content, console: "Console | None" = None) -> None:
    """The result of pack: architecture and metrics on the source data."""
    from adaptprint.reporting.metrics_view import pack_view

    _show(pack_view(content), console)


def show_evaluate(content: Content, console: "Console | None" = None) -> None:
    """The result of evaluate: overall and for each printer, beside the all-positive floor."""
    from adaptprint.reporting.metrics_view import evaluate_view

    _show(evaluate_view(content), console)


def show_predict(
    rows: Sequence[Content],
    prints: Sequence[Content],
    notes: Sequence[str] = (),
    together: Content | None = None,
    console: "Console | None" = None,
) -> None:
    """The calls of predict: prints where there are any, and frames; and what prints called together have in common."""
    from adaptprint.reporting.predict_view import predict_view

    _show(predict_view(rows, prints, notes, together), console)


def show_findings(content: Content, console: "Console | None" = None) -> None:
    """The findings of verify, worst first."""
    from adaptprint.reporting.checks_view import findings_view

    _show(findings_view(content), console)


def show_doctor(content: Content, console: "Console | None" = None) -> None:
    """What doctor found, and the fixes."""
    from adaptprint.reporting.checks_view import doctor_view

    _show(doctor_view(content), console)


def show_comparison(content: Content, console: "Console | None" = None) -> None:
    """The table of compare: recipes, with gains over source-only and their intervals."""
    from adaptprint.reporting.comparison_view import comparison_view

    _show(comparison_view(content), console)


def show_batch(content: Content, console: "Console | None" = None) -> None:
    """The summary of batch: one line per target."""
    from adaptprint.reporting.batch_view import batch_view

    _show(batch_view(content), console)


def show_recipes(recipes: Sequence[Content], console: "Console | None" = None) -> None:
    """Names and summaries of recipes."""
    from adaptprint.reporting.batch_view import recipes_view

    _show(recipes_view(recipes), console)


def _show(view: "RenderableType", console: "Console | None") -> None:
    (console or stdout_console()).print(view, markup=False, highlight=False)


def _console(stream: TextIO, stderr: bool) -> "Console":
    from rich.console import Console

    encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "")
    if not encoding.startswith("utf") and hasattr(stream, "reconfigure"):
        # An old Windows code page lacks our signs; a question mark beats a crash.
        stream.reconfigure(errors="replace")
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)
