"""The options that several commands share, declared once."""

from pathlib import Path
from typing import Annotated

import typer

_COMPUTE, _OUTPUT, _CAMERA, _DATA = "Computing", "Output", "Camera", "Frames"

Device = Annotated[str, typer.Option(help="auto, cpu or cuda.", rich_help_panel=_COMPUTE)]
Threads = Annotated[int | None, typer.Option(help="CPU threads.", rich_help_panel=_COMPUTE)]
Seed = Annotated[
    int,
    typer.Option(help="Decides every draw; the same seed gives the same bytes.", rich_help_panel=_COMPUTE),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.", rich_help_panel=_OUTPUT)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.", rich_help_panel=_OUTPUT)]
Verbose = Annotated[
    int, typer.Option("--verbose", "-v", count=True, help="-vv shows tracebacks.", rich_help_panel=_OUTPUT)
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing output.", rich_help_panel=_OUTPUT)]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Go on with an interrupted run of the same output.", rich_help_panel=_OUTPUT),
]
Layout = Annotated[
    str,
    typer.Option(help="auto, competition, prints, classes or video.", rich_help_panel=_DATA),
]
Printer = Annotated[str | None, typer.Option("--printer", help="Only this printer's frames.", rich_help_panel=_DATA)]
Crop = Annotated[
    str | None,
    typer.Option(help="X,Y,W,H as fractions of the turned frame.", metavar="X,Y,W,H", rich_help_panel=_CAMERA),
]
Rotate = Annotated[int | None, typer.Option(help="Clockwise: 90, 180 or 270 degrees.", rich_help_panel=_CAMERA)]
Flip = Annotated[str | None, typer.Option(help="horizontal, vertical or both.", rich_help_panel=_CAMERA)]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override a setting; repeatable.", metavar="KEY=VALUE"),
]
RecipeOption = Annotated[
    str,
    typer.Option(
        "--recipe",
        help="A recipe by name, or a .toml file.",
        metavar="NAME|FILE",
        show_default=False,
    ),
]
Prior = Annotated[
    str,
    typer.Option(
        "--target-prior",
        help="Share of faulty prints, as far as you know: unknown, all-good, all-bad, LOW-HIGH or a value.",
        metavar="PRIOR",
    ),
]
SourceData = Annotated[
    Path | None,
    typer.Option("--source-data", help="Labelled source frames; replaces the checkpoint's memory.", metavar="DATA"),
]
ModelOption = Annotated[Path, typer.Option("--model", help="A checkpoint folder.", metavar="CKPT")]
