"""The digest that decides whether a run is up to date: every part of it counts, and nothing else."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from adaptprint.adaptation.prior import parse_prior
from adaptprint.adaptation.recipe import load_recipe
from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.layouts import read_frames
from adaptprint.workflows import run_inputs
from adaptprint.workflows.run_inputs import SourceStamp, inputs_digest, options_given


@pytest.fixture
def frames(tmp_path):
    """Two prints of one frame each; nobody opens them."""
    for name in ("a/1.jpg", "b/1.jpg"):
        (tmp_path / "mk4" / name).parent.mkdir(parents=True)
        (tmp_path / "mk4" / name).write_bytes(b"frame")
    (tmp_path / "labels.csv").write_text("print,class\na,good\n")
    return tmp_path / "mk4"


@pytest.fixture
def digest(frames):
    def digest(**changes):
        parts = {
            "source": SourceStamp("abc", ("good", "bad")),
            "table": read_frames(frames, layout="prints", labels="ignored"),
            "recipe": load_recipe("bn"),
            "word": parse_prior("unknown"),
            "labels": frames.parent / "labels.csv",
            "camera": None,
            "seed": 0,
        }
        return inputs_digest(**{**parts, **changes})

    return digest


def test_the_same_inputs_have_the_same_digest(digest):
    assert digest() == digest()


@pytest.mark.parametrize(
    "changes",
    [
        {"source": SourceStamp("abd", ("good", "bad"))},
        {"recipe": load_recipe("bn-early")},
        {"recipe": load_recipe("bn", ["statistics_frames=9"])},
        {"word": parse_prior("all-good")},
        {"labels": None},
        {"camera": CameraProfile(rotate=90)},
        {"seed": 1},
    ],
)
def test_every_setting_counts(digest, changes):
    assert digest(**changes) != digest()


def test_another_version_counts(digest, monkeypatch):
    before = digest()
    monkeypatch.setattr(run_inputs.adaptprint, "__version__", "9")
    assert digest() != before


def test_a_frame_that_is_new_gone_or_changed_counts_and_one_that_was_read_does_not(digest, frames):
    before = digest()
    (frames / "a/1.jpg").read_bytes()
    assert digest() == before
    (frames / "a/2.jpg").write_bytes(b"frame")
    more = digest()
    (frames / "a/2.jpg").unlink()
    assert digest() == before != more
    os.utime(frames / "a/1.jpg", (1, 1))
    assert digest() != before


def test_labels_count_by_content(digest, frames):
    before = digest()
    os.utime(frames.parent / "labels.csv", (1, 1))
    assert digest() == before
    (frames.parent / "labels.csv").write_text("print,class\na,bad\n")
    assert digest() != before


def test_a_still_of_a_video_counts_by_the_content_of_the_video(digest, frames):
    table = replace(read_frames(frames, layout="prints", labels="ignored"), layout="video")
    before = digest(table=table)
    os.utime(frames / "a/1.jpg", (1, 1))  # written to the cache again
    assert digest(table=table) == before


def test_only_what_was_given_is_told() -> None:
    assert options_given(None, "auto", None, None, continue_=False) == {}
    assert options_given("007", "prints", CameraProfile(), Path("known"), continue_=True) == {
        "--printer": "007",
        "--layout": "prints",
        "--source-data": "known",
        "--continue": "",
    }


def test_a_camera_is_told_as_the_command_line_takes_it() -> None:
    camera = CameraProfile(rotate=90, flip="both", crop=(0.25, 0, 0.5, 1))
    assert options_given(None, "auto", camera, None, continue_=False) == {
        "--crop": "0.25,0,0.5,1",
        "--rotate": "90",
        "--flip": "both",
    }
