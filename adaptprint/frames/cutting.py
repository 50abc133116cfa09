"""Cuts the frames of one folder into prints by their times, where no folder tells the prints apart."""

from collections.abc import Sequence
from dataclasses import dataclass

from adaptprint.frames.frame_times import cut_at_gaps, time_in_name
from adaptprint.frames.image_files import FoundFile
from adaptprint.frames.table import FrameRow


@dataclass(frozen=True)
class Piece:
    """The frames of one print in order.

    Attributes:
        print: The print's id.
        files: Its frames.
        times: Seconds, one for each file; None where unknown.
    """

    print: str
    files: list[FoundFile]
    times: list[float | None]

    def rows(self, printer: str, label: str | None = None) -> list[FrameRow]:
        """The frames as rows of a table."""
        return [
            FrameRow(file.path, file.relative, printer, self.print, time, label)
            for file, time in zip(self.files, self.times, strict=True)
        ]


def whole(print_id: str, files: Sequence[FoundFile]) -> Piece:
    """All files as one print, in order of the times in their names where every name holds one."""
    timed = [(time_in_name(file.stem), file) for file in files]
    if all(time is not None for time, _ in timed):
        timed.sort(key=lambda pair: pair[0] or 0.0)
    return Piece(print_id, [file for _, file in timed], [time for time, _ in timed])


def cut_by_name_times(files: Sequence[FoundFile], name: str) -> list[Piece]:
    """Prints of the files whose names hold a time; the others are left to the caller.

    Args:
        files: Frames of one folder.
        name: Id of the print where there is only one; otherwise ids begin with it.
    """
    timed = [(time, file) for file in files if (time := time_in_name(file.stem)) is not None]
    return _cut(timed, name, f"{name}/")


def cut_by_all_times(files: Sequence[FoundFile], name: str) -> list[Piece]:
    """Prints of all files, by the times in their names or, where there is none, of the file's last change.

    The two kinds of time are never mixed: frames with and without a time in their name are cut apart.

    Args:
        files: Frames of one flat folder.
        name: Id of the print where there is only one; otherwise prints are called after their first frame.
    """
    timed = [(time, file) for file in files if (time := time_in_name(file.stem)) is not None]
    dated = [(file.mtime, file) for file in files if time_in_name(file.stem) is None]
    if not timed or not dated:
        return _cut(timed or dated, name, "")
    return _cut(timed, None, "") + _cut(dated, None, "")


def _cut(timed: list[tuple[float, FoundFile]], name: str | None, prefix: str) -> list[Piece]:
    timed = sorted(timed, key=lambda pair: pair[0])  # stable: equal times keep their natural order
    numbers = cut_at_gaps([time for time, _ in timed])
    count = numbers[-1] + 1 if numbers else 0
    members: list[list[tuple[float, FoundFile]]] = [[] for _ in range(count)]
    for number, pair in zip(numbers, timed, strict=True):
        members[number].append(pair)
    if count == 1 and name is not None:
        names = [name]
    else:
        names = [f"{prefix}{pairs[0][1].stem}" for pairs in members]
        if len(set(names)) < count:  # a.jpg and a.png
            names = [f"{prefix}{pairs[0][1].name}" for pairs in members]
    return [
        Piece(print_id, [file for _, file in pairs], [time for time, _ in pairs])
        for print_id, pairs in zip(names, members, strict=True)
    ]
