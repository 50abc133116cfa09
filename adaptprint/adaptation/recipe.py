"""A recipe: which method adapts the model, and with which settings. Data in TOML, typed here."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from adaptprint.errors import MissingDependencyError, UsageError
from adaptprint.models.settings import make_settings, parse_overrides, read_toml

Norms = Literal["source", "early", "all", "prior"]
Align = Literal["none", "dann", "cdan", "coral", "mmd", "jmmd"]
Head = Literal["classifier", "prototypes"]
TrainingNorms = Literal["kept", "joint", "split"]
Stage = Literal["none", "stem", "layer1", "layer2", "layer3"]
Rate = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, le=100)]
DEFAULT_RECIPE = "calibrate"


class Card(BaseModel):
    """What a user should know before trusting a recipe; one sentence each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    assumes: str
    fails: str
    cost: str


class Recipe(BaseModel):
    """Settings of one adaptation, a composition of parts. Every field can be set with ``--set key=value``.

    In this order: statistics (``norms``), training (if ``steps`` is not 0), the head, the blend with the source
    model, calibration.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    card: Card | None = Field(default=None, description="Assumptions, shown by `recipes show` and in the docs.")
    norms: Norms = Field(default="source", description="Whose BatchNorm statistics the model takes first.")
    steps: Annotated[int, Field(ge=0, le=100_000)] = Field(default=0, description="Training steps.")
    batch_size: Annotated[int, Field(ge=2, le=2048)] = Field(default=24, description="Frames per domain and step.")
    lr_trunk: Rate = 2e-5
    lr_head: Rate = 1e-4
    lr_discriminator: Rate = 1e-3
    weight_decay: Rate = 1e-3
    warmup: Rate = 0.1
    clip_norm: Annotated[float, Field(gt=0)] = 1.0
    frozen: Stage = Field(default="layer2", description="Stages up to this one keep their weights.")
    training_norms: TrainingNorms = Field(default="split", description="What BatchNorms normalise by in training.")
    augment: Annotated[float, Field(ge=0, le=2)] = 0.3
    align: Align = Field(default="none", description="How the domains are aligned.")
    align_weight: Weight = Field(default=1.0, description="Weight of the distance between the domains.")
    prior_weighted: bool = Field(default=True, description="Domains are compared at the target's class shares.")
    grl_max: Annotated[float, Field(ge=0, le=10)] = Field(default=0.3, description="λ at the end of its ramp.")
    grl_gamma: Annotated[float, Field(gt=0, le=100)] = Field(default=10.0, description="Steepness of the ramp.")
    discriminator_width: Annotated[int, Field(ge=1, le=4096)] = 128
    discriminator_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    mcc: Weight = Field(default=0.0, description="Weight of minimum class confusion.")
    consensus: Weight = Field(default=0.0, description="Weight of what prints as a whole teach their frames.")
    source_free: bool = Field(default=False, description="Source frames are not trained on.")
    head: Head = Field(default="classifier", description="What calls the classes in the end.")
    blend: Annotated[float, Field(gt=0, le=1)] = Field(default=1.0, description="Share of the adapted weights.")
    calibrate: bool = Field(default=False, description="Moves the decision to between the classes' print scores.")
    snapshots: Annotated[int, Field(ge=1, le=20)] = 3
    statistics_frames: Annotated[int, Field(ge=8)] = Field(default=256, description="Frames for BatchNorm statistics.")
    coreset_frames: Annotated[int, Field(ge=64)] = Field(
        default=4000, description="Target frames to adapt and judge on at most; beyond them frames are only scored."
    )

    @field_validator("source_free")
    @classmethod
    def _aligns_nothing(cls, source_free: bool, info: ValidationInfo) -> bool:
        if source_free and info.data.get("align", "none") != "none":
            raise ValueError("without source frames there is nothing to align the target with; set align=none")
        return source_free

    @property
    def changes_nothing(self) -> bool:
        """Whether this is the no-adaptation baseline."""
        return self._keeps_ranking and not self.calibrate

    @property
    def moves_decision_only(self) -> bool:
        """Whether its candidate is the source model with its decision moved, and nothing else."""
        return self._keeps_ranking and self.calibrate

    @property
    def _keeps_ranking(self) -> bool:
        return self.norms == "source" and self.steps == 0 and self.head == "classifier"

    @property
    def needs_source(self) -> bool:
        """Whether it cannot work without labelled source frames."""
        return (self.steps > 0 and not self.source_free) or self.head == "prototypes"

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that decides what it does, for JSON."""
        return self.model_dump(mode="json", exclude={"card"})

    @property
    def learns_print_labels(self) -> bool:
        """Whether labelled prints make the model, so that they cannot measure it afterwards."""
        return self.consensus > 0 or self.head == "prototypes" or self.calibrate


@dataclass(frozen=True)
class NamedRecipe:
    """A recipe with the name it was asked for by and the file it comes from."""

    name: str
    recipe: Recipe
    text: str
    summary: str


@cache
def recipe_folder() -> Path:
    """The folder of the shipped recipes: inside the wheel, or beside the package in a checkout.

    Raises:
        MissingDependencyError: If the installation has lost them.
    """
    packaged = Path(str(files("adaptprint"))) / "_recipes"
    checkout = Path(str(files("adaptprint"))).parent / "recipes"
    for folder in (packaged, checkout):
        if (folder / f"{DEFAULT_RECIPE}.toml").is_file():
            return folder
    raise MissingDependencyError("the shipped recipes are missing", "Install adaptprint again: pip install adaptprint.")


def recipe_names() -> list[str]:
    """Names of the shipped recipes."""
    return sorted(path.stem for path in recipe_folder().glob("*.toml"))


def load_recipe(
    name_or_file: str | Path = DEFAULT_RECIPE, overrides: Sequence[str] = (), option: str = "--set"
) -> NamedRecipe:
    """A shipped recipe by name, or one from a TOML file, with ``key=value`` overrides, given behind ``option``.

    Raises:
        UsageError: For an unknown recipe (with the nearest name), an unknown key, or a value out of its range.
    """
    name = str(name_or_file)
    path = Path(name_or_file)
    if path.suffix != ".toml":
        names = recipe_names()
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"Did you mean `{near[0]}`?" if near else f"Use one of {', '.join(names)}, or a .toml file."
            raise UsageError(f"unknown recipe `{name}`", hint)
        path = recipe_folder() / f"{name}.toml"
    values = read_toml(path)
    called = values.pop("name", path.stem)  # of a run's recipe.toml: what the recipe was called there
    if not isinstance(called, str) or not called.strip():
        raise UsageError(f"recipe {path.name}: name = {called!r} is no name", "Give one in quotes, or leave it out.")
    recipe = make_settings(Recipe, values, f"recipe {path.name}")
    if overrides:
        recipe = make_settings(Recipe, {**recipe.model_dump(), **parse_overrides(overrides, option)}, option)
    text = path.read_text(encoding="utf-8")
    return NamedRecipe(called, recipe, text, _summary(text))


def _summary(text: str) -> str:
    """The first comment line that is not the command."""
    comments = [line.lstrip("# ").strip() for line in text.splitlines() if line.startswith("#")]
    return next((line for line in comments if line and not line.startswith("adaptprint ")), "")
