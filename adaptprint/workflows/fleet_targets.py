"""Which printers a fleet has: a list, a mapping from names, a glob, or a root folder; each with settings of its own."""

import glob
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from adaptprint.errors import UsageError
from adaptprint.frames.camera import CameraProfile, Fraction
from adaptprint.frames.competition import has_columns
from adaptprint.frames.image_files import VIDEO_SUFFIXES
from adaptprint.frames.layouts import read_frames
from adaptprint.frames.wording import shown
from adaptprint.models.settings import make_settings
from adaptprint.workflows.comparison_left_out import plain

_SHEETS = frozenset({".csv", ".tsv"})
_FILES = _SHEETS | VIDEO_SUFFIXES

Given = str | Path | Mapping[str, Any]
Targets = str | Path | Sequence[Given] | Mapping[str, Given]


class FleetTarget(BaseModel):
    """One printer of a fleet; what is left out is as for the others."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(description="the folder, CSV or video of the printer's frames.")
    name: str | None = None
    target_prior: str | None = None
    recipe: str | None = None
    set: list[str] = Field(default_factory=list)
    labels: str | None = None
    printer: str | None = None
    layout: str = "auto"
    crop: tuple[Fraction, Fraction, Fraction, Fraction] | None = None
    rotate: int | None = None
    flip: str | None = None

    @property
    def camera(self) -> CameraProfile | None:
        """The printer's own camera profile; ``None`` takes the source's.

        Raises:
            UsageError: If crop, rotation or flip will not do.
        """
        own = {"crop": self.crop, "rotate": self.rotate, "flip": self.flip}
        given = {name: value for name, value in own.items() if value is not None}
        return make_settings(CameraProfile, given, f"target {self.path}") if given else None

    @property
    def place(self) -> tuple[str, str | None]:
        """What tells it from others: its frames, and which printer of them."""
        return self.path, self.printer


def find_targets(given: Targets, base: Path) -> list[FleetTarget]:
    """The printers that the user means, their paths absolute.

    Args:
        given: A glob; a root folder, each subfolder or video of which is a printer, or whose CSV names the printers; a
            sequence of folders, CSVs, videos and globs; or a mapping from names to those. In the place of a path there
            may be a mapping with the keys of :class:`FleetTarget`.
        base: What relative paths start from.

    Raises:
        UsageError: If nothing is there, or a key or value is wrong.
    """
    if isinstance(given, (str, Path)):
        return _globbed(str(given), base) if _is_glob(given, base) else _in_root((base / given).absolute())
    if isinstance(given, Mapping):
        return [_one(target, base).model_copy(update={"name": name}) for name, target in given.items()]
    found: list[FleetTarget] = []
    for target in given:
        if isinstance(target, (str, Path)) and _is_glob(target, base):
            found += _globbed(str(target), base)
        else:
            found.append(_one(target, base))
    return found


def overridden(found: Sequence[FleetTarget], tables: Sequence[FleetTarget]) -> list[FleetTarget]:
    """Tables take the place of what was found at the same path, and come after it where nothing was."""
    own = {table.place: table for table in tables}
    places = {target.place for target in found}
    return [*(own.get(target.place, target) for target in found), *(t for t in tables if t.place not in places)]


def named(targets: Sequence[FleetTarget]) -> list[tuple[str, FleetTarget]]:
    """Each printer with a name that is good for a folder: its own, its id, else the end of its path.

    Where several end alike, all of them take the folder above along: a number would move from one printer to the next
    when one goes, and with it the models.

    Raises:
        UsageError: If there is no target, or a name cannot be a folder's or was given twice.
    """
    if not targets:
        raise UsageError("no targets were given", "Name at least one folder of frames.")
    taken: set[str] = set()
    for target in targets:
        if target.name is not None:
            _refuse_name(target.name, taken)
            taken.add(target.name)
    alike = Counter(_stem(target) for target in targets if target.name is None)
    result = []
    for target in targets:
        stem = _stem(target)
        name = target.name or _free_name(stem if alike[stem] == 1 else f"{_above(target)}-{stem}", taken)
        taken.add(name)
        result.append((name, target))
    return result


def _one(given: Given, base: Path) -> FleetTarget:
    given = {"path": given} if isinstance(given, (str, Path)) else given
    values = {key: str(value) if isinstance(value, Path) else value for key, value in given.items()}
    target = make_settings(FleetTarget, values, "target")
    paths: dict[str, Any] = {"path": str((base / target.path).absolute())}
    if target.labels is not None:
        paths["labels"] = str((base / target.labels).absolute())
    if target.recipe is not None and target.recipe.endswith(".toml"):
        paths["recipe"] = str((base / target.recipe).absolute())
    return target.model_copy(update=paths)


def _is_glob(given: str | Path, base: Path) -> bool:
    return re.search(r"[*?[]", str(given)) is not None and not (base / given).exists()


def _globbed(pattern: str, base: Path) -> list[FleetTarget]:
    absolute = pattern if Path(pattern).is_absolute() else f"{glob.escape(str(base.absolute()))}/{pattern}"
    places = [Path(place) for place in sorted(glob.glob(absolute, recursive=True))]  # noqa: PTH207 - may be absolute
    found = [FleetTarget(path=str(place)) for place in places if _is_printer(place)]
    if not found:
        raise UsageError(f"nothing matches `{pattern}`", "Give a pattern that folders of frames match.")
    return found


def _in_root(root: Path) -> list[FleetTarget]:
    if not root.exists():
        raise UsageError(f"{root} does not exist", "Give a folder that holds a folder of frames for each printer.")
    if root.is_file() or any(has_columns(file) for file in sorted(root.glob("*.csv"))):
        layout = "auto" if root.is_file() else "competition"
        printers = read_frames(root, layout=layout, labels="ignored").printers
        return [FleetTarget(path=str(root), printer=printer, layout=layout) for printer in printers]
    places = [place for place in sorted(root.iterdir()) if not place.name.startswith(".") and _is_printer(place)]
    if not places:
        raise UsageError(
            f"{root} holds no folder and no video, so it is no root of printers",
            "Give the folder above, or the printers as a list.",
        )
    return [FleetTarget(path=str(place)) for place in places]


def _is_printer(place: Path) -> bool:
    return place.is_dir() or (place.is_file() and place.suffix.lower() in _FILES)


def _refuse_name(name: str, taken: set[str]) -> None:
    if not _is_name(name):
        raise UsageError(
            f"`{name}` cannot name a run folder", "Use a plain name without slashes that does not begin with a dot."
        )
    if name in taken:
        raise UsageError(f"two targets are named `{name}`", "Give each a name of its own.")


def _is_name(name: str) -> bool:
    return (
        bool(name) and Path(name).name == name and not name.startswith(".") and "\0" not in name and shown(name) == name
    )


def _stem(target: FleetTarget) -> str:
    stem = target.printer or Path(os.path.normpath(target.path)).name or "target"  # a link counts by its own name
    return stem if _is_name(stem) else plain(stem)


def _above(target: FleetTarget) -> str:
    path = Path(os.path.normpath(target.path))
    name = (path if target.printer else path.parent).name
    return name if _is_name(name) else plain(name)


def _free_name(stem: str, taken: set[str]) -> str:
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    return name
