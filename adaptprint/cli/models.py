"""evaluate, predict: using models."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from adaptprint.cli import options as o
from adaptprint.cli.execute import Face, Result, camera_from, execute
from adaptprint.errors import UsageError
from adaptprint.reporting.console import show_evaluate, show_predict
from adaptprint.reporting.progress import ProgressCallback

_PANEL = "Models"


def register(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    for command in (evaluate, predict):
        app.command(rich_help_panel=_PANEL)(command)


def evaluate(
    model: o.ModelOption,
    data: Annotated[Path, typer.Option(help="Labelled frames.", metavar="DATA")],
    printer: o.Printer = None,
    layout: o.Layout = "auto",
    crop: o.Crop = None,
    rotate: o.Rotate = None,
    flip: o.Flip = None,
    device: o.Device = "auto",
    threads: o.Threads = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
) -> None:
    """Measure a model on labelled frames: by frame, print and printer."""

    def work(progress: ProgressCallback) -> Result:
        from adaptprint.workflows.evaluate import evaluate

        return evaluate(
            model,
            data,
            printer=printer,
            layout=layout,
            camera=camera_from(crop, rotate, flip),
            device=device,
            threads=threads,
            progress=progress,
        )

    execute(Face(as_json, quiet, verbose), work, show_evaluate)


def predict(
    model: o.ModelOption,
    data: Annotated[
        list[str],
        typer.Argument(help="Images, or one folder, CSV or video; - reads paths from stdin.", metavar="DATA..."),
    ],
    abstain_below: Annotated[float, typer.Option(help="Mark calls with a lower probability as abstentions.")] = 0.6,
    abstain: Annotated[
        bool, typer.Option("--abstain", help="Abstain also on what is unlike anything the source showed the model.")
    ] = False,
    transductive: Annotated[
        bool,
        typer.Option(
            "--transductive",
            help="Take DATA as recent prints of one printer and call these prints in each other's light.",
        ),
    ] = False,
    target_prior: o.Prior = "unknown",
    printer: o.Printer = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="One row per frame as CSV on stdout.")] = False,
    layout: o.Layout = "auto",
    crop: o.Crop = None,
    rotate: o.Rotate = None,
    flip: o.Flip = None,
    device: o.Device = "auto",
    threads: o.Threads = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
) -> None:
    """Call frames and prints: class, probability, abstention.

    With --transductive the class shares and the printer's shift are estimated from all prints of DATA, three at least;
    the calls then hold for these prints only. --target-prior goes with it.
    """

    def work(progress: ProgressCallback) -> Result:
        if as_csv and as_json:
            raise UsageError("--csv and --json both ask for stdout", "Leave one of them out.")
        from adaptprint.workflows.predict import predict

        paths = [line.rstrip("\n") for line in sys.stdin if line.strip()] if data == ["-"] else data
        return predict(
            model,
            paths,
            abstain_below=abstain_below,
            abstain=abstain,
            transductive=transductive,
            target_prior=target_prior,
            printer=printer,
            layout=layout,
            camera=camera_from(crop, rotate, flip),
            device=device,
            threads=threads,
            progress=progress,
        )

    execute(Face(as_json, quiet, verbose), work, _show_csv if as_csv else _show_calls)


def _show_calls(content: Mapping[str, Any]) -> None:
    show_predict(content["frames"], content["prints"], content["notes"], content["transductive"])


def _show_csv(content: Mapping[str, Any]) -> None:
    import polars as pl

    sys.stdout.write(pl.DataFrame(content["frames"]).write_csv())
