"""adapt, diagnose, report, drift: the main job, its diagnostics, its report, and whether it is due again."""

from pathlib import Path
from typing import Annotated, Any

import typer

from adaptprint.cli import options as o
from adaptprint.cli.execute import Face, Result, camera_from, execute
from adaptprint.errors import EXIT_DRIFTED
from adaptprint.reporting.console import show_adapt, show_diagnose, show_drift
from adaptprint.reporting.progress import ProgressCallback

_PANEL = "The main job"


def register(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.command(rich_help_panel=_PANEL)(adapt)
    app.command(rich_help_panel=_PANEL)(diagnose)
    app.command(rich_help_panel=_PANEL)(report)
    app.command(rich_help_panel=_PANEL)(drift)


def adapt(
    source: Annotated[
        Path, typer.Option(help="The source model: a checkpoint, or bare ResNet weights.", metavar="CKPT")
    ],
    target: Annotated[Path, typer.Option(help="Unlabelled frames of the new printer.", metavar="DIR")],
    out: Annotated[Path | None, typer.Option(help="Run folder to write. [default: runs/TARGET]", metavar="RUN")] = None,
    recipe: o.RecipeOption = "calibrate",
    set_: o.Set = None,
    target_prior: o.Prior = "unknown",
    labels: Annotated[
        Path | None,
        typer.Option(help="Classes of a few prints: a CSV with the columns print,class.", metavar="CSV"),
    ] = None,
    source_data: o.SourceData = None,
    require_improvement: Annotated[
        bool, typer.Option("--require-improvement", help="Exit with 5 unless the verdict is ship.")
    ] = False,
    printer: o.Printer = None,
    layout: o.Layout = "auto",
    crop: o.Crop = None,
    rotate: o.Rotate = None,
    flip: o.Flip = None,
    device: o.Device = "auto",
    threads: o.Threads = None,
    seed: o.Seed = 0,
    overwrite: o.Overwrite = False,
    resume: o.Resume = False,
    continue_: Annotated[
        bool,
        typer.Option(
            "--continue", help="Start from the adapted weights of an adapted CKPT, not from the source it came from."
        ),
    ] = False,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
) -> None:
    """Adapt a source model to a new printer, without labels, and get a verdict on the result.

    The target's labels are never read, even where a column holds them; a few may be given with --labels. Keeping the
    source model is a good result: RUN/checkpoint is always the model that is safe to use.
    """

    def work(progress: ProgressCallback) -> Result:
        from adaptprint.workflows.adapt import adapt

        return adapt(
            source,
            target,
            out=out,
            recipe=recipe,
            set=set_ or (),
            target_prior=target_prior,
            labels=labels,
            source_data=source_data,
            printer=printer,
            layout=layout,
            camera=camera_from(crop, rotate, flip),
            device=device,
            threads=threads,
            seed=seed,
            overwrite=overwrite,
            resume=resume,
            continue_=continue_,
            progress=progress,
        )

    def check(result: Any) -> None:
        if require_improvement:
            from adaptprint.workflows.adapt import require_ship

            require_ship(result)

    execute(Face(as_json, quiet, verbose), work, show_adapt, check)


def diagnose(
    model: o.ModelOption,
    target: Annotated[Path, typer.Option(help="Frames of one printer; labels are never read.", metavar="DIR")],
    baseline: Annotated[
        Path | None, typer.Option(help="The source model that the model came from.", metavar="CKPT")
    ] = None,
    source_data: o.SourceData = None,
    target_prior: o.Prior = "unknown",
    printer: o.Printer = None,
    layout: o.Layout = "auto",
    crop: o.Crop = None,
    rotate: o.Rotate = None,
    flip: o.Flip = None,
    device: o.Device = "auto",
    threads: o.Threads = None,
    seed: o.Seed = 0,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
) -> None:
    """Look up who stands near a printer's frames: faiss neighbour diagnostics alone."""

    def work(progress: ProgressCallback) -> Result:
        from adaptprint.workflows.diagnose import diagnose

        return diagnose(
            model,
            target,
            baseline=baseline,
            source_data=source_data,
            target_prior=target_prior,
            printer=printer,
            layout=layout,
            camera=camera_from(crop, rotate, flip),
            device=device,
            threads=threads,
            seed=seed,
            progress=progress,
        )

    execute(Face(as_json, quiet, verbose), work, show_diagnose)


def report(
    run: Annotated[Path, typer.Argument(help="The folder that adapt wrote.", metavar="RUN")],
    out: Annotated[
        Path | None, typer.Option(help="The HTML file to write. [default: RUN/report.html]", metavar="FILE")
    ] = None,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
    verbose: o.Verbose = 0,
) -> None:
    """Write the HTML report of a finished run again, from what the run folder holds."""

    def work(_progress: ProgressCallback) -> Result:
        from adaptprint.workflows.report import report

        return report(run, out=out, overwrite=overwrite)

    execute(Face(as_json, True, verbose), work, show_adapt)


def drift(
    model: Annotated[Path, typer.Option(help="RUN/checkpoint of an adaptation.", metavar="CKPT")],
    data: Annotated[Path, typer.Argument(help="Recent frames of that printer; labels are never read.", metavar="DIR")],
    printer: o.Printer = None,
    layout: o.Layout = "auto",
    crop: o.Crop = None,
    rotate: o.Rotate = None,
    flip: o.Flip = None,
    device: o.Device = "auto",
    threads: o.Threads = None,
    seed: o.Seed = 0,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
) -> None:
    """Look whether a printer moved since a model was adapted to it. Exit 6 if it did: adapt again."""

    def work(progress: ProgressCallback) -> Result:
        from adaptprint.workflows.drift import drift

        return drift(
            model,
            data,
            printer=printer,
            layout=layout,
            camera=camera_from(crop, rotate, flip),
            device=device,
            threads=threads,
            seed=seed,
            progress=progress,
        )

    def check(result: Any) -> None:
        if result.adapt_again:
            raise typer.Exit(EXIT_DRIFTED)

    execute(Face(as_json, quiet, verbose), work, show_drift, check)
