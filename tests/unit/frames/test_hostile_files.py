"""Whatever lies in a folder or a table: frames or our own errors come out, and memory stays bounded."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adaptprint.errors import AdaptprintError
from adaptprint.frames.csv_sheet import MAX_BYTES
from adaptprint.frames.frame_files import for_each_file
from adaptprint.frames.image_headers import MAX_FILE_BYTES, UnreadableFrame
from adaptprint.frames.layouts import LAYOUTS, read_frames
from adaptprint.frames.print_labels import read_print_labels
from adaptprint.frames.table import FrameRow, FrameTable, grouped

fuzz = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
CLASSES = ["good", "under_extrusion"]
TABLE = FrameTable(grouped([FrameRow(f"/{name}", name, "9", name) for name in ("007", "012")]), Path("p"), "prints")
cells = st.one_of(st.text(max_size=8), st.sampled_from(["007", "012", "good", "bad", "", '"', "nan"]))
# No separator and no NUL: the system takes any other name. Surrogates stand for bytes that are not UTF-8.
names = st.text(st.characters(exclude_characters="/\0", max_codepoint=0x1F600), min_size=1, max_size=12).filter(
    lambda name: name not in (".", "..")
)
levels = st.one_of(names, st.sampled_from([*CLASSES, "train", "images", "021", "21", "GOOD", "Val"]))
endings = st.sampled_from([".jpg", ".JPG", ".png", ".mp4", ".csv", ".txt", ""])


def refusal(work: Callable[[], Any]) -> AdaptprintError | None:
    """Our own error, if there is one; any other goes on and fails the test."""
    found = None
    try:
        work()
    except AdaptprintError as error:
        found = error
    assert found is None or (found.cause and found.fix and "\n" not in found.fix)
    return found


@fuzz
@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(st.lists(cells, min_size=1, max_size=3), max_size=4).map(
            lambda rows: ("print,class\n" + "\n".join(",".join(row) for row in rows)).encode("utf-8", "surrogatepass")
        ),
    )
)
def test_whatever_a_table_of_labelled_prints_holds_labels_or_our_own_errors_come_out(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "prints.csv").write_bytes(content)
    found: dict[str, str] = {}
    refusal(lambda: found.update(read_print_labels(tmp_path / "prints.csv", TABLE, CLASSES)))
    assert set(found) <= {"007", "012"}
    assert set(found.values()) <= set(CLASSES)


@fuzz
@given(
    files=st.lists(st.tuples(st.lists(levels, max_size=3), names, endings), max_size=5),
    layout=st.sampled_from([*LAYOUTS[:-1], "anything"]),
    labels=st.sampled_from(["required", "optional", "ignored"]),
    classes=st.sampled_from([None, CLASSES]),
)
def test_whatever_names_lie_in_a_folder_every_frame_is_listed_once_or_our_own_error_comes_out(
    tmp_path_factory: pytest.TempPathFactory, files: Any, layout: str, labels: Any, classes: list[str] | None
) -> None:
    root = tmp_path_factory.mktemp("tree")
    for folders, name, ending in files:
        try:
            place = root.joinpath(*folders)
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{name}{ending}").write_bytes(b"")
        except (OSError, UnicodeError):  # a name that this system does not take, or of a file and a folder
            continue
    tables: list[FrameTable] = []
    refusal(lambda: tables.append(read_frames(root, layout=layout, labels=labels, classes=classes)))
    for table in tables:
        assert len(set(table.data["name"])) == len(table) > 0
        assert all(Path(path).is_file() for path in table.paths)
        assert table.print_codes.min() == 0


def test_a_table_and_an_image_of_terabytes_are_refused_unread(tmp_path: Path) -> None:
    for name, size in (("frames.csv", MAX_BYTES), ("a.jpg", MAX_FILE_BYTES)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size + 1)
    error = refusal(lambda: read_frames(tmp_path / "frames.csv"))
    assert error is not None
    assert "larger than any real table" in error.cause
    (found,) = for_each_file([str(tmp_path / "a.jpg")], lambda _row, data: len(data))
    assert isinstance(found, UnreadableFrame)
    assert "too large" in found.reason


BOUNDED = """
import io, random, resource, sys, zlib
from PIL import Image
from adaptprint.frames.decode import decode
from adaptprint.frames.image_headers import UnreadableFrame

def tried(data):
    try:
        decode(data, (64, 64))
    except UnreadableFrame:
        pass

def chunk(kind, content):
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

random.seed(0)
kinds = []
for kind in ("JPEG", "PNG", "BMP", "WEBP"):
    file = io.BytesIO()
    Image.effect_noise((64, 64), 60).convert("RGB").save(file, kind)
    kinds.append(file.getvalue())
    tried(kinds[-1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for number in range(400):
    data = bytearray(random.choice(kinds))
    for _ in range(random.randrange(1, 5)):
        data[random.randrange(min(len(data), 64 if number % 2 else len(data)))] = random.randrange(256)
    tried(bytes(data))
text = zlib.compress(bytes(1 << 27))
for width, height in ((9000, 9000), (30000, 30000), (1 << 31, 1), (1, 1 << 31)):
    head = chunk(b"IHDR", width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0]))
    tried(kinds[1][:8] + head + chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b""))
    tried(kinds[1][:8] + head + chunk(b"zTXt", b"k\\0\\0" + text))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is counted in KiB on Linux")
def test_damaged_images_and_bombs_take_no_more_memory_than_the_largest_image_may() -> None:
    from adaptprint.frames.image_headers import MAX_DECODED_PIXELS

    command = [sys.executable, "-W", "ignore", "-c", BOUNDED]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    # Three bytes a pixel, and as much again while it is resized.
    assert int(said.stdout) < 2 * 3 * MAX_DECODED_PIXELS >> 20, said
