"""Options that are wrong whatever the data holds are refused before anything is read."""

from collections.abc import Callable
from pathlib import Path

import pytest

import adaptprint
from adaptprint.errors import UsageError

NOWHERE = Path("nowhere")
WORK: dict[str, Callable[..., object]] = {
    "adapt": lambda **seed: adaptprint.adapt(NOWHERE, NOWHERE, **seed),
    "train": lambda **seed: adaptprint.train(NOWHERE, out="out", **seed),
    "rehearse": lambda **seed: adaptprint.rehearse(NOWHERE, NOWHERE, **seed),
    "pack": lambda **seed: adaptprint.pack(NOWHERE, NOWHERE, out="out", **seed),
    "diagnose": lambda **seed: adaptprint.diagnose(NOWHERE, NOWHERE, **seed),
    "drift": lambda **seed: adaptprint.drift(NOWHERE, NOWHERE, **seed),
    "batch": lambda **seed: adaptprint.adapt_many(NOWHERE, [NOWHERE], out="out", **seed),
    "compare": lambda seed: adaptprint.compare(["bn"], data=NOWHERE, out="out", seeds=[0, seed]),
}


@pytest.mark.parametrize("command", list(WORK))
def test_a_seed_below_zero_is_refused(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="--seed -1 is not possible"):
        WORK[command](seed=-1)
    assert list(tmp_path.iterdir()) == []
