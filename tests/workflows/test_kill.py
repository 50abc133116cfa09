"""Signal 9 at random moments never leaves half a run; the committed soak script says so, here in two rounds."""

import runpy
import signal
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "recipes" / "benchmarks" / "kill.py"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signal 9 is needed")
def test_a_killed_adaptation_leaves_nothing_or_a_whole_run_and_resumes_to_the_same_bytes(
    source: Path, target: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rounds = runpy.run_path(str(SCRIPT))["soak"](source, target, tmp_path, rounds=2)
    said = capsys.readouterr().out
    assert [result.ok for result in rounds] == [True, True], said
    assert len(said.splitlines()) == 5
