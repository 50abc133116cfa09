"""The program: all commands in the order of their use."""

from typing import Annotated

import typer

from adaptprint import __version__
from adaptprint.cli import adaptation, data, fleet, models, recipes, source_models

app = typer.Typer(
    name="adaptprint",
    help="Adapts a 3D-print fault classifier to a new printer, without labels, with an honest verdict.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"adaptprint {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Adapts a 3D-print fault classifier to a new printer, without labels, with an honest verdict."""


adaptation.register(app)
source_models.register(app)
models.register(app)
data.register(app)
fleet.register(app)
app.add_typer(recipes.app, name="recipes", rich_help_panel="Many printers, many methods")


def main() -> None:
    """Runs the program."""
    app()
