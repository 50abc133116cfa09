# python recipes/demo.py --out demo
"""The demo: a model of twelve known printers meets a new one, and is adapted to it without labels.

Nothing is downloaded: the frames are rendered here, and the source model lies beside this file (how it was made:
`train_demo_source.py`). Four of five prints of the new printer are good, which nobody tells. Every step is
the command a user would type; at the end both models are measured on prints that neither of them ever saw.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parent / "demo_source"
KNOWN = ("magpie", "amber", "brass", "slate", "gunmetal", "frost", "raven")
NEW = "saffron"


def adaptprint(*words: str | Path) -> None:
    """Shows a command as a user would type it, and runs it."""
    print(f"\n$ adaptprint {shlex.join(map(str, words))}", flush=True)
    subprocess.run([sys.executable, "-m", "adaptprint", *map(str, words)], check=True)


def measured(model: Path, data: Path) -> dict[str, Any]:
    """`adaptprint evaluate --json` as a dictionary."""
    command = [sys.executable, "-m", "adaptprint", "evaluate", "--model", model, "--data", data, "--json", "--quiet"]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def main() -> None:
    """Runs the demo."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for everything the demo makes")
    out: Path = parser.parse_args().out
    started = time.monotonic()
    print("Rendering prints of the known printers, of the new one, and what the new one prints next ...", flush=True)
    for name, printers, prints, share, seed in (
        ("known_printers", ",".join(KNOWN), 4, 0.5, 21),
        ("new_printer", NEW, 20, 0.2, 22),
        ("next_prints", NEW, 40, 0.5, 23),
    ):
        adaptprint("synth", out / name, "--printers", printers, "--prints", str(prints), "--frames", "8",
                   "--bad-share", str(share), "--seed", str(seed), "--jobs", str(min(2, os.cpu_count() or 1)),
                   "--overwrite")  # fmt: skip
    target = next((out / "new_printer" / "images").iterdir())
    # The new printer's labels are not even there.
    for table in ("train.csv", "truth.csv"):
        (out / "new_printer" / table).unlink()

    adaptprint("adapt", "--source", SOURCE, "--target", target, "--out", out / "run", "--overwrite")

    print("\nThe models, measured with labels that only this table uses:")
    rows = (
        ("source-only, new prints of the known printers", SOURCE, "known_printers"),
        ("source-only, next prints of the new printer", SOURCE, "next_prints"),
        ("shipped,     next prints of the new printer", out / "run/checkpoint", "next_prints"),
        ("candidate,   next prints of the new printer", out / "run/candidate", "next_prints"),
    )
    for name, model, data in rows:
        found = measured(model, out / data)
        print(f"  {name:<46} balanced accuracy by frame {found['balanced_accuracy']:.3f}, "
              f"by print {found['print_balanced_accuracy']:.3f}")  # fmt: skip
    print(f"\nDone in {time.monotonic() - started:.0f} s. Open {out / 'run/report.html'} in a browser.")


if __name__ == "__main__":
    main()
