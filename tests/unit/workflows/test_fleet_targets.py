"""Which printers a user means by a list, a mapping, a glob, a root folder or a fleet file."""

import os
import sys
from pathlib import Path

import pytest

from adaptprint.errors import UsageError
from adaptprint.workflows.fleet_file import open_fleet
from adaptprint.workflows.fleet_targets import find_targets, named


@pytest.fixture
def halls(tmp_path):
    """Two printers in one hall, one in another; a hidden folder and a text file beside them."""
    for place in ("north/mk4", "north/ender 12", "south/mk4", "north/.trash"):
        (tmp_path / "halls" / place).mkdir(parents=True)
    (tmp_path / "halls/north/notes.txt").touch()
    return tmp_path


def names(given, base):
    return [name for name, _ in named(find_targets(given, base))]


def test_each_subfolder_of_a_root_is_a_printer(halls):
    assert names("halls/north", halls) == names(halls / "halls/north", halls) == ["ender 12", "mk4"]


def test_a_glob_finds_printers_and_those_of_the_same_name_are_kept_apart(halls):
    assert names("halls/*/mk4", halls) == names(["halls/*/mk4"], halls) == ["north-mk4", "south-mk4"]
    assert names(["halls/north/mk4", "halls/north/mk4"], halls) == ["north-mk4", "north-mk4-2"]
    assert names(f"{halls}/halls/north/*", halls) == ["ender 12", "mk4"]


def test_a_link_counts_by_its_own_name(halls):
    (halls / "link").symlink_to(halls / "halls/north/mk4")
    assert names(["link", "halls/north/mk4"], halls) == ["link", "mk4"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such names")
def test_a_name_that_is_no_utf_8_is_replaced_by_one_that_is(tmp_path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")).mkdir()
    (name,) = names(str(tmp_path), tmp_path)
    assert name.startswith("caf-")
    assert name.isascii()


def test_a_folder_with_brackets_in_its_name_is_no_glob(tmp_path):
    (tmp_path / "old [2]" / "mk4").mkdir(parents=True)
    assert names("old [2]", tmp_path) == ["mk4"]
    assert names(["old [2]"], tmp_path) == ["old [2]"]
    assert names("m*", tmp_path / "old [2]") == ["mk4"]


def test_the_csv_of_a_root_names_its_printers(tmp_path, write_csv):
    write_csv(tmp_path / "farm" / "train.csv", [(f"{number}.jpg", f"0{number}", "p", 0) for number in (2, 1)])
    for number in (1, 2):
        (tmp_path / "farm" / f"{number}.jpg").touch()
    targets = find_targets("farm", tmp_path)
    assert [(target.path, target.printer) for target in targets] == [
        (str(tmp_path / "farm"), "02"), (str(tmp_path / "farm"), "01"),
    ]  # fmt: skip
    assert names("farm", tmp_path) == ["02", "01"]


def test_a_mapping_names_printers_and_holds_their_own_settings(halls):
    given = {"a": "halls/north/mk4", "b": {"path": Path("halls/south/mk4"), "crop": [0, 0, 0.5, 1], "labels": "b.csv"}}
    (a, first), (b, second) = named(find_targets(given, halls))
    assert (a, first.camera, first.path) == ("a", None, str(halls / "halls/north/mk4"))
    assert (b, second.camera.crop, second.labels) == ("b", (0, 0, 0.5, 1), str(halls / "b.csv"))


@pytest.mark.parametrize("name", ["", ".", "..", ".fleet", "a/b", "/"])
def test_a_name_that_is_no_folder_is_refused(name):
    with pytest.raises(UsageError, match="cannot name a run folder"):
        named(find_targets({name: "frames"}, Path()))


def test_a_printer_id_that_is_no_folder_gets_a_name_that_is_one():
    (name, target), = named(find_targets([{"path": "farm", "printer": "../9"}], Path()))  # fmt: skip
    assert target.printer == "../9"
    assert "/" not in name
    assert not name.startswith(".")


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ("halls/*/none", "matches"),
        ("gone", "does not exist"),
        ("halls/north/mk4", "no root of printers"),
        ([{"path": "a", "name": "x"}, {"path": "b", "name": "x"}], "two targets"),
        ([{"path": "a", "colour": 3}], "unknown key `colour`"),
        ([], "no targets"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_fix(given, word, halls):
    with pytest.raises(UsageError, match=word) as caught:
        named(find_targets(given, halls))
    assert caught.value.fix


def test_a_rotation_that_no_camera_has_is_refused(tmp_path):
    (target,) = find_targets([{"path": "a", "rotate": 45}], tmp_path)
    with pytest.raises(UsageError, match="rotate"):
        _ = target.camera


def test_a_table_of_the_fleet_file_overrides_what_its_glob_found(halls):
    (halls / "fleet.toml").write_text(
        'source = "ckpt"\ntargets = "halls/north/*"\nrecipe = "own.toml"\n'
        '[[target]]\npath = "halls/north/mk4"\ntarget_prior = "all-good"\nflip = "both"\n'
        '[[target]]\npath = "halls/south/mk4"\nname = "other"\n'
    )
    fleet = open_fleet(halls / "fleet.toml")
    found = named(fleet.targets)
    assert [name for name, _ in found] == ["ender 12", "mk4", "other"]
    assert [target.target_prior for _, target in found] == [None, "all-good", None]
    assert found[1][1].camera.flip == "both"
    assert (fleet.source, fleet.out, fleet.recipe) == (halls / "ckpt", halls / "fleet", str(halls / "own.toml"))
