"""The tables of a run, as programs read them."""

import json
from pathlib import Path

from adaptprint.workflows.run_tables import write_json_lines


def test_a_loss_that_is_no_number_is_null_in_strict_json(tmp_path: Path) -> None:
    write_json_lines(tmp_path / "lines", [{"step": 1, "loss": 0.5}, {"step": 2, "loss": float("nan")}])
    lines = (tmp_path / "lines").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": None}]
