"""Recipes: the shipped ones load, typos get the nearest name, values are typed."""

from pathlib import Path

import pytest

from adaptprint.adaptation.recipe import DEFAULT_RECIPE, Recipe, load_recipe, recipe_folder, recipe_names
from adaptprint.errors import UsageError


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_loads_and_tells_what_it_is_for(name: str) -> None:
    loaded = load_recipe(name)
    assert loaded.name == name
    assert loaded.recipe.method in ("source-only", "bn", "bn-early", "dann")
    assert len(loaded.summary) > 20
    assert not loaded.summary.startswith("adaptprint")
    assert f"--recipe {name}" in loaded.text.splitlines()[0]


def test_the_promised_recipes_are_shipped() -> None:
    assert {"source-only", "bn", "bn-early", "dann"} <= set(recipe_names())
    for method in ("source-only", "bn", "bn-early", "dann"):
        assert load_recipe(method).recipe.method == method


def test_no_name_means_the_default() -> None:
    assert load_recipe().name == DEFAULT_RECIPE == "dann"


def test_the_shipped_dann_recipe_says_what_the_code_does_by_default() -> None:
    assert load_recipe("dann").recipe == Recipe(method="dann")


def test_a_recipe_of_one_s_own_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('# My first recipe.\nmethod = "dann"\nsteps = 7\n', encoding="utf-8")
    loaded = load_recipe(tmp_path / "mine.toml")
    assert (loaded.name, loaded.recipe.steps, loaded.summary) == ("mine", 7, "My first recipe.")
    assert load_recipe(str(tmp_path / "mine.toml")) == loaded


def test_a_recipe_without_a_comment_has_no_summary(tmp_path: Path) -> None:
    (tmp_path / "bare.toml").write_text('method = "bn"\n', encoding="utf-8")
    assert load_recipe(tmp_path / "bare.toml").summary == ""


def test_a_typo_in_a_name_gets_the_nearest_recipe() -> None:
    with pytest.raises(UsageError, match="unknown recipe `dan`") as caught:
        load_recipe("dan")
    assert caught.value.fix == "Did you mean `dann`?"


def test_a_name_like_no_other_gets_the_list() -> None:
    with pytest.raises(UsageError) as caught:
        load_recipe("mystery")
    assert all(name in caught.value.fix for name in recipe_names())


@pytest.mark.parametrize("name", ["../recipes/dann", "/etc/passwd", "", "compare"])
def test_a_name_is_never_a_path(name: str) -> None:
    with pytest.raises(UsageError, match="unknown recipe"):
        load_recipe(name)


def test_a_missing_recipe_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        load_recipe(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("line", "words", "fix"),
    [
        ("stepps = 5", "mine.toml: unknown key `stepps`", "`steps`"),
        ("grl_mx = 1", "unknown key `grl_mx`", "`grl_max`"),
        ("steps = 0", "steps = 0 will not do", "`steps`"),
        ('steps = "many"', "steps = 'many' will not do", "`steps`"),
        ("lr_trunk = 2.0", "lr_trunk = 2.0", "`lr_trunk`"),
        ("discriminator_dropout = 1.0", "discriminator_dropout", "`discriminator_dropout`"),
    ],
)
def test_a_mistake_in_a_recipe_is_named_with_its_place(tmp_path: Path, line: str, words: str, fix: str) -> None:
    (tmp_path / "mine.toml").write_text(f'method = "dann"\n{line}\n', encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_recipe(tmp_path / "mine.toml")
    assert words in caught.value.cause
    assert fix in caught.value.fix


@pytest.mark.parametrize("text", ["", 'method = "cdan"'])
def test_a_recipe_needs_a_method_that_exists(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="method"):
        load_recipe(tmp_path / "mine.toml")


def test_overrides_change_the_recipe_and_nothing_else() -> None:
    plain = load_recipe("dann")
    changed = load_recipe("dann", ["steps=7", "grl_max=0.5", "split_early=false"])
    expected = {**plain.recipe.model_dump(), "steps": 7, "grl_max": 0.5, "split_early": False}
    assert changed.recipe.model_dump() == expected
    assert changed.text == plain.text


@pytest.mark.parametrize(
    ("pair", "words", "fix"),
    [
        ("stesp=7", "--set: unknown key `stesp`", "`steps`"),
        ("steps=7.5", "--set: steps = 7.5", "`steps`"),
        ("split_early=perhaps", "split_early = 'perhaps'", "`split_early`"),
        ("steps", "`--set steps` is not key=value", "--set"),
        ("method=danger", "method = 'danger'", "`method`"),
    ],
)
def test_a_mistake_in_an_override_is_named(pair: str, words: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_recipe("dann", [pair])
    assert words in caught.value.cause
    assert fix in caught.value.fix


def test_the_folder_of_recipes_holds_each_as_a_file() -> None:
    assert all((recipe_folder() / f"{name}.toml").is_file() for name in recipe_names())
