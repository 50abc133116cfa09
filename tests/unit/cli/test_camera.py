"""--crop, --rotate and --flip: what they describe, and what is said of one that will not do."""

import pytest

from adaptprint.cli.execute import camera_from
from adaptprint.errors import UsageError
from adaptprint.frames.camera import CameraProfile


def test_without_any_of_them_there_is_no_profile() -> None:
    assert camera_from(None, None, None) is None


def test_what_is_given_makes_the_profile() -> None:
    assert camera_from("0.1, 0.2,0.8,0.6", 90, "both") == CameraProfile(
        crop=(0.1, 0.2, 0.8, 0.6), rotate=90, flip="both"
    )


@pytest.mark.parametrize(
    ("crop", "rotate", "flip", "cause"),
    [
        ("1,2", None, None, "--crop 1,2 will not do: four numbers are needed, not 2"),
        ("0,0,1,1,1", None, None, "--crop 0,0,1,1,1 will not do: four numbers are needed, not 5"),
        ("a,b", None, None, "--crop a,b will not do: it must be numbers with commas between"),
        ("0,0,,1", None, None, "--crop 0,0,,1 will not do: it must be numbers with commas between"),
        ("", None, None, "--crop  will not do: it must be numbers with commas between"),
        ("0,0,2,1", None, None, "--crop 0,0,2,1 will not do: Input should be less than or equal to 1"),
        ("0.5,0,0.9,1", None, None, "--crop 0.5,0,0.9,1 will not do: crop X,Y,W,H must have W, H > 0 and stay"),
        (None, 45, None, "--rotate 45 will not do: Input should be 0, 90, 180 or 270"),
        (None, None, "up", "--flip up will not do: Input should be 'none', 'horizontal', 'vertical' or 'both'"),
    ],
)
def test_what_will_not_do_is_named_as_it_was_written(
    crop: str | None, rotate: int | None, flip: str | None, cause: str
) -> None:
    with pytest.raises(UsageError) as refusal:
        camera_from(crop, rotate, flip)
    assert refusal.value.cause.startswith(cause)
    assert "0.1,0.2,0.8,0.6" in refusal.value.fix


@pytest.mark.parametrize("crop", ["nan,0,1,1", "0,0,inf,1", "-1,0,1,1"])
def test_numbers_that_are_no_fractions_are_refused(crop: str) -> None:
    with pytest.raises(UsageError, match="--crop"):
        camera_from(crop, None, None)
