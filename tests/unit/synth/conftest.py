"""A small rendered data set for the whole session."""

from pathlib import Path

import pytest

from adaptprint.synth import SynthResult, render_dataset

SMALL = (64, 112)


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> SynthResult:
    """Two printers, four prints each, three frames each, rendered in this process."""
    out: Path = tmp_path_factory.mktemp("synth") / "data"
    return render_dataset(out, printers=["magpie", "onyx"], prints=4, frames=3, seed=5, size=SMALL)
