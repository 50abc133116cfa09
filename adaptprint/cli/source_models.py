"""train, rehearse, pack: making source models."""

from pathlib import Path
from typing import Annotated

import typer

from adaptprint.cli import options as o
from adaptprint.cli.execute import Face, Result, camera_from, execute
from adaptprint.reporting.console import show_pack, show_rehearse, show_train
from adaptprint.reporting.progress import ProgressCallback

_PANEL = "Models"


def register(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    for command in (train, rehearse, pack):
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
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Then leave out each printer in turn: see `adaptprint rehearse`.")
    ] = False,
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
            rehearse=rehearse,
            progress=progress,
        )

    execute(Face(as_json, quiet, verbose), work, show_train)


def rehearse(
    model: Annotated[Path, typer.Argument(help="A checkpoint that `train` wrote.", metavar="CKPT")],
    source_data: Annotated[
        Path, typer.Option(help="The labelled frames it was trained on, or those of other printers.", metavar="DATA")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Checkpoint to write. [default: CKPT itself]", metavar="CKPT")
    ] = None,
    init: Annotated[str, typer.Option(help="The starting weights that CKPT was trained from.")] = "none",
    recipe: Annotated[
        list[str] | None,
        typer.Option(help="Also try this recipe, by name or TOML file, on each printer. Repeatable."),
    ] = None,
    set_: o.Set = None,
    sources: Annotated[
        Path | None, typer.Option(help="Keep the models without one printer here, for `compare` too.", metavar="DIR")
    ] = None,
    layout: o.Layout = "auto",
    device: o.Device = "auto",
    threads: o.Threads = None,
    seed: o.Seed = 0,
    add: Annotated[
        bool, typer.Option("--add", help="Keep what CKPT was rehearsed on before, other printers, beside these.")
    ] = False,
    overwrite: o.Overwrite = False,
    resume: o.Resume = False,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
) -> None:
    """Adapt to labelled printers without their labels and note in the checkpoint what that came to.

    Printers the model was not trained on are tried as they are; its own are left out in turn of models trained for it.
    Verdicts of this checkpoint then know what an expected gain is worth.
    """

    def work(progress: ProgressCallback) -> Result:
        from adaptprint.workflows.rehearse import rehearse

        return rehearse(
            model,
            source_data,
            out=out,
            init=init,
            recipes=recipe or (),
            set=set_ or (),
            sources=sources,
            layout=layout,
            device=device,
            threads=threads,
            seed=seed,
            add=add,
            overwrite=overwrite,
            resume=resume,
            progress=progress,
        )

    execute(Face(as_json, quiet, verbose), work, show_rehearse)


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
