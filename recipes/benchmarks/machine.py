# from machine import measure_in_turn, report
"""What the benchmarks share: the machine in words, what a process takes of it, and the table of figures.

A script that measures other processes must stay small itself until they have ended: Linux counts the peak memory of
the process that starts a program into the program's own. This file therefore imports torch only in the report.
"""

import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Row = Mapping[str, str | int | float | None]

# The inputs of every benchmark unless others are named: the demo's.
SOURCE, TARGET = Path("recipes/demo_source"), Path("demo/new_printer")
_MIB = 2**20 if sys.platform == "darwin" else 2**10  # getrusage counts in bytes there, in KiB elsewhere


@dataclass(frozen=True)
class Taken:
    """What one whole process took.

    Attributes:
        seconds: From its start to its end.
        peak: Most memory it held at once, MiB, mapped files included.
    """

    seconds: float
    peak: float


def machine() -> dict[str, str | int]:
    """The machine that figures were measured on: processor, cores, GPU, and the torch of this process."""
    import torch

    from adaptprint.frames.frame_files import usable_cores

    words: dict[str, str | int] = {"processor": _processor(), "cores": usable_cores()}
    if torch.cuda.is_available():
        words["gpu"] = torch.cuda.get_device_name(0)
    return words | {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }


def measure(command: Sequence[str | Path], allowed: Collection[int] = (0,)) -> Taken:
    """Runs a command to its end; what it prints on stdout is dropped.

    Raises:
        SystemExit: It ended with none of the ``allowed`` exit codes.
    """
    words = list(map(str, command))
    started = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in allowed:
        raise SystemExit(f"`{' '.join(words)}` ended with {process.returncode}")
    return Taken(seconds, usage.ru_maxrss / _MIB)


def use_cache(folder: Path) -> None:
    """Lets every process from here on keep frames and features below ``folder``, and not in the user's cache."""
    os.environ["ADAPTPRINT_CACHE"] = str(folder)


def forget_features() -> None:
    """Lets the next process look at all frames anew, as it would at a printer that it meets; decoded frames stay."""
    shutil.rmtree(Path(os.environ["ADAPTPRINT_CACHE"]) / "embeddings", ignore_errors=True)


def measure_in_turn(
    commands: Mapping[str, Sequence[str | Path]],
    runs: int,
    allowed: Collection[int] = (0,),
    before_each: Callable[[], None] | None = None,
) -> dict[str, list[Taken]]:
    """Runs commands in turn (A B C A B C ...), so that a drift of the machine's speed hits all alike.

    Args:
        commands: By name.
        runs: Counted runs of each, after one that is not.
        allowed: Exit codes that are no failure.
        before_each: Called before each run.
    """
    found: dict[str, list[Taken]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            if before_each is not None:
                before_each()
            taken = measure(command, allowed)
            if turn > 0:  # the first run warms the disk's cache and writes Python's byte code
                found[name].append(taken)
        print(f"round {turn} of {runs}" if turn else "warm-up", "done", file=sys.stderr, flush=True)
    return found


def summed_up(runs: Sequence[Taken]) -> dict[str, float]:
    """Median and range of the seconds, and median peak memory."""
    seconds = [run.seconds for run in runs]
    return {
        "seconds": statistics.median(seconds),
        "least": min(seconds),
        "most": max(seconds),
        "peak MiB": statistics.median(run.peak for run in runs),
    }


def report(tables: Mapping[str, Sequence[Row]], json_file: Path | None) -> None:
    """Prints tables as Markdown below a line about the machine, and keeps them.

    Args:
        tables: Rows by the title of their table; the columns are the keys of its first row.
        json_file: Also written there, with all digits.
    """
    words = machine()
    print(", ".join(f"{name} {value}" for name, value in words.items()))
    for title, rows in tables.items():
        columns = list(rows[0])
        print(f"\n{title}\n\n| {' | '.join(columns)} |")
        print(f"| {' | '.join(_ruler(rows[0][column]) for column in columns)} |")
        for row in rows:
            print(f"| {' | '.join(_cell(row[column]) for column in columns)} |")
    if json_file is not None:
        content = {"command": " ".join(["python", *sys.argv]), "machine": words, "tables": tables}
        json_file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def refuse_missing(*inputs: Path) -> None:
    """Ends the script where an input is not there."""
    missing = [str(path) for path in inputs if not path.exists()]
    if missing:
        raise SystemExit(f"missing: {', '.join(missing)}. Run `make demo` first, or name others.")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _ruler(value: object) -> str:
    return "---" if isinstance(value, str) else "---:"


def _cell(value: str | int | float | None) -> str:
    """Three significant digits, thousands set apart."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int) or value == 0:
        return f"{value:,}"
    digits = 2 - math.floor(math.log10(abs(value)))
    return f"{value:,.{min(max(digits, 0), 3)}f}"
