"""recipes list, show, copy: every shipped recipe is named, and says what it assumes, when it fails, what it costs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomlkit

RECIPES = Path(__file__).parents[3] / "recipes"
NAMES = sorted(file.stem for file in RECIPES.glob("*.toml"))


def test_the_list_names_and_sums_up_every_recipe(cli: Callable[..., Any]) -> None:
    listed = cli("recipes", "list", "--json").json["recipes"]
    assert [recipe["name"] for recipe in listed] == NAMES
    assert all(len(recipe["summary"]) > 20 for recipe in listed)
    shown = cli("recipes", "list").stdout
    assert all(name in shown for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_shown_with_its_command_first_and_its_card_last(name: str, cli: Callable[..., Any]) -> None:
    text = cli("recipes", "show", name).stdout
    assert text.startswith("# adaptprint adapt ")
    assert f"--recipe {name}" in text.splitlines()[0]
    settings = tomlkit.parse(text).unwrap()
    assert list(settings)[-1] == "card"
    assert list(settings["card"]) == ["assumes", "fails", "cost"]
    assert all(sentence.endswith(".") for sentence in settings["card"].values())


def test_the_folder_s_readme_names_every_recipe() -> None:
    text = (RECIPES / "README.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"`{name}.toml`" not in text] == []


def test_a_copied_recipe_is_the_recipe(cli: Callable[..., Any], tmp_path: Path) -> None:
    assert cli("recipes", "copy", "coral", tmp_path / "mine.toml").code == 0
    assert (tmp_path / "mine.toml").read_bytes() == (RECIPES / "coral.toml").read_bytes()
