# part of: python recipes/benchmarks/soak.py
"""How a trial of a fault goes: a fleet is stopped or left to end, and what is left is judged."""

import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from soak_fleet import Ended, TinyFleet, wait_for_start


@dataclass(frozen=True)
class Round:
    """What one trial of a fault came to.

    Attributes:
        ended: In a word or two.
        losses: A sentence each; none where every promise was kept.
    """

    ended: str
    losses: list[str]


def judged(
    fleet: TinyFleet, out: Path, ended: Ended, codes: tuple[int, ...], losses: list[str] | None = None,
    file: Path | None = None, how: str = "", frames_differ: bool = False,
    old: Mapping[str, dict[str, str]] | None = None,
) -> Round:  # fmt: skip
    """What is wrong with the end, with what is left, and with the same command given once more."""
    found = [*ended.losses, *(losses or [])]
    if ended.code not in codes:
        found.append(f"exit code {ended.code}: {ended.said.strip().splitlines()[-2:]}")
    if ended.code in (4, 130) and not _two_lines(ended, out):
        found.append(f"no cause and fix: {ended.said.strip().splitlines()[-3:]}")
    if not frames_differ:
        found += fleet.half_written(out, tuple((old or {}).values()))
    found += fleet.repeat(out, file)
    return Round(f"{ended.code} {how}".strip(), found)


def _two_lines(ended: Ended, out: Path) -> bool:
    """A cause and a fix on stderr, or how many failed there and why in the overview."""
    last = ended.said.splitlines()[-2:]
    return [line.split(": ")[0] for line in last] == ["error", "fix"] or (
        "targets failed" in ended.said and (out / "fleet.json").is_file()
    )


def wait_a_moment(fleet: TinyFleet, out: Path, process: "subprocess.Popen[str]", parallel: int) -> None:
    """Until some printers are finished, and a little more: a moment of the work, however fast the machine is now."""
    before, wanted = runs(fleet, out), fleet.random.randrange(len(fleet.names))
    while process.poll() is None and len(runs(fleet, out) - before) < wanted:
        time.sleep(0.01)
    # A printer takes less than its share of the whole: the first one waits for imports and for the source model.
    time.sleep(fleet.random.uniform(0, fleet.span(parallel) / (2 * len(fleet.names))))


def runs(fleet: TinyFleet, out: Path) -> set[tuple[str, int]]:
    """The run folders that are there; one that took another's place is another."""
    found = set()
    for name in fleet.names:
        with suppress(FileNotFoundError):
            found.add((name, (out / name).stat().st_ino))
    return found


def stopped(
    fleet: TinyFleet, out: Path, number: int, stop: Callable[["subprocess.Popen[str]"], None], codes: tuple[int, ...],
    old: Mapping[str, dict[str, str]] | None = None,
) -> Round:  # fmt: skip
    """Stops a fleet at a random moment of its work."""
    parallel = 1 + number % 2
    process = fleet.start(out, parallel)
    wait_for_start(out, process)
    wait_a_moment(fleet, out, process, parallel)
    with suppress(ProcessLookupError):
        stop(process)
    return judged(fleet, out, fleet.wait(process), codes, old=old)
