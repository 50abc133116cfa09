import math

import pytest

from adaptprint.reporting import formats
from adaptprint.reporting.advice import advise


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.7, "1:00 min"),
        (61, "1:01 min"),
        (3599.9, "1:00 h"),
        (7620, "2:07 h"),
    ],
)
def test_durations_read_naturally_up_to_their_borders(seconds, text):
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (0.001, "<1%"), (0.5, "50%"), (0.999, ">99%"), (1, "100%"), (None, "–"), (math.nan, "–")],
)
def test_a_share_is_called_none_or_all_only_where_it_is(share, text):
    assert formats.percent(share) == text


def test_a_difference_that_rounds_to_nothing_has_no_sign():
    assert formats.signed(-0.001) == "0.00"
    assert formats.signed(0.126) == "+0.13"


def test_control_characters_and_line_breaks_do_not_pass():
    assert formats.clean("a\x1b[31m\nb") == "a�[31m�b"


def test_advice_follows_the_veto():
    veto = {"name": "collapse to one class", "says": "…"}
    assert "--target-prior all-good" in advise({"verdict": "keep-source", "vetoes": [veto]}).help[0]
    answered = {**veto, "answer": "labels know better"}
    assert "--target-prior all-good" not in advise({"verdict": "keep-source", "vetoes": [answered]}).help[0]


def test_a_recipe_that_is_mild_is_not_sent_to_itself():
    lost = {"verdict": "keep-source", "vetoes": [{"name": "source accuracy lost"}, {"name": "support lost"}]}
    for recipe, sent in {"dann": True, "bn": True, "bn-early": False, "calibrate": False}.items():
        assert [("`bn-early`" in line) for line in advise({**lost, "recipe": recipe}).help] == [sent, sent]


def test_the_baseline_recipe_is_told_to_be_one():
    content = {"verdict": "keep-source", "candidate_name": "source-only"}
    assert "baseline" in advise({**content, "recipe": "source-only"}).help[0]
    assert "found nothing to change" in advise({**content, "recipe": "calibrate"}).help[0]


def test_an_unknown_verdict_never_counts_as_success():
    assert advise({"verdict": "shipped"}).tone == "unknown"
    assert advise({}).tone == "unknown"
