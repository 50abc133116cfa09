# python recipes/benchmarks/startup.py --source CKPT --target DIR
"""How long the program takes to start: wall time and peak memory of whole processes that do little.

Every command's `--help`, `import adaptprint`, `doctor`, `recipes list`, and `predict` of one image, beside a bare
Python and one that imports torch. Each is run several times in turn (A B C A B C ...); medians. They share a cache
folder of their own, and the first round, which is not counted, fills it and probes the machine's precision.
No process can be seen to be smaller than this script itself, some 15 MiB.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import SOURCE, TARGET, Row, measure_in_turn, refuse_missing, report, summed_up, use_cache

PROGRAM = (sys.executable, "-m", "adaptprint")
# Asked of a process of its own: this script must stay small (see `machine.py`).
_LIST_COMMANDS = """
import json, typer
from adaptprint.cli.main import app

def walk(command, words):
    yield words
    for name, inner in getattr(command, "commands", {}).items():
        yield from walk(inner, [*words, name])

print(json.dumps(list(walk(typer.main.get_command(app), []))))
"""


def every_command() -> list[list[str]]:
    """The words of the program and of every command, groups and their members too."""
    said = subprocess.run([sys.executable, "-c", _LIST_COMMANDS], check=True, capture_output=True, text=True)
    return list(json.loads(said.stdout))


def first_image(target: Path) -> Path:
    """One frame of a folder."""
    if target.is_file():
        return target
    images = sorted(path for path in target.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    if not images:
        raise SystemExit(f"{target} holds no images.")
    return images[0]


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=SOURCE, help="checkpoint for predict (default: the demo's)")
    parser.add_argument("--target", type=Path, default=TARGET, help="an image, or a folder of them for the first one")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each, after one warm-up")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    refuse_missing(options.source, options.target)
    commands: dict[str, list[str | Path]] = {
        "python -c pass": [sys.executable, "-c", "pass"],
        'python -c "import torch"': [sys.executable, "-c", "import torch"],
        'python -c "import adaptprint"': [sys.executable, "-c", "import adaptprint"],
        "adaptprint recipes list": [*PROGRAM, "recipes", "list"],
        "adaptprint doctor": [*PROGRAM, "doctor"],
        "adaptprint predict, one image": [
            *PROGRAM, "predict", "--model", options.source, first_image(options.target), "--quiet",
        ],
    }  # fmt: skip
    commands |= {" ".join(["adaptprint", *words, "--help"]): [*PROGRAM, *words, "--help"] for words in every_command()}
    with tempfile.TemporaryDirectory() as cache:
        use_cache(Path(cache))
        # A doctor who finds something missing ends with 3, and took his time all the same.
        found = measure_in_turn(commands, options.runs, allowed=(0, 3))
    rows: list[Row] = [{"process": name, **summed_up(runs)} for name, runs in found.items()]
    report({f"Whole processes, medians of {options.runs}": rows}, options.json)


if __name__ == "__main__":
    main()
