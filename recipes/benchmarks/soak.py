# python recipes/benchmarks/soak.py --rounds 3
"""Tries faults on tiny fleets and counts what is lost: nothing may be.

After each fault no run folder may be there but not whole, no traceback may have been shown, no process may be left over
or hang; then the same command, given once more, must end with the very bytes of a fleet that was never disturbed, and
leave nothing else in its folder. Kills come `--kills` times each, the other faults `--rounds` times each; moments and
places are drawn from `--seed`. Ends with 1 if anything was lost.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import soak_faults as faults
from machine import use_cache
from soak_fleet import TinyFleet
from soak_names import many_targets, strange_names

FAULTS: Mapping[str, tuple[faults.Fault, str]] = {
    "kill -9 of the command": (faults.kill_parent, "old or new runs whole; workers gone; goes on to the same bytes"),
    "kill -9 of a worker": (faults.kill_worker, "exit 0 by itself, same bytes"),
    "out of memory in a worker": (faults.out_of_memory, "isolated or survived; afterwards the same bytes"),
    "Ctrl-C": (faults.ctrl_c, "exit 130 with cause and fix; goes on to the same bytes"),
    "SIGTERM": (faults.told_to_end, "exit 130 with cause and fix; goes on to the same bytes"),
    "disk full": (faults.disk_full, "exit 4 with cause and fix; with room again the same bytes"),
    "read-only output": (faults.read_only_output, "exit 4 with cause and fix; writable again the same bytes"),
    "read-only target": (faults.read_only_target, "exit 0, same bytes, nothing written there"),
    "frames added and taken away": (faults.frames_come_and_go, "a clean end; with the old frames the same bytes"),
    "corrupt source memory": (faults.corrupt_memory, "no model of it; mended, the same bytes"),
    "clocks that leap, back too": (faults.clock_backwards, "exit 0, same bytes"),
    "strange names": (strange_names, "every model, table and page; a second call finds all up to date"),
    "many targets": (many_targets, "every target told; a second call finds all up to date"),
}
KILLS = ("kill -9 of the command", "kill -9 of a worker")
ONCE = "many targets"


@dataclass(frozen=True)
class Tried:
    """What all trials of a fault came to."""

    fault: str
    checked: str
    rounds: list[faults.Round]
    seconds: float

    @property
    def losses(self) -> list[str]:
        """All of them."""
        return [loss for each in self.rounds for loss in each.losses]

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "fault": self.fault,
            "runs": len(self.rounds),
            "losses": self.losses,
            "ended": dict(Counter(each.ended for each in self.rounds)),
            "checked": self.checked,
            "seconds": round(self.seconds),
        }


def soak(fleet: TinyFleet, chosen: list[str], rounds: int, kills: int) -> list[Tried]:
    """Tries the chosen faults; prints a line for each trial."""
    tried = []
    for name in chosen:
        fault, checked = FAULTS[name]
        started, found = time.monotonic(), []
        for number in range(1 if name == ONCE else kills if name in KILLS else rounds):
            found.append(fault(fleet, number))
            print(f"{name} {number + 1}: {found[-1].ended}", *found[-1].losses, sep="\n    LOSS: ", file=sys.stderr)
        tried.append(Tried(name, checked, found, time.monotonic() - started))
    return tried


def show(tried: list[Tried]) -> None:
    """Prints the table as Markdown."""
    print("| fault | runs | losses | ended | what was checked |\n| --- | ---: | ---: | --- | --- |")
    for each in tried:
        ends = ", ".join(f"{n} × {end}" for end, n in Counter(one.ended for one in each.rounds).most_common())
        print(f"| {each.fault} | {len(each.rounds)} | {len(each.losses)} | {ends} | {each.checked} |")
    losses = sum(len(each.losses) for each in tried)
    print(f"\n{sum(len(each.rounds) for each in tried)} runs, {losses} losses")


def main() -> None:
    """Runs the soak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="trials of each fault (default: 3)")
    parser.add_argument("--kills", type=int, help="trials of each kill (default: five times the rounds)")
    parser.add_argument("--only", action="append", choices=list(FAULTS), metavar="FAULT", help="repeatable")
    parser.add_argument("--targets", type=int, default=10_000, help="of the fleet of many (default: 10,000)")
    parser.add_argument("--seed", type=int, default=0, help="decides moments and places")
    parser.add_argument("--json", type=Path, help="also write the table to this file")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory(prefix="adaptprint-soak-") as folder:
        use_cache(Path(folder) / "cache")
        fleet = TinyFleet(Path(folder), options.seed, options.targets)
        kills = 5 * options.rounds if options.kills is None else options.kills
        tried = soak(fleet, options.only or list(FAULTS), options.rounds, kills)
    show(tried)
    if options.json is not None:
        options.json.write_text(json.dumps([each.to_dict() for each in tried], indent=2) + "\n", encoding="utf-8")
    sys.exit(1 if any(each.losses for each in tried) else 0)


if __name__ == "__main__":
    main()
