# python recipes/train_demo_source.py --out recipes/demo_source
"""Makes the demo's source model: ResNet-18, from scratch, on rendered printers. About 40 minutes on two cores.

The result is committed, so that the demo can begin where a user begins: with a model of printers that are known. Its
weights are rounded to half precision and its source memory is small, to keep the repository light.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

KNOWN = (
    "magpie", "amber", "brass", "slate", "gunmetal", "frost", "raven",
    "random-11", "random-12", "random-13", "random-14", "random-15",
)  # fmt: skip
"""The printers of the model. The demo's new printer is none of them."""

PRINTS, FRAMES, SEED = 48, 10, 11

# The committed model was trained before there was a `viewpoint`.
COMMON = {"batch_size": 32, "validate_every": 200, "patience": 99, "viewpoint": 0}
ROUGH = {**COMMON, "steps": 2600}
FINE = {**COMMON, "steps": 2000, "lr_trunk": 5e-4, "augment": 0.5, "memory_frames": 240, "half_weights": "true"}
"""Two rounds: strong augmentation first, which keeps the small data from being learnt by heart, then half of it."""


def adaptprint(*words: str | Path, settings: dict[str, object] | None = None) -> None:
    """Runs a command as a user would type it."""
    extra = [word for key, value in (settings or {}).items() for word in ("--set", f"{key}={value}")]
    subprocess.run([sys.executable, "-m", "adaptprint", *words, *extra], check=True)


def main() -> None:
    """Renders the frames and trains."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="checkpoint folder to write")
    parser.add_argument("--data", type=Path, help="folder for the frames, kept; by default a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data: Path = options.data or Path(temporary) / "known"
        rough = Path(temporary) / "rough"
        if not data.exists():
            adaptprint("synth", data, "--printers", ",".join(KNOWN), "--prints", str(PRINTS),
                       "--frames", str(FRAMES), "--seed", str(SEED), "--jobs", "2")  # fmt: skip
        adaptprint("train", data, "--out", rough, settings=ROUGH)
        adaptprint("train", data, "--out", options.out, "--init", rough, "--overwrite", settings=FINE)


if __name__ == "__main__":
    main()
