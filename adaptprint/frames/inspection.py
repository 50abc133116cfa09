"""What the checks know of a data set: its table, and one look at every readable frame."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.findings import MOST_EXAMPLES
from adaptprint.frames.image_headers import UnreadableFrame
from adaptprint.frames.looks import Look, look_at
from adaptprint.frames.table import FrameTable


@dataclass(frozen=True)
class Inspection:
    """A table and what its frames look like.

    Attributes:
        table: All frames.
        looks: One look for each readable frame.
        rows: The rows of ``table`` that ``looks`` belong to.
        unreadable: Row and reason of the other frames.
    """

    table: FrameTable
    looks: list[Look]
    rows: list[int]
    unreadable: dict[int, str]

    @cached_property
    def names(self) -> list[str]:
        """Frame names, by row of the table."""
        return list(self.table.data["name"])

    def examples(self, rows: Iterable[int]) -> tuple[str, ...]:
        """Names of the first few of ``rows``."""
        return tuple(self.names[row] for row in list(rows)[:MOST_EXAMPLES])

    def rows_where(self, wanted: Callable[[Look], bool]) -> list[int]:
        """Rows of the readable frames whose look is ``wanted``."""
        return [row for row, look in zip(self.rows, self.looks, strict=True) if wanted(look)]

    @cached_property
    def copies(self) -> list[list[int]]:
        """Rows of frames with the same content, for each content that occurs more than once."""
        groups: dict[str, list[int]] = {}
        for row, look in zip(self.rows, self.looks, strict=True):
            groups.setdefault(look.digest, []).append(row)
        return [rows for rows in groups.values() if len(rows) > 1]


def inspect(table: FrameTable, camera: CameraProfile, progress: Callable[[int, int], None] | None = None) -> Inspection:
    """Looks at every frame of ``table``."""
    looks: list[Look] = []
    rows: list[int] = []
    unreadable: dict[int, str] = {}
    for row, look in enumerate(look_at(table.paths, camera, progress)):
        if isinstance(look, UnreadableFrame):
            unreadable[row] = look.reason
        else:
            looks.append(look)
            rows.append(row)
    return Inspection(table, looks, rows, unreadable)
