"""Words of notes and errors."""

import pytest

from adaptprint.frames.wording import either


@pytest.mark.parametrize(
    ("names", "said"), [([], ""), (["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")]
)
def test_names_to_choose_from_are_joined_by_or(names: list[str], said: str) -> None:
    assert either(names) == said
