"""Reads videos as prints: a frame every half second, written once as JPEG to the user's cache folder."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from adaptprint.errors import BadDataError
from adaptprint.frames.image_files import FoundFile
from adaptprint.frames.print_folders import root_name
from adaptprint.frames.table import FrameRow, FrameTable, grouped
from adaptprint.frames.video_frames import SECONDS_BETWEEN_FRAMES, UnreadableVideo, extract
from adaptprint.frames.wording import counts


def read_videos(root: Path, videos: Sequence[FoundFile], notes: Sequence[str] = ()) -> FrameTable:
    """Each video is one print; the folder it lies in is its printer.

    Args:
        root: The folder or the video the user pointed at.
        videos: Video files in natural order.
        notes: What was noticed so far.

    Raises:
        MissingDependencyError: PyAV is not installed.
        BadDataError: None of the videos can be read.
        OutputError: The frames cannot be written to the cache folder.
    """
    stems = Counter((video.folders, video.stem) for video in videos)
    rows: list[FrameRow] = []
    said = list(notes)
    for video in videos:
        try:
            clip = extract(Path(video.path))
        except UnreadableVideo as error:
            said.append(f"{video.relative} left out: {error.reason}.")
            continue
        if clip.cut_short:
            said.append(f"{video.relative} is damaged; it was read up to second {clip.frames[-1][0]:.0f}.")
        printer = video.folders[0] if video.folders else root_name(root) if root.is_dir() else video.stem
        title = video.stem if stems[video.folders, video.stem] == 1 else video.name
        print_id = "/".join((*video.folders[1:], title))
        for seconds, file in clip.frames:
            rows.append(FrameRow(file, f"{video.relative}/{Path(file).name}", printer, print_id, seconds))
    if not rows:
        raise BadDataError(
            f"No video in {root} can be read: {said[len(notes)]}",
            "Check that it plays, or export it again as mp4.",
        )
    data = grouped(rows)
    first = f"Read as videos, a frame every {SECONDS_BETWEEN_FRAMES:g} s: {counts(data)}."
    return FrameTable(data, root, "video", (first, *said))


def single_video(path: Path) -> FoundFile:
    """The one video the user pointed at."""
    return FoundFile(str(path), (), path.name, path.stat().st_mtime)
