"""Candidates of a finished comparison, for `verdicts.py`: what is known of each without labels, and its true gain."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptprint.adaptation.recipe import Recipe
from adaptprint.adaptation.task import SOURCE_ONLY
from adaptprint.diagnostics.recipe_gain import covariates
from adaptprint.diagnostics.rehearsed_recipes import Trial

Content = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """A recipe's picked candidate in one cell.

    Attributes:
        cell: Everything that is known of the cell.
        candidate: The candidate's part of it.
        gain: Its true gain.
        ended: The verdict's gain: that of what ships.
    """

    cell: Content
    candidate: Content
    gain: float
    ended: float

    @property
    def changes_more_than_the_decision(self) -> bool:
        """Whether its gain can be told by a rehearsal alone."""
        return bool(self.candidate["trained"] or self.candidate["own_head"] or self.candidate["target_norms"] != "none")

    @property
    def settings(self) -> Mapping[str, Any]:
        """Of its recipe, as a rehearsal names them."""
        return Recipe.model_validate(self.cell["settings"]).settings

    @property
    def vetoes(self) -> list[str]:
        """Names of those raised."""
        return [veto["name"] for veto in self.candidate["vetoes"]]

    @property
    def covariates(self) -> dict[str, float]:
        """As a rehearsal reads them."""
        return covariates({each["name"]: each["delta"] for each in self.candidate["validators"]})

    @property
    def trial(self) -> Trial:
        """What a rehearsal would keep of it."""
        share = self.cell["bad_share"]
        return Trial(
            recipe=self.cell["recipe"],
            printer=self.cell["printer"],
            bad_share=0.0 if isinstance(share, str) else share,  # "own": as it was; no rule asks for it
            n_prints=len(self.cell["adapted"]["prints"]),
            score=self.candidate["score"],
            gain=self.gain,
            covariates=self.covariates,
            vetoes=tuple(self.vetoes),
        )


def read_cases(folder: Path, recipes: Sequence[str]) -> list[Case]:
    """All cells with a candidate, of the given recipes or of all."""
    cases = []
    for file in sorted((folder / "cells").glob("*.json")):
        cell = json.loads(file.read_text(encoding="utf-8"))
        models = {candidate["name"]: candidate for candidate in cell["candidates"]}
        if cell["picked"] == SOURCE_ONLY or (recipes and cell["recipe"] not in recipes):
            continue
        name = _picked(cell)
        source, picked, ships = (_score(models[name], cell) for name in (SOURCE_ONLY, name, cell["ships"]))
        cases.append(Case(cell, models[name], picked - source, ships - source))
    return cases


def _picked(cell: Content) -> str:
    """As a run picks it now, whatever the rule was when the comparison ran: a moved decision that ships goes first."""
    end = cell["candidates"][-1]
    examined = [each for each in cell["candidates"] if "vetoes" in each and each["trained"] == end["trained"]]
    free = [candidate for candidate in examined if not any(not veto.get("answer") for veto in candidate["vetoes"])]
    moved = cell["verdict"] == "ship" and cell["picked"]
    return str(moved or (free or examined)[-1]["name"])


def _score(candidate: Content, cell: Content) -> float:
    key = "balanced_accuracy" if cell["unit"] == "print" else "balanced_accuracy_by_frame"
    return float(candidate["test"][key])
