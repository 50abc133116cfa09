"""The table of flags in docs/cli.md against the options that the commands have."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from adaptprint.cli.main import app

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the docs are not here")


def commands(group: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Every command by its words, ``recipes copy`` too."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} ")
        else:
            yield f"{above}{name}", command


OPTIONS = {
    name: {option for each in command.params for option in each.opts if option.startswith("-")}
    for name, command in commands(get_command(app))
}


def rows() -> list[tuple[str, str]]:
    """Flag and commands of each row."""
    table = PAGE.read_text(encoding="utf-8").split("| flag | means | on |")[1].split("\n\n")[0]
    cells = [line.strip("|").split(" | ") for line in table.splitlines()[2:]]
    return [(flag.replace("vv", "v"), where.strip()) for flags, _, where in cells
            for flag in re.findall(r"`(--?[a-z-]+)", flags)]  # fmt: skip


def meant(where: str) -> set[str]:
    """The commands that a cell names; remarks stand in brackets."""
    plain = re.sub(r" \([^)]*\)", "", where)
    if plain == "all":
        return set(OPTIONS)
    names = plain.removeprefix("all but ").split(", ")
    known = {command for command in OPTIONS for name in names if f"{command} ".startswith(f"{name} ")}
    assert {name for name in names if not any(f"{command} ".startswith(f"{name} ") for command in known)} == set()
    return set(OPTIONS) - known if plain.startswith("all but ") else known


@pytest.mark.parametrize(("flag", "where"), rows() if PAGE.exists() else [])
def test_the_table_of_flags_names_the_commands_that_have_them(flag: str, where: str) -> None:
    assert meant(where) == {command for command, options in OPTIONS.items() if flag in options}


def test_options_that_several_commands_share_are_on_the_page() -> None:
    told = set(re.findall(r"--[a-z-]+", PAGE.read_text(encoding="utf-8")))
    every = [option for options in OPTIONS.values() for option in options if option.startswith("--")]
    assert {option for option in every if every.count(option) > 1} - told == {"--verbose"}
