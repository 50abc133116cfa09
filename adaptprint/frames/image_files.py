"""Finds the image files below a folder, in natural order, whatever else lies there."""

import os
import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adaptprint.frames.wording import plural

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mkv", ".mov", ".mjpeg", ".mjpg", ".m4v", ".webm"})
_NO_DATA = frozenset({"__macosx", "thumbs.db", "desktop.ini"})

NaturalKey = tuple[tuple[str | tuple[int, str], ...], str]


@dataclass(frozen=True)
class FoundFile:
    """One file.

    Attributes:
        path: Absolute path (links are kept, not resolved).
        folders: Names of the folders between the root and the file.
        name: File name.
        mtime: Time of last change, unix seconds.
    """

    path: str
    folders: tuple[str, ...]
    name: str
    mtime: float

    @property
    def relative(self) -> str:
        """The path below the root, with forward slashes."""
        return "/".join((*self.folders, self.name))

    @property
    def stem(self) -> str:
        """The file name without its image suffix."""
        return self.name.rpartition(".")[0]


@dataclass(frozen=True)
class Found:
    """What lies below a folder.

    Attributes:
        images: Image files in natural order.
        videos: Video files in natural order.
        others: How many files of each other suffix were seen.
        notes: What was left out, one sentence each.
    """

    images: list[FoundFile]
    videos: list[FoundFile]
    others: Counter[str]
    notes: tuple[str, ...]


def natural_key(text: str) -> NaturalKey:
    """Orders ``frame2`` before ``frame10``; texts that differ only in case or leading zeros still differ."""
    pieces = re.split(r"([0-9]+)", text.casefold())
    # Numbers compare by length, then by digits: no conversion, so a thousand digits do no harm.
    numbers = [piece.lstrip("0") for piece in pieces]
    key = tuple((len(n), n) if at % 2 else piece for at, (piece, n) in enumerate(zip(pieces, numbers, strict=True)))
    return key, text


def find_files(root: Path) -> Found:
    """Lists images and videos below ``root``; hidden files, system folders and link loops are passed over.

    Args:
        root: An existing folder, as an absolute path.

    Returns:
        Files in natural order of their folders and names.
    """
    images: list[FoundFile] = []
    videos: list[FoundFile] = []
    others: Counter[str] = Counter()
    unlisted: list[str] = []
    misnamed: list[str] = []
    for entry, folders in _walk(root, unlisted):
        suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 - a Path per file is slow
        if suffix not in IMAGE_SUFFIXES and suffix not in VIDEO_SUFFIXES:
            others[suffix or "no suffix"] += 1
            continue
        if not _is_text(entry.path):
            misnamed.append(suffix)
            continue
        try:
            mtime = entry.stat().st_mtime
        except OSError:  # deleted since it was listed
            continue
        found = FoundFile(entry.path, folders, entry.name, mtime)
        (images if suffix in IMAGE_SUFFIXES else videos).append(found)
    notes = []
    if unlisted:
        notes.append(f"{plural(len(unlisted), 'folder')} could not be opened, the first is {unlisted[0]}.")
    if misnamed:
        notes.append(f"{plural(len(misnamed), 'file')} left out: the name is not valid UTF-8.")
        if not images:
            others["files whose name is not UTF-8"] = len(misnamed)
    return Found(_in_order(images), _in_order(videos), others, tuple(notes))


def _in_order(files: list[FoundFile]) -> list[FoundFile]:
    """By folders, then by names, in natural order."""
    keys = {folders: [natural_key(name) for name in folders] for folders in {file.folders for file in files}}
    return sorted(files, key=lambda file: (keys[file.folders], natural_key(file.name)))


def _walk(root: Path, unlisted: list[str]) -> Iterator[tuple["os.DirEntry[str]", tuple[str, ...]]]:
    """Every plain file below ``root`` and its folders; adds folders that do not open to ``unlisted``."""
    seen: set[tuple[int, int]] = set()
    waiting: deque[tuple[str, tuple[str, ...]]] = deque([(str(root), ())])
    while waiting:
        folder, parts = waiting.popleft()
        try:
            status = os.stat(folder)  # noqa: PTH116
            if (status.st_dev, status.st_ino) in seen:
                continue  # a link back to a folder that was already read
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            unlisted.append("/".join(parts) or folder)
            continue
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower() in _NO_DATA:
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    waiting.appendleft((entry.path, (*parts, entry.name)))
                elif entry.is_dir():  # links come last: a folder is called by its own name where it has one
                    waiting.append((entry.path, (*parts, entry.name)))
                elif entry.is_file():
                    yield entry, parts
            except OSError:  # a link that points to itself
                continue


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
