"""Recipes: the shipped ones load, typos get the nearest name, values are typed."""

from pathlib import Path

import pytest

from adaptprint.adaptation.recipe import DEFAULT_RECIPE, Recipe, load_recipe, recipe_folder, recipe_names
from adaptprint.errors import UsageError


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_loads_and_tells_what_it_is_for(name: str) -> None:
    loaded = load_recipe(name)
    assert loaded.name == name
    assert len(loaded.summary) > 20
    assert not loaded.summary.startswith("adaptprint")
    assert f"--recipe {name}" in loaded.text.splitlines()[0]


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_has_a_card(name: str) -> None:
    card = load_recipe(name).recipe.card
    assert card is not None
    assert all(len(text) > 5 and text.endswith(".") for text in (card.assumes, card.fails, card.cost))


def test_the_promised_recipes_are_shipped_and_no_two_are_the_same() -> None:
    promised = {
        "source-only",
        "bn",
        "bn-early",
        "bn-prior",
        "dann",
        "dann-prior",
        "cdan",
        "coral",
        "mmd",
        "jmmd",
        "mcc",
    }
    promised |= {"consensus", "prototype", "calibrate", "source-free", "few-shot", "dann-mcc"}
    assert promised <= set(recipe_names())
    settings = [load_recipe(name).recipe.model_copy(update={"card": None}) for name in recipe_names()]
    assert all(one != other for i, one in enumerate(settings) for other in settings[:i])


def test_dann_is_the_paper_s_and_dann_prior_what_prints_need() -> None:
    plain, ours = load_recipe("dann").recipe, load_recipe("dann-prior").recipe
    assert (plain.prior_weighted, plain.training_norms, plain.norms, plain.grl_max) == (False, "joint", "source", 1.0)
    assert (ours.prior_weighted, ours.training_norms, ours.norms, ours.frozen) == (True, "split", "early", "layer2")


@pytest.mark.parametrize(
    ("name", "idea"),
    [
        ("bn", {"norms": "all"}),
        ("bn-early", {"norms": "early"}),
        ("bn-prior", {"norms": "prior"}),
        ("dann", {"align": "dann"}),
        ("dann-prior", {"align": "dann"}),
        ("dann-mcc", {"align": "dann", "prior_weighted": True, "training_norms": "split"}),
        ("cdan", {"align": "cdan", "prior_weighted": True}),
        ("coral", {"align": "coral", "prior_weighted": True}),
        ("mmd", {"align": "mmd", "prior_weighted": True}),
        ("jmmd", {"align": "jmmd", "prior_weighted": True}),
        ("consensus", {"calibrate": True, "source_free": False, "training_norms": "kept"}),
        ("few-shot", {"calibrate": True, "source_free": False, "training_norms": "kept"}),
        ("prototype", {"head": "prototypes", "calibrate": True}),
        ("source-free", {"norms": "prior", "source_free": True, "training_norms": "kept"}),
        ("calibrate", {"calibrate": True}),
    ],
)
def test_a_recipe_does_what_it_is_called_for(name: str, idea: dict[str, object]) -> None:
    settings = load_recipe(name).recipe.model_dump()
    assert {key: settings[key] for key in idea} == idea


def test_no_loss_that_a_recipe_is_called_for_has_weight_zero() -> None:
    weights = {
        part: {name for name in recipe_names() if load_recipe(name).recipe.model_dump()[part] > 0}
        for part in ("mcc", "consensus", "align_weight", "grl_max")
    }
    assert weights["mcc"] == {"mcc", "dann-mcc"}
    assert weights["consensus"] == {"consensus", "few-shot", "source-free"}
    assert weights["align_weight"] >= {"coral", "mmd", "jmmd"}
    assert weights["grl_max"] >= {"dann", "dann-prior", "dann-mcc", "cdan"}


def test_only_the_baseline_changes_nothing() -> None:
    assert [name for name in recipe_names() if load_recipe(name).recipe.changes_nothing] == ["source-only"]
    for part in ({"norms": "prior"}, {"steps": 1}, {"head": "prototypes"}, {"calibrate": True}):
        assert not Recipe.model_validate(part).changes_nothing


def test_recipes_that_work_without_source_frames_say_so() -> None:
    free = [name for name in recipe_names() if not load_recipe(name).recipe.needs_source]
    assert free == ["bn", "bn-early", "bn-prior", "calibrate", "source-free", "source-only"]
    assert Recipe(steps=1, source_free=True, head="prototypes").needs_source


@pytest.mark.parametrize("align", ["dann", "cdan", "coral", "mmd", "jmmd"])
def test_nothing_can_be_aligned_without_source_frames(align: str) -> None:
    with pytest.raises(UsageError, match="nothing to align") as caught:
        load_recipe("source-free", [f"align={align}"])
    assert "source_free" in caught.value.fix


def test_no_name_means_the_default() -> None:
    assert load_recipe().name == DEFAULT_RECIPE


def test_a_recipe_of_one_s_own_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('# My first recipe.\nnorms = "early"\nsteps = 7\n', encoding="utf-8")
    loaded = load_recipe(tmp_path / "mine.toml")
    assert (loaded.name, loaded.recipe.steps, loaded.summary) == ("mine", 7, "My first recipe.")
    assert load_recipe(str(tmp_path / "mine.toml")) == loaded


def test_a_recipe_without_a_comment_has_no_summary(tmp_path: Path) -> None:
    (tmp_path / "bare.toml").write_text('norms = "all"\n', encoding="utf-8")
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
        ("steps = -1", "steps = -1 will not do", "`steps`"),
        ('steps = "many"', "steps = 'many' will not do", "`steps`"),
        ("lr_trunk = 2.0", "lr_trunk = 2.0", "`lr_trunk`"),
        ("blend = 0.0", "blend = 0.0", "`blend`"),
        ('method = "dann"', "unknown key `method`", "keys"),
        ('align = "adda"', "align = 'adda'", "`align`"),
        ("[card]\nassumes = 'x'\nfails = 'y'", "card.cost", "card.cost"),
        ("[card]\nassumes = 'x'\nfails = 'y'\ncost = 'z'\nnumber = 'n'", "card.number", "card.number"),
        ("discriminator_dropout = 1.0", "discriminator_dropout", "`discriminator_dropout`"),
    ],
)
def test_a_mistake_in_a_recipe_is_named_with_its_place(tmp_path: Path, line: str, words: str, fix: str) -> None:
    (tmp_path / "mine.toml").write_text(f'norms = "early"\n{line}\n', encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_recipe(tmp_path / "mine.toml")
    assert words in caught.value.cause
    assert fix in caught.value.fix


def test_overrides_change_the_recipe_and_nothing_else() -> None:
    plain = load_recipe("dann")
    changed = load_recipe("dann", ["steps=7", "grl_max=0.5", "training_norms=joint"])
    expected = {**plain.recipe.model_dump(), "steps": 7, "grl_max": 0.5, "training_norms": "joint"}
    assert changed.recipe.model_dump() == expected
    assert changed.text == plain.text


@pytest.mark.parametrize(
    ("pair", "words", "fix"),
    [
        ("stesp=7", "--set: unknown key `stesp`", "`steps`"),
        ("steps=7.5", "--set: steps = 7.5", "`steps`"),
        ("calibrate=perhaps", "calibrate = 'perhaps'", "`calibrate`"),
        ("steps", "`--set steps` is not key=value", "--set"),
        ("head=danger", "head = 'danger'", "`head`"),
    ],
)
def test_a_mistake_in_an_override_is_named(pair: str, words: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_recipe("dann", [pair])
    assert words in caught.value.cause
    assert fix in caught.value.fix


def test_the_folder_of_recipes_holds_each_as_a_file() -> None:
    assert all((recipe_folder() / f"{name}.toml").is_file() for name in recipe_names())


def test_a_file_may_say_what_its_recipe_is_called(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text('name = "mine"\nsteps = 3\n', encoding="utf-8")
    assert (load_recipe(file).name, load_recipe(file).recipe.steps) == ("mine", 3)
    file.write_text("steps = 3\n", encoding="utf-8")
    assert load_recipe(file).name == "recipe"
    for nothing in ("3", '" "'):
        file.write_text(f"name = {nothing}\n", encoding="utf-8")
        with pytest.raises(UsageError, match="is no name"):
            load_recipe(file)
