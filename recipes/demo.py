# python recipes/demo.py --out demo
"""The demo: renders printers, trains a source model on all but one, adapts to that one, and checks the promise.

Nothing is downloaded and nothing is given: every frame is made here. Each step is the command a user would type.
"""

import argparse
import shlex
import subprocess
import sys
import time
from pathlib import Path

NEW_PRINTER_SEED = 1


def run(*words: str | Path) -> None:
    """Shows a command as a user would type it, and runs it."""
    print(f"\n$ adaptprint {shlex.join(map(str, words))}", flush=True)
    subprocess.run([sys.executable, "-m", "adaptprint", *map(str, words)], check=True)


def main() -> None:
    """Runs the demo."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for everything the demo makes")
    out = parser.parse_args().out
    started = time.monotonic()
    run("synth", out / "known", "--printers", "5", "--prints", "20", "--frames", "12", "--size", "224x128",
        "--jobs", "2", "--overwrite")  # fmt: skip
