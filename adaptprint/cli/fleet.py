"""compare, batch: many methods, many printers."""

from pathlib import Path
from typing import Annotated, Any

import typer

from adaptprint.cli import options as o
from adaptprint.cli.execute import Face, Result, camera_from, execute
from adaptprint.errors import EXIT_BAD_DATA
from adaptprint.reporting.console import show_batch, show_comparison
from adaptprint.reporting.fleet_view import FleetView
from adaptprint.reporting.progress import ProgressCallback

_PANEL = "Many printers, many methods"


def register(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.command(rich_help_panel=_PANEL)(compare)
    app.command(rich_help_panel=_PANEL)(batch)


def compare(
    recipes: Annotated[
        list[str] | None,
        typer.Argument(
            help="Recipes to compare. [default: source-only bn bn-early calibrate dann-prior]", metavar="RECIPES..."
        ),
    ] = None,
    data: Annotated[Path, typer.Option(help="Labelled frames of several printers.", metavar="DATA")] = ...,  # type: ignore[assignment]
    out: Annotated[Path, typer.Option(help="Folder to write.", metavar="DIR")] = Path("comparison"),
    source: Annotated[
        Path | None,
        typer.Option(help="One source model for all; else one is trained without each printer.", metavar="CKPT"),
    ] = None,
    sources: Annotated[
        Path | None,
        typer.Option(help="Keep the source models here, for other comparisons too; else in DIR.", metavar="DIR"),
    ] = None,
    printer: Annotated[
        list[str] | None, typer.Option(help="Leave out only this printer; repeatable.", metavar="ID")
    ] = None,
    init: Annotated[str, typer.Option(help="none, imagenet (downloads), a weights file, or a checkpoint.")] = "none",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a setting of the source training; repeatable.", metavar="KEY=VALUE"),
    ] = None,
    recipe_set: Annotated[
        list[str] | None,
        typer.Option(help="Override a setting of every recipe; repeatable.", metavar="KEY=VALUE"),
    ] = None,
    seeds: Annotated[int, typer.Option(help="How many splits and runs.", min=1)] = 1,
    bad_shares: Annotated[
        str,
        typer.Option(
            help="Shares of bad prints to adapt on, such as 0,0.2,0.5,1; own is the data's own.", metavar="SHARES"
        ),
    ] = "own",
    adapt_prints: Annotated[
        int | None,
        typer.Option(help="Prints to adapt on. [default: all of the half not for testing]", metavar="N", min=3),
    ] = None,
    target_prior: o.Prior = "unknown",
    labelled_prints: Annotated[
        int, typer.Option(help="Tell recipes the class of N of the prints adapted on.", min=0, metavar="N")
    ] = 0,
    layout: o.Layout = "auto",
    crop: o.Crop = None,
    rotate: o.Rotate = None,
    flip: o.Flip = None,
    device: o.Device = "auto",
    threads: o.Threads = None,
    max_parallel: Annotated[
        int, typer.Option(help="Processes at the same time; they share the threads.", min=1, metavar="N")
    ] = 1,
    overwrite: o.Overwrite = False,
    resume: o.Resume = False,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
) -> None:
    """Compare recipes with the source-only baseline on labelled printers left out one by one. Exit 4 if a cell failed.

    --resume takes over the finished cells and source models of the same DIR, whether it was interrupted or is finished.
    """

    def work(progress: ProgressCallback) -> Result:
        from adaptprint.workflows.compare import DEFAULT_RECIPES, compare
        from adaptprint.workflows.comparison_prints import parse_shares

        return compare(
            recipes or DEFAULT_RECIPES,
            data=data,
            out=out,
            source=source,
            sources=sources,
            printer=printer or (),
            init=init,
            set=set_ or (),
            recipe_set=recipe_set or (),
            seeds=range(seeds),
            bad_shares=parse_shares(bad_shares),
            adapt_prints=adapt_prints,
            target_prior=target_prior,
            labelled_prints=labelled_prints,
            layout=layout,
            camera=camera_from(crop, rotate, flip),
            device=device,
            threads=threads,
            max_parallel=max_parallel,
            overwrite=overwrite,
            resume=resume,
            progress=progress,
        )

    execute(Face(as_json, quiet, verbose), work, show_comparison, _exit_if_one_failed)


def batch(
    fleet: Annotated[
        Path,
        typer.Argument(
            help="A TOML file: source, defaults, and one target table for each printer.", metavar="FLEET.toml"
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="Overrides the file's out.", metavar="DIR")] = None,
    device: o.Device = "auto",
    threads: o.Threads = None,
    max_parallel: Annotated[
        int, typer.Option(help="Processes at the same time; they share the threads.", min=1, metavar="N")
    ] = 1,
    executor: Annotated[
        str | None, typer.Option(help="ray: tasks on a cluster. [default: this machine]", metavar="NAME")
    ] = None,
    ray_address: Annotated[
        str | None,
        typer.Option(help="Of the Ray cluster. [default: $RAY_ADDRESS, else one of this machine]", metavar="ADDR"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Adapt to all anew, up to date or not.")] = False,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
) -> None:
    """Adapt to many printers; one that fails stops no other. Exit 4 if one failed.

    What is up to date stays, what changed is done anew, what was interrupted goes on. OUT/fleet.html says who needs
    attention.
    """

    def work(progress: ProgressCallback) -> Result:
        from adaptprint.workflows.batch import batch

        return batch(
            fleet,
            out=out,
            device=device,
            threads=threads,
            max_parallel=max_parallel,
            executor=executor,
            ray_address=ray_address,
            overwrite=overwrite,
            progress=progress,
        )

    execute(Face(as_json, quiet, verbose), work, show_batch, _say_how_many_failed, FleetView)


def _say_how_many_failed(result: Any) -> None:
    if not result.ok:
        typer.echo(f"{result.n_failed} of {len(result)} targets failed", err=True)
        raise typer.Exit(EXIT_BAD_DATA)


def _exit_if_one_failed(result: Any) -> None:
    if not result.ok:
        raise typer.Exit(EXIT_BAD_DATA)
