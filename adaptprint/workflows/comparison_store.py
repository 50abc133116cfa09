"""Finished cells on disk: one small JSON each, written at once, and taken again only if nothing about it changed."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from adaptprint.models.atomic_folder import write_atomic
from adaptprint.workflows.comparison_grid import Cell
from adaptprint.workflows.comparison_left_out import plain
from adaptprint.workflows.inputs import fingerprint

CELLS, SOURCES = "cells", "sources"
Content = dict[str, Any]


def cell_fingerprint(cell: Cell, digest: str) -> str:
    """Digest of everything that decides a cell's content.

    Args:
        cell: The cell.
        digest: Of the printer's frames and source model, and of where and how it is computed.
    """
    settings = cell.recipe.recipe.model_dump(mode="json")
    return fingerprint(digest, settings, cell.share, cell.seed, cell.adapt_prints, cell.test_prints)


def save_cell(folder: Path, content: Content) -> None:
    """Writes a finished cell, whole or not at all."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, default=float)
    write_atomic(folder / CELLS / cell_name(content), (text + "\n").encode())


def saved_cell(folder: Path, cell: Cell, digest: str) -> Content | None:
    """A cell that was finished earlier; ``None`` where there is none, or one of other data or settings."""
    known = {"printer": cell.printer, "recipe": cell.recipe.name, "bad_share": cell.share, "seed": cell.seed}
    try:
        content: Content = json.loads((folder / CELLS / cell_name(known)).read_text(encoding="utf-8"))
        return content if content["fingerprint"] == cell_fingerprint(cell, digest) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def cell_name(content: Content) -> str:
    """Name of a cell's file: ``PRINTER.RECIPE.share-SHARE.seed-SEED.json``."""
    share = content["bad_share"]
    share = share if isinstance(share, str) else f"{share:g}"
    return f"{plain(content['printer'])}.{plain(content['recipe'])}.share-{share}.seed-{content['seed']}.json"


def take_over(finished: Path, scratch: Path) -> None:
    """Makes the cells and source models of a finished comparison those of one that goes on.

    What the unfinished one has already stays; nothing of the finished one is touched.
    """
    for kind in (CELLS, SOURCES):
        if (finished / kind).is_dir():
            copy_missing(finished / kind, scratch / kind)


def copy_missing(origin: Path, place: Path) -> None:
    """Copies entries of a folder that are not there yet, without taking room on the disk where that can be."""
    place.mkdir(parents=True, exist_ok=True)
    for entry in sorted(origin.iterdir()):
        target = place / entry.name
        if target.exists() or entry.name.startswith("."):
            continue
        if entry.is_dir():
            shutil.copytree(entry, target, copy_function=_link_or_copy)
        else:
            _link_or_copy(str(entry), str(target))


def _link_or_copy(origin: str, place: str) -> None:
    """Files here are only ever replaced, never written into, so two names may share one."""
    try:
        os.link(origin, place)
    except OSError:
        shutil.copy2(origin, place)
