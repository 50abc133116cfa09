# python recipes/demo.py --out demo
"""The demo: a source model of four printers meets a fifth, and is adapted to it without labels.

Nothing is downloaded and nothing is given: the frames are drawn here. Every step is the command a user would type; at
the end both models are measured on prints of the new printer that the adaptation never saw.
"""

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from demo_frames import KNOWN, NEW, draw_data_set


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
    for name in ("known", "new_printer", "next_prints"):
        shutil.rmtree(out / name, ignore_errors=True)
    print("Drawing the frames of four known printers and a new one ...", flush=True)
    draw_data_set(out / "known", KNOWN, prints=12, frames=8, seed=0)
    draw_data_set(out / "new_printer", NEW, prints=24, frames=8, seed=1)
    draw_data_set(out / "next_prints", NEW, prints=24, frames=8, seed=2)
    # The new printer's labels are not even there.
    (out / "new_printer" / "train.csv").unlink()

    adaptprint("train", out / "known", "--out", out / "source", "--set", "steps=150", "--set", "batch_size=32",
               "--set", "patience=9", "--overwrite")  # fmt: skip
    adaptprint("adapt", "--source", out / "source", "--target", out / "new_printer/images/021", "--out", out / "run",
               "--overwrite")  # fmt: skip

    print("\nBoth models on 24 further prints of the new printer (with labels, which only this table uses):")
    for name, model in (("source-only", out / "source"), ("shipped", out / "run/checkpoint"),
                        ("candidate", out / "run/candidate")):  # fmt: skip
        found = measured(model, out / "next_prints")
        print(f"  {name:<12} balanced accuracy by frame {found['balanced_accuracy']:.3f}, "
              f"by print {found['print_balanced_accuracy']:.3f}")  # fmt: skip
    print(f"\nDone in {time.monotonic() - started:.0f} s. Open {out / 'run/report.html'} in a browser.")


if __name__ == "__main__":
    main()
