"""Tells from folder names alone which level of a folder tree names printers, prints or classes."""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass

from adaptprint.frames.class_names import class_called, is_usual_class_name
from adaptprint.frames.frame_times import time_in_name

WRAPPERS = frozenset({"images", "image", "imgs", "img", "frames", "snapshots"})
SPLITS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})

Folders = tuple[str, ...]

_BINARY = frozenset({"0", "1"})
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True)
class FolderShape:
    """Where to look in a frame's folders.

    Attributes:
        skip: Leading levels that name nothing (``images/``) or a split (``train/``).
        class_level: The level that names the class, or None.
        why: How the class level was recognised, as a clause.
    """

    skip: int
    class_level: int | None = None
    why: str = ""


def recognise(
    folders: Set[Folders], *, classes: Sequence[str] | None, labels_required: bool, forced: bool = False
) -> FolderShape:
    """Finds the level of the class names, if there is one.

    What decides, in this order: the model's class names, usual class names (good, spaghetti ...), the same
    names below several printers (unless the model's classes are known to be others: two printers may have
    printed the same things), and, where the caller asks for labels, whatever the names are, but for the
    numbers and times that prints are named by.

    Args:
        folders: The folders that hold images, as tuples of names below the root.
        classes: The classes of the checkpoint at hand.
        labels_required: Whether the caller cannot go on without labels.
        forced: Whether the caller said that these are class folders.
    """
    skip = _leading_levels(folders)
    depth = max(len(parts) for parts in folders)
    for level in range(skip, depth):
        names = {parts[level] for parts in folders if len(parts) > level}
        if classes and all(class_called(name, classes) for name in names):
            return FolderShape(skip, level, "by the classes of the model")
        if all(is_usual_class_name(name) for name in names):
            return FolderShape(skip, level, "by their names")
    if _repeats_below_printers(folders, skip, classes, labels_required=labels_required, forced=forced):
        return FolderShape(skip, skip + 1, "because the same names stand below several printers")
    if depth > skip and (forced or (labels_required and _may_be_classes(folders, skip))):
        return FolderShape(skip, skip, "as asked" if forced else "because labels are needed")
    return FolderShape(skip)


def split_of(folders: Folders, skip: int) -> Folders:
    """The splits among the leading levels; they keep prints of the same name in two splits apart."""
    return tuple(name for name in folders[:skip] if name.casefold() in SPLITS)


def _leading_levels(folders: Set[Folders]) -> int:
    """How many leading levels name neither printer, print nor class."""
    skip = 0
    while all(len(parts) > skip for parts in folders):
        names = {parts[skip].casefold() for parts in folders}
        if not (names <= SPLITS or (len(names) == 1 and names <= WRAPPERS)):
            break
        skip += 1
    return skip


def _repeats_below_printers(
    folders: Set[Folders], skip: int, classes: Sequence[str] | None, *, labels_required: bool, forced: bool
) -> bool:
    """Whether two or more printers hold the same two or more folders, which are no numbered prints."""
    below: dict[str, set[str]] = {}
    for parts in folders:
        if len(parts) > skip + 1:
            below.setdefault(parts[skip], set()).add(parts[skip + 1])
    names = set().union(*below.values())
    if len(names) < 2 or sum(inside == names for inside in below.values()) < 2:
        return False
    if forced or labels_required:
        return forced or not _names_prints(names)
    return not classes and not any(letter.isdigit() for name in names for letter in name)


def _may_be_classes(folders: Set[Folders], skip: int) -> bool:
    """Whether the first level is neither surely prints nor surely printers: prints below, numbers in names (MK3)."""
    names = {parts[skip] for parts in folders if len(parts) > skip}
    has_prints = any(len(parts) > skip + 1 for parts in folders)
    numbered = all(any(letter.isdigit() for letter in name) for name in names)
    return names <= _BINARY or not (_names_prints(names) or (has_prints and numbered))


def _names_prints(names: Set[str]) -> bool:
    """Whether all names are numbers or times, as ids of prints are; 0 and 1 may be the classes of labels."""
    return not names <= _BINARY and all(_NUMBER.fullmatch(name) or time_in_name(name) is not None for name in names)
