"""verify, synth, doctor: the data and the machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from adaptprint.cli import options as o
from adaptprint.cli.execute import Face, Result, camera_from, execute
from adaptprint.errors import EXIT_BAD_DATA, EXIT_MISSING
from adaptprint.reporting.console import show_doctor, show_findings
from adaptprint.reporting.formats import plural
from adaptprint.reporting.progress import ProgressCallback

_PANEL = "Data and machine"


def register(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    for command in (verify, synth, doctor):
        app.command(rich_help_panel=_PANEL)(command)


def verify(
    data: Annotated[Path, typer.Argument(help="Frames, labelled or not.", metavar="DATA")],
    layout: o.Layout = "auto",
    crop: o.Crop = None,
    rotate: o.Rotate = None,
    flip: o.Flip = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
) -> None:
    """Check a data set: unreadable or dark frames, copies, labels and prints that do not fit. Exit 4 on errors."""

    def work(progress: ProgressCallback) -> Result:
        from adaptprint.workflows.verify import verify

        return verify(data, layout=layout, camera=camera_from(crop, rotate, flip), progress=progress)

    def check(result: Any) -> None:
        if not result.ok:
            raise typer.Exit(EXIT_BAD_DATA)

    execute(Face(as_json, quiet, verbose), work, show_findings, check)


def synth(
    out: Annotated[Path, typer.Argument(help="Folder to write.", metavar="OUT")],
    printers: Annotated[str, typer.Option(help="How many, or preset names: a,b,c.", metavar="N|PRESETS")] = "7",
    prints: Annotated[int, typer.Option(help="Prints per printer.")] = 12,
    frames: Annotated[int, typer.Option(help="Frames per print.")] = 40,
    bad_share: Annotated[float, typer.Option(help="Share of under-extruded prints, 0 to 1.")] = 0.5,
    family: Annotated[str, typer.Option(help="endoscope or portrait.")] = "endoscope",
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT; else each camera's own.", metavar="WxH")] = None,
    jobs: Annotated[int, typer.Option(help="Processes.")] = 1,
    seed: o.Seed = 0,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
) -> None:
    """Render made-up printers to practise on, in the competition layout."""

    def work(progress: ProgressCallback) -> Result:
        from adaptprint.errors import UsageError
        from adaptprint.workflows.synth import synth

        pixels = None
        if size is not None:
            width, cross, height = size.lower().partition("x")
            if not (cross and width.isdigit() and height.isdigit()):
                raise UsageError(f"--size {size} cannot be read", "Write it as --size 640x360.")
            pixels = (int(height), int(width))
        return synth(
            out,
            printers=int(printers) if printers.isdigit() else printers.split(","),
            prints=prints,
            frames=frames,
            bad_share=bad_share,
            seed=seed,
            family=family,
            jobs=jobs,
            size=pixels,
            overwrite=overwrite,
            progress=progress,
        )

    execute(Face(as_json, quiet, verbose), work, _show_synth)


def doctor(as_json: o.Json = False, verbose: o.Verbose = 0) -> None:
    """Look at versions, device and threads; say what is missing and the fix. Exit 3 if something is."""

    def work(_progress: ProgressCallback) -> Result:
        from adaptprint.workflows.doctor import doctor

        return doctor()

    def check(result: Any) -> None:
        if not result.ok:
            raise typer.Exit(EXIT_MISSING)

    execute(Face(as_json, True, verbose), work, show_doctor, check)


def _show_synth(content: Mapping[str, Any]) -> None:
    printers = ", ".join(content["printers"])
    size = f"{plural(content['n_frames'], 'frame')} of {plural(content['n_prints'], 'print')}"
    print(f"{size} on {printers} -> {content['out']}")
