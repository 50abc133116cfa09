"""Finds the image file that a CSV's img_path means, and refuses paths that lead out of the CSV's folder."""

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

from adaptprint.errors import BadDataError

Parts = tuple[str, ...]


class MissingImage(Exception):  # noqa: N818 - the reader collects these and raises one error
    """No such image."""


class ImagePaths:
    """Images in the ``images`` folder of a CSV or beside it. Folders are listed once, not asked per file.

    Args:
        folder: The folder of the CSV.
    """

    def __init__(self, folder: Path) -> None:
        self._root = folder.absolute()
        self._real_root = os.path.realpath(self._root)
        self._listings: dict[Path, dict[str, bool]] = {}
        self._places: dict[Parts, list[Path]] = {}
        self._inside: dict[Path, bool] = {}

    def find(self, name: str, where: str) -> str:
        """Absolute path of the image that ``name`` means.

        Args:
            name: The cell img_path.
            where: File and line, for errors.

        Raises:
            MissingImage: There is none.
            BadDataError: The path leads out of the folder.
        """
        *folders, file = self._parts(name, where)
        for place in self._spellings(tuple(folders)):
            listing = self._listing(place)
            spelled = file if file in listing else file.strip()
            if spelled not in listing:
                continue
            path = place / spelled
            if not self._is_inside(place) or (listing[spelled] and not self._is_inside(path)):
                raise BadDataError(
                    f"{where}: img_path {name!r} is a link that leads out of the CSV's folder.",
                    "Copy the images into the CSV's folder instead of linking to them.",
                )
            return str(path)
        raise MissingImage

    def _parts(self, name: str, where: str) -> Parts:
        path = PurePosixPath(name)
        if "\\" in name and "/" not in name:  # written on Windows
            path = PurePosixPath(PureWindowsPath(name).as_posix())
        if path.is_absolute() and path.is_relative_to(self._root):
            path = path.relative_to(self._root)
        if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts or not path.parts:
            raise BadDataError(
                f"{where}: img_path {name!r} is no path inside the CSV's folder.",
                "Write paths relative to the CSV's folder, without `..`.",
            )
        return path.parts

    def _spellings(self, folders: Parts) -> list[Path]:
        """The folders that ``folders`` may mean: exact names first, then other zero padding."""
        if folders not in self._places:
            if folders:
                parents = self._spellings(folders[:-1])
                self._places[folders] = [place for parent in parents for place in self._alike(parent, folders[-1])]
            else:
                self._places[folders] = [self._root / "images", self._root]
        return self._places[folders]

    def _alike(self, parent: Path, name: str) -> list[Path]:
        inside = self._listing(parent)
        same = [name] if name in inside else []
        if _is_number(name):
            numbers = [other for other in sorted(inside) if _is_number(other) and other != name]
            same += [other for other in numbers if other.lstrip("0") == name.lstrip("0")]
        return [parent / other for other in same]

    def _listing(self, folder: Path) -> dict[str, bool]:
        """Names inside a folder, and whether each is a link; empty where there is no such folder."""
        if folder not in self._listings:
            try:
                with os.scandir(folder) as entries:
                    self._listings[folder] = {entry.name: entry.is_symlink() for entry in entries}
            except OSError:
                self._listings[folder] = {}
        return self._listings[folder]

    def _is_inside(self, path: Path) -> bool:
        """Whether the path, with all links followed, stays in the CSV's folder."""
        if path not in self._inside:
            real = os.path.realpath(path)
            self._inside[path] = os.path.commonpath([real, self._real_root]) == self._real_root
        return self._inside[path]


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()
