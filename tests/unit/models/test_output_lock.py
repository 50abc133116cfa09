"""The lock of an output names who holds it."""

import os

import pytest

from adaptprint.errors import UsageError
from adaptprint.models.output_lock import OWNER, output_lock


def test_whoever_comes_second_is_told_the_process_that_was_first(tmp_path):
    with output_lock(tmp_path / "run", tmp_path):
        says = f"process {os.getpid()}\\) is writing .*run"
        with pytest.raises(UsageError, match=says), output_lock(tmp_path / "run", tmp_path):
            pass
        assert (tmp_path / OWNER).is_file()  # the loser took nothing away
    with output_lock(tmp_path / "run", tmp_path):
        pass


def test_another_machine_is_named_and_a_damaged_note_is_no_error(tmp_path):
    with output_lock(tmp_path / "run", tmp_path):
        (tmp_path / OWNER).write_text('{"process": 7, "machine": "hall-2"}')
        with pytest.raises(UsageError, match="process 7 on hall-2"), output_lock(tmp_path / "run", tmp_path):
            pass
        (tmp_path / OWNER).write_text("{")
        with pytest.raises(UsageError, match="adaptprint is writing"), output_lock(tmp_path / "run", tmp_path):
            pass
