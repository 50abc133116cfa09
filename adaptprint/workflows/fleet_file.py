"""The fleet file: a source, defaults, and printers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from adaptprint.adaptation.prior_word import parse_prior
from adaptprint.adaptation.recipe import DEFAULT_RECIPE
from adaptprint.errors import UsageError
from adaptprint.models.settings import make_settings, read_toml
from adaptprint.workflows.fleet_targets import FleetTarget, find_targets, overridden


class Fleet(BaseModel):
    """The keys of a fleet file; its paths are relative to the file."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(description="the checkpoint folder to start from.")
    out: str = "fleet"
    source_data: str | None = None
    recipe: str = DEFAULT_RECIPE
    target_prior: str = "unknown"
    seed: int = 0
    set: list[str] = Field(default_factory=list)
    targets: str | list[str] | None = None
    target: list[dict[str, Any]] = Field(default_factory=list)


@dataclass(frozen=True)
class OpenedFleet:
    """A fleet file with absolute paths.

    Attributes:
        content: Its keys.
        targets: Its printers.
        source: The source model.
        out: The folder to write.
        source_data: Labelled source frames, if it names any.
        recipe: A name, or the path of a recipe file.
    """

    content: Fleet
    targets: Sequence[FleetTarget]
    source: Path
    out: Path
    source_data: Path | None
    recipe: str


def open_fleet(path: Path) -> OpenedFleet:
    """Reads a fleet file and finds its printers.

    Raises:
        UsageError: If the file is wrong, or names no printer.
    """
    content = make_settings(Fleet, read_toml(path), path.name)
    parse_prior(content.target_prior, f"{path.name}: target_prior")
    here = path.absolute().parent
    if content.targets is None and not content.target:
        raise UsageError(
            f"{path.name} names no target", 'Add a [[target]] table with a path, or a line such as targets = "halls/*".'
        )
    tables = []
    for table in content.target:
        # Once for the message that names the file, once for the paths.
        own = make_settings(FleetTarget, table, f"{path.name}, [[target]]")
        if own.target_prior is not None:
            parse_prior(own.target_prior, f"{path.name}, [[target]] {own.path}: target_prior")
        tables += find_targets([table], here)
    found = [] if content.targets is None else find_targets(content.targets, here)
    return OpenedFleet(
        content,
        overridden(found, tables),
        here / content.source,
        here / content.out,
        here / content.source_data if content.source_data else None,
        str(here / content.recipe) if content.recipe.endswith(".toml") else content.recipe,
    )
