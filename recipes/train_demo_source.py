# python recipes/train_demo_source.py --out recipes/demo_source
"""Makes the demo's source model: ResNet-18, from scratch, on rendered printers. About half an hour on two cores.

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

SETTINGS = {
    "steps": 2600, "batch_size": 32, "validate_every": 200, "patience": 9, "memory_frames": 240, "half_weights": "true",
}  # fmt: skip


def main() -> None:
    """Renders the frames and trains."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="checkpoint folder to write")
    parser.add_argument("--data", type=Path, help="folder for the frames, kept; by default a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data: Path = options.data or Path(temporary) / "known"
        run = [sys.executable, "-m", "adaptprint"]
        if not data.exists():
            subprocess.run(
                [*run, "synth", data, "--printers", ",".join(KNOWN), "--prints", str(PRINTS), "--frames", str(FRAMES),
                 "--seed", str(SEED), "--jobs", "2"], check=True)  # fmt: skip
        settings = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
        subprocess.run([*run, "train", data, "--out", options.out, "--overwrite", *settings], check=True)


if __name__ == "__main__":
    main()
