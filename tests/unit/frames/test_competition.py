"""The competition's CSV, as users have it and as it breaks."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adaptprint.errors import AdaptprintError, BadDataError
from adaptprint.frames.layouts import read_frames

Competition = Callable[..., Path]
Frames = Callable[..., Path]

ROWS = [
    "021/007/1678578338.5.jpg,021,007,1",
    "021/007/1678578339.0.jpg,021,007,1",
    "101/1678570000/1678570001.25.jpg,101,1678570000,0",
]


def test_ids_stay_strings_and_labels_become_class_names(competition: Competition) -> None:
    table = read_frames(competition(ROWS))
    assert table.layout == "competition"
    assert table.printers == ["021", "101"]
    assert table.prints["print"].to_list() == ["007", "1678570000"]
    assert table.data["label"].to_list() == ["under_extrusion", "under_extrusion", "good"]
    assert table.data["time"].to_list() == [1678578338.5, 1678578339.0, 1678570001.25]
    assert all(Path(path).is_file() for path in table.paths)
    assert "3 frames, 2 prints, 2 printers" in table.notes[0]


@pytest.mark.parametrize(("written", "on_disk"), [("021", "21"), ("21", "021"), ("7", "0007")])
def test_a_zero_padded_folder_is_found_under_both_spellings(
    competition: Competition, frames: Frames, written: str, on_disk: str
) -> None:
    frames(f"images/{on_disk}/1/a.jpg")
    table = read_frames(competition([f"{written}/1/a.jpg,021,1,0"], images=False))
    assert table.printers == ["021"]
    assert table.data["name"].to_list() == [f"{written}/1/a.jpg"]
    assert f"{os.sep}{on_disk}{os.sep}" in table.paths[0]


def test_images_may_lie_beside_the_csv(competition: Competition, frames: Frames) -> None:
    frames("021/1/a.jpg")
    assert len(read_frames(competition(["021/1/a.jpg,021,1,0"], images=False))) == 1


def test_the_csv_itself_can_be_named_and_extra_columns_do_not_matter(competition: Competition, frames: Frames) -> None:
    root = competition(["a.jpg,yes,P1,p,1"], header="img_path,sunny,printer_id,print_id,has_under_extrusion")
    table = read_frames(root / "train.csv")
    assert table.classes == ["under_extrusion"]


def test_a_csv_without_labels_is_read_and_its_labels_are_null(competition: Competition) -> None:
    root = competition(["a.jpg,P1,p"], header="img_path,printer_id,print_id")
    table = read_frames(root)
    assert not table.labelled
    with pytest.raises(BadDataError, match="Labels are needed, but no frame has one"):
        read_frames(root, labels="required")


def test_a_column_named_label_holds_class_names(competition: Competition) -> None:
    rows = ["a.jpg,P1,p,stringing", "b.jpg,P1,q,ok", "c.jpg,P1,r,"]
    root = competition(rows, header="img_path,printer_id,print_id,label")
    assert read_frames(root).data["label"].to_list() == ["stringing", "ok", None]
    known = read_frames(root, classes=["good", "stringing"])
    assert known.data["label"].to_list() == ["stringing", "good", None]
    with pytest.raises(BadDataError, match="only 2 of 3 frames have one"):
        read_frames(root, labels="required")


def test_numbers_are_places_among_other_classes(competition: Competition) -> None:
    root = competition(["a.jpg,P1,p,2"], header="img_path,printer_id,print_id,label")
    assert read_frames(root, classes=["cat", "dog", "horse"]).classes == ["horse"]


def test_ignored_labels_are_never_parsed(competition: Competition) -> None:
    root = competition(["a.jpg,P1,p,nonsense", "b.jpg,P1,p,17"])
    table = read_frames(root, labels="ignored")
    assert table.data["label"].to_list() == [None, None]
    with pytest.raises(BadDataError, match="'nonsense' in column has_under_extrusion is no known label"):
        read_frames(root)


def test_a_semicolon_and_a_byte_order_mark_do_no_harm(competition: Competition) -> None:
    root = competition(["a.jpg,P1,p,1"])
    text = (root / "train.csv").read_text().replace(",", ";").replace("\n", "\r\n")
    (root / "train.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_frames(root).classes == ["under_extrusion"]


def test_the_only_csv_with_the_right_columns_is_taken(competition: Competition) -> None:
    root = competition(["a.jpg,P1,p,1"])
    (root / "train.csv").rename(root / "farm.csv")
    (root / "sample_submission.csv").write_text("img_path,has_under_extrusion\na.jpg,0\n")
    assert len(read_frames(root)) == 1
    (root / "other.csv").write_bytes((root / "farm.csv").read_bytes())
    with pytest.raises(BadDataError, match=r"several CSV files of frames: farm\.csv, other\.csv"):
        read_frames(root)


def test_printer_ids_that_differ_by_zeros_are_noted(competition: Competition) -> None:
    table = read_frames(competition(["a.jpg,021,1,0", "b.jpg,21,1,0"]))
    assert any("021 and 21 differ only by leading zeros" in note for note in table.notes)


def test_names_with_spaces_quotes_newlines_and_unicode_work(competition: Competition, frames: Frames) -> None:
    names = ["a b.jpg", 'say "hi".jpg', "zwei\nzeilen.jpg", "日本語 ü.jpg"]
    frames(*names)
    rows = ['"' + name.replace('"', '""') + f'",P {at},p,0' for at, name in enumerate(names)]
    table = read_frames(competition(rows, images=False))
    assert table.data["name"].to_list() == names


@pytest.mark.parametrize("name", ["../x.jpg", "a/../../x.jpg", "/etc/passwd", "C:\\x.jpg", "..\\x.jpg", "."])
def test_a_path_out_of_the_folder_is_refused(competition: Competition, name: str) -> None:
    with pytest.raises(BadDataError, match=r"line 2: img_path .* is no path inside the CSV's folder"):
        read_frames(competition([f"{name},P1,p,0"], images=False))


def test_an_absolute_path_inside_the_folder_is_read(competition: Competition, frames: Frames) -> None:
    root = frames("a.jpg")
    assert len(read_frames(competition([f"{root / 'a.jpg'},P1,p,0"], images=False))) == 1


@pytest.mark.parametrize("link", ["file", "folder"])
def test_a_link_out_of_the_folder_is_refused(
    competition: Competition, frames: Frames, tmp_path: Path, link: str
) -> None:
    root = frames("inside.jpg")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.jpg").write_bytes((root / "inside.jpg").read_bytes())
    if link == "file":
        (root / "a.jpg").symlink_to(outside / "a.jpg")
        name = "a.jpg"
    else:
        (root / "P1").symlink_to(outside)
        name = "P1/a.jpg"
    with pytest.raises(BadDataError, match="is a link that leads out"):
        read_frames(competition([f"{name},P1,p,0"], images=False))


def test_missing_images_are_counted_and_the_first_is_named(competition: Competition, frames: Frames) -> None:
    frames("images/a.jpg")
    root = competition(["a.jpg,P1,p,0", "gone1.jpg,P1,p,0", "gone2.jpg,P1,p,0"], images=False)
    with pytest.raises(BadDataError, match=r"2 of the 3 images .* missing, the first is gone1\.jpg") as error:
        read_frames(root)
    assert "images" in error.value.fix


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["a.jpg,,p,0"], "line 2: printer_id is empty"),
        (["a.jpg,P1,nan,0"], "line 2: print_id is empty"),
        ([",P1,p,0"], "line 2: img_path is empty"),
        (["a.jpg,P1,p,2"], "'2' in column has_under_extrusion is no known label"),
        (["a.jpg,P1,p,0", "a.jpg,P1,p,0"], r"line 3: a\.jpg stands in line 2 already"),
        (["a.jpg,P1,p"], "line 2: 3 cells, the header has 4"),
        ([], "has a header but no rows"),
    ],
)
def test_a_broken_row_is_named_with_its_line(
    competition: Competition, frames: Frames, rows: list[str], says: str
) -> None:
    frames("images/a.jpg")
    with pytest.raises(BadDataError, match=says) as error:
        read_frames(competition(rows, images=False))
    assert error.value.fix


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"img_path,printer_id,print_id\n\xff\xfe,a,b\n", "is not UTF-8 text"),
        (b"img_path,printer_id\na.jpg,P1\n", "lacks 1 column: print_id; it has img_path, printer_id"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "frames.csv"
    file.write_bytes(content)
    with pytest.raises(BadDataError, match=says):
        read_frames(file)


def refusal(file: Path, labels: Literal["required", "optional", "ignored"]) -> AdaptprintError | None:
    try:
        read_frames(file, labels=labels)
    except AdaptprintError as error:
        return error
    return None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.lists(st.lists(st.text(max_size=8), min_size=3, max_size=4), max_size=4).map(
            lambda rows: ("img_path,printer_id,print_id,label\n" + "\n".join(",".join(row) for row in rows)).encode(
                "utf-8", "surrogatepass"
            )
        ),
    ),
    labels=st.sampled_from(["required", "optional", "ignored"]),
)
def test_whatever_a_csv_holds_only_our_own_errors_come_out(
    tmp_path: Path, content: bytes, labels: Literal["required", "optional", "ignored"]
) -> None:
    file = tmp_path / "frames.csv"
    file.write_bytes(content)
    error = refusal(file, labels)
    assert error is None or (error.cause and error.fix)
