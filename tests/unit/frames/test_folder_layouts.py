"""Folders of prints, of classes, of printers and of neither."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from adaptprint.errors import BadDataError, UsageError
from adaptprint.frames.image_files import natural_key
from adaptprint.frames.layouts import read_frames

Frames = Callable[..., Path]


def says(table_notes: tuple[str, ...], words: str) -> bool:
    return any(words in note for note in table_notes)


def test_print_folders_become_prints_of_the_folders_printer(frames: Frames) -> None:
    table = read_frames(frames("p1/a.jpg", "p1/b.PNG", "p2/c.webp", "p2/d.bmp", "p10/e.JPEG"))
    assert table.layout == "prints"
    assert table.printers == ["data"]
    assert table.prints["print"].to_list() == ["p1", "p2", "p10"]  # natural order
    assert table.notes[0] == "Read as print folders: 5 frames, 3 prints, 1 printer."


def test_two_levels_are_printer_and_print(frames: Frames) -> None:
    table = read_frames(frames("mk3/1/a.jpg", "mk3/2/a.jpg", "mk4/1/a.jpg", "mk4/2/a.jpg"))
    assert table.layout == "prints"  # numbered names below two parents are prints, not classes
    assert table.prints.select("printer", "print").rows() == [
        ("mk3", "1"),
        ("mk3", "2"),
        ("mk4", "1"),
        ("mk4", "2"),
    ]


def test_a_flat_folder_is_cut_where_times_in_names_leave_a_gap(frames: Frames) -> None:
    names = ["1678578332.5", "1678578391", "1678579000.25", "1678579001"]
    table = read_frames(frames(*(f"{name}.jpg" for name in names)))
    assert table.prints["n_frames"].to_list() == [2, 2]
    assert table.prints["print"].to_list() == ["1678578332.5", "1678579000.25"]  # named after the first frame
    assert says(table.notes, "cut into 2 prints by gaps in file times")


def test_without_times_in_names_the_file_times_cut(frames: Frames) -> None:
    root = frames("a.jpg", "b.jpg", "c.jpg")
    for name, time in (("a.jpg", 1000.0), ("b.jpg", 2000.0), ("c.jpg", 1030.0)):
        os.utime(root / name, (time, time))
    table = read_frames(root)
    assert table.data["name"].to_list() == ["a.jpg", "c.jpg", "b.jpg"]
    assert table.prints["n_frames"].to_list() == [2, 1]


def test_a_flat_folder_without_gaps_is_one_print(frames: Frames) -> None:
    table = read_frames(frames("frame000001.jpg", "frame000002.jpg"))
    assert table.prints["print"].to_list() == ["data"]
    assert says(table.notes, "count as one print")


def test_usual_class_names_make_class_folders_and_times_cut_them(frames: Frames) -> None:
    table = read_frames(
        frames(
            "good/1678578332.jpg",
            "good/1678578333.jpg",
            "good/1678589000.jpg",
            "under_extrusion/1678578400.jpg",
        )
    )
    assert table.layout == "classes"
    assert table.classes == ["good", "under_extrusion"]
    assert table.prints["n_frames"].to_list() == [2, 1, 1]
    assert not table.labels_vary_inside_prints
    assert says(table.notes, "cut into 3 prints")


def test_class_folders_without_times_count_each_image_as_a_print_and_say_so(frames: Frames) -> None:
    table = read_frames(frames("good/a.jpg", "good/b.jpg", "bad/a.jpg"))
    assert table.prints.height == 3
    assert says(table.notes, "3 images without a print folder or a time in the name count as one print each")


def test_prints_below_class_folders_are_kept_apart_by_class(frames: Frames) -> None:
    table = read_frames(frames("good/1/a.jpg", "good/1/b.jpg", "bad/1/a.jpg"))
    assert table.prints["print"].to_list() == ["bad/1", "good/1"]
    assert not table.labels_vary_inside_prints


def test_class_folders_below_printers_are_recognised_by_repeating(frames: Frames) -> None:
    table = read_frames(frames("photo/dog/a.jpg", "photo/cat/a.jpg", "art/dog/a.jpg", "art/cat/a.jpg"))
    assert table.layout == "classes"
    assert table.printers == ["art", "photo"]
    assert table.classes == ["cat", "dog"]


def test_the_classes_of_the_model_decide_and_give_the_spelling(frames: Frames) -> None:
    root = frames("Under Extruded/a.jpg", "OK/b.jpg")
    table = read_frames(root, classes=["good", "under_extrusion"])
    assert table.classes == ["good", "under_extrusion"]
    assert says(table.notes, "OK as good")
    unknown = frames("dog/a.jpg")
    assert read_frames(unknown).layout == "prints"
    assert read_frames(unknown / "dog", classes=["dog"]).layout == "prints"


def test_the_same_print_names_on_two_printers_are_no_classes_of_a_model_that_has_others(
    frames: Frames,
) -> None:
    root = frames("A/benchy/a.jpg", "A/cube/a.jpg", "B/benchy/a.jpg", "B/cube/a.jpg")
    table = read_frames(root, labels="ignored", classes=["good", "under_extrusion"])
    assert table.layout == "prints"
    assert table.prints.height == 4


def test_needed_labels_make_unknown_folders_classes(frames: Frames) -> None:
    root = frames("dog/a.jpg", "cat/b.jpg")
    assert read_frames(root).layout == "prints"
    assert read_frames(root, classes=["cat", "dog"]).classes == ["cat", "dog"]
    assert read_frames(root, labels="required").classes == ["cat", "dog"]
    assert read_frames(root, layout="classes").classes == ["cat", "dog"]
    with pytest.raises(BadDataError, match="none of the model's classes: cat, dog"):
        read_frames(root, labels="required", classes=["good", "bad"])


def test_numbered_printers_are_never_taken_for_classes(frames: Frames) -> None:
    root = frames("101/1678578332/a.jpg", "102/1678579000/a.jpg")
    with pytest.raises(BadDataError, match="no frame has one"):
        read_frames(root, labels="required")


@pytest.mark.parametrize(
    "names",
    [
        ("1673034918", "1673025450"),
        ("1673034918.5", "1673025450.25"),
        ("1", "2", "3"),
        ("2024-05-01 12-30-05", "20240501_133005"),
        ("images/1673034918", "images/1673025450"),
    ],
)
def test_needed_labels_make_no_classes_of_numbers_and_times(frames: Frames, names: tuple[str, ...]) -> None:
    root = frames(*(f"{name}/{frame}.jpg" for name in names for frame in "ab"))
    with pytest.raises(BadDataError, match="no frame has one") as refusal:
        read_frames(root, labels="required")
    assert "--layout classes" in refusal.value.fix
    assert set(read_frames(root, layout="classes").classes) == {name.split("/")[-1] for name in names}


def test_numbered_prints_below_the_classes_stay_prints(frames: Frames) -> None:
    root = frames("left/1/a.jpg", "left/2/a.jpg", "right/1/a.jpg", "right/2/a.jpg")
    assert read_frames(root, labels="required").classes == ["left", "right"]


def test_folders_named_zero_and_one_may_be_the_classes(frames: Frames) -> None:
    root = frames("a/0/a.jpg", "a/1/a.jpg", "b/0/a.jpg", "b/1/a.jpg")
    for folder in (root / "a", root):
        assert read_frames(folder, labels="required").classes == ["0", "1"]


def test_numbers_are_classes_of_a_model_that_has_them(frames: Frames) -> None:
    root = frames("3/a.jpg", "7/a.jpg")
    assert read_frames(root, labels="required", classes=["3", "7"]).classes == ["3", "7"]


def test_ignoring_labels_changes_nothing_but_the_labels(frames: Frames) -> None:
    root = frames("P1/good/1/a.jpg", "P1/bad/2/a.jpg", "P2/good/1/a.jpg")
    table = read_frames(root)
    assert table.labelled
    ignored = read_frames(root, labels="ignored")
    assert ignored.data["label"].null_count() == 3
    assert ignored.data.equals(table.without_labels().data)


def test_split_folders_and_image_folders_name_no_printer(frames: Frames) -> None:
    table = read_frames(frames("train/good/1/a.jpg", "val/good/1/a.jpg", "val/bad/2/a.jpg"))
    assert table.printers == ["data"]
    assert table.prints["print"].to_list() == ["train/good/1", "val/bad/2", "val/good/1"]


def test_a_folder_named_images_is_passed_through(frames: Frames) -> None:
    table = read_frames(frames("images/p1/a.jpg", "images/p2/b.jpg"))
    assert table.prints.select("printer", "print").rows() == [("data", "p1"), ("data", "p2")]


def test_hidden_and_system_files_are_not_frames(frames: Frames) -> None:
    root = frames("p/a.jpg", ".cache/b.jpg", "__MACOSX/c.jpg", "p/.d.jpg")
    (root / "Thumbs.db").write_bytes(b"x")
    assert read_frames(root).data["name"].to_list() == ["p/a.jpg"]


def test_files_come_in_natural_order() -> None:
    names = ["frame10", "frame2", "Frame1", "frame02", "x" + "9" * 5000]
    assert sorted(names, key=natural_key) == ["Frame1", "frame02", "frame2", "frame10", "x" + "9" * 5000]


@pytest.mark.parametrize("name", ["a b.jpg", "q\"uote'.jpg", "new\nline.jpg", "ünï-日本.jpg", "%s{}.jpg", "-rf.jpg"])
def test_odd_file_names_are_read(frames: Frames, name: str) -> None:
    assert read_frames(frames(f"p/{name}")).data["name"].to_list() == [f"p/{name}"]


def test_a_name_that_is_not_utf8_is_left_out_and_noted(frames: Frames) -> None:
    root = frames("a.jpg")
    bad = os.fsencode(root) + b"/\xff\xfe.jpg"
    try:
        with open(bad, "wb") as file:  # noqa: PTH123
            file.write((root / "a.jpg").read_bytes())
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    table = read_frames(root)
    assert len(table) == 1
    assert says(table.notes, "not valid UTF-8")


def test_link_loops_end_and_a_linked_folder_is_read_once(frames: Frames) -> None:
    root = frames("p/a.jpg")
    (root / "p" / "loop").symlink_to(root)
    (root / "a_link").symlink_to(root / "p")
    (root / "self.jpg").symlink_to(root / "self.jpg")
    assert read_frames(root).data["name"].to_list() == ["p/a.jpg"]


def test_a_missing_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match="does not exist"):
        read_frames(tmp_path / "nowhere")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match="is empty"):
        read_frames(tmp_path)


def test_a_folder_without_images_says_what_was_seen(tmp_path: Path) -> None:
    (tmp_path / "a.gcode").write_text("G1")
    (tmp_path / "b.gcode").write_text("G1")
    with pytest.raises(BadDataError, match=r"holds no images \(seen: 2 \.gcode\)"):
        read_frames(tmp_path)


@pytest.mark.parametrize(("name", "fix"), [("a.txt", "folder of images"), ("a.zip", "Unpack"), ("a.jpg", "its folder")])
def test_a_file_of_another_kind_is_refused_with_a_fix(tmp_path: Path, name: str, fix: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(BadDataError, match="is not a file that frames can be read from") as error:
        read_frames(tmp_path / name)
    assert fix in error.value.fix


def test_an_unknown_layout_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'clases'") as error:
        read_frames(tmp_path, layout="clases")
    assert "'classes'" in error.value.fix


@pytest.mark.parametrize(
    ("layout", "says_what"),
    [("competition", "no CSV with the columns"), ("video", "no video"), ("classes", "no class")],
)
def test_a_forced_layout_that_does_not_fit_is_refused(frames: Frames, layout: str, says_what: str) -> None:
    with pytest.raises(BadDataError, match=says_what):
        read_frames(frames("a.jpg"), layout=layout)


def test_relative_paths_and_the_current_folder_work(frames: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(frames("a.jpg"))
    table = read_frames(".")
    assert table.printers == ["data"]
    assert Path(table.paths[0]).is_absolute()


def test_reading_and_checking_frames_needs_no_torch() -> None:
    code = "import sys, adaptprint.frames.pixels, adaptprint.frames.checks, adaptprint.frames.layouts; "
    run = subprocess.run([sys.executable, "-c", code + "sys.exit('torch' in sys.modules)"], check=False)
    assert run.returncode == 0
