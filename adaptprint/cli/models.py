"""train, pack, evaluate, predict: making models and using them."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from adaptprint.cli import options as o
from adaptprint.cli.execute import Face, Result, camera_from, execute
from adaptprint.reporting.console import show_evaluate, show_pack, show_predict, show_train
from adaptprint.reporting.progress import ProgressCallback

_PANEL = "Models"


def register(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    for command in (train, pack, evaluate, predict):
        app.command(rich_help_panel=_PANEL)(command)


def train(
    data: Annotated[Path, typer.Argument(help="Labelled frames.", metavar="DATA")],
    out: Annotated[Path, typer.Option(help="Checkpoint folder to write.", metavar="CKPT")],
    init: Annotated[str, typer.Option(help="none, imagenet (downloads), a weights file, or a checkpoint.")] = "none",
    hold_out_printer: Annotated[
        list[str] | None,
        typer.Option(help="Keep this printer out and measure on it; repeatable.", metavar="ID"),
    ] = None,
    set_: o.Set = None,
    layout: o.Layout = "auto",
    crop: o.Crop = None,
    rotate: o.Rotate = None,
    flip: o.Flip = None,
    device: o.Device = "auto",
    threads: o.Threads = None,
    seed: o.Seed = 0,
    overwrite: o.Overwrite = False,
    resume: o.Resume = False,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
) -> None:
    """Train a source model on labelled frames of known printers."""

    def work(progress: ProgressCallback) -> Result:
        from adaptprint.workflows.train import train

        return train(
            data,
            out=out,
            init=init,
            hold_out_printer=hold_out_printer or (),
            set=set_ or (),
            layout=layout,
            camera=camera_from(crop, rotate, flip),
            device=device,
            threads=threads,
            seed=seed,
            overwrite=overwrite,
            resume=resume,
            progress=progress,
        )

    execute(Face(as_json, quiet, verbose), work, show_train)


def pack(
    weights: Annotated[Path, typer.Option(help="A torchvision ResNet's state dict.", metavar="FILE")],
    source_data: Annotated[Path, typer.Option(help="Labelled frames it was made for.", metavar="DATA")],
    out: Annotated[Path, typer.Option(help="Checkpoint folder to write.", metavar="CKPT")],
    layout: o.Layout = "auto",
    crop: o.Crop = None,
    rotate: o.Rotate = None,
    flip: o.Flip = None,
    device: o.Device = "auto",
    threads: o.Threads = None,
    seed: o.Seed = 0,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
) -> None:
    """Wrap an existing ResNet into a checkpoint."""

    def work(progress: ProgressCallback) -> Result:
        from adaptprint.workflows.pack import pack

        return pack(
            weights,
            source_data,
            out=out,
            layout=layout,
            camera=camera_from(crop, rotate, flip),
            device=device,
            threads=threads,
            seed=seed,
            overwrite=overwrite,
            progress=progress,
        )

    execute(Face(as_json, quiet, verbose), work, show_pack)


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
