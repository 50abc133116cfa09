"""recipes list, show, copy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from adaptprint.cli import options as o
from adaptprint.cli.execute import Face, Result, execute
from adaptprint.reporting.console import show_recipes
from adaptprint.reporting.progress import ProgressCallback

app = typer.Typer(help="The recipes: list, show, copy.", no_args_is_help=True)


class _Listing:
    def __init__(self, rows: list[dict[str, str]]) -> None:
        self.rows = rows

    def to_dict(self) -> dict[str, Any]:
        return {"recipes": self.rows}


def _show_text(content: Mapping[str, Any]) -> None:
    print(content["recipes"][0]["text"], end="")


@app.command("list")
def list_recipes(as_json: o.Json = False, verbose: o.Verbose = 0) -> None:
    """Name the shipped recipes."""

    def work(_progress: ProgressCallback) -> Result:
        from adaptprint.adaptation.recipe import load_recipe, recipe_names

        return _Listing([{"name": name, "summary": load_recipe(name).summary} for name in recipe_names()])

    execute(Face(as_json, True, verbose), work, lambda content: show_recipes(content["recipes"]))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A recipe.")], as_json: o.Json = False, verbose: o.Verbose = 0
) -> None:
    """Print a recipe."""
    execute(Face(as_json, True, verbose), lambda _progress: _one(name), _show_text)


@app.command()
def copy(
    name: Annotated[str, typer.Argument(help="A recipe.")],
    to: Annotated[Path, typer.Argument(help="The .toml file to write.", metavar="FILE")],
    overwrite: o.Overwrite = False,
    verbose: o.Verbose = 0,
) -> None:
    """Copy a recipe into a file, to change it and use it with --recipe FILE."""

    def work(_progress: ProgressCallback) -> Result:
        from adaptprint.workflows.recipes import copy_recipe

        copy_recipe(name, to, overwrite)
        return _one(name)

    execute(Face(False, True, verbose), work, lambda _content: print(f"{name} -> {to}"))


def _one(name: str) -> _Listing:
    from adaptprint.adaptation.recipe import load_recipe

    recipe = load_recipe(name)
    return _Listing([{"name": recipe.name, "summary": recipe.summary, "text": recipe.text}])
