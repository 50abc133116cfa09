# part of: python recipes/benchmarks/soak.py
"""Fleets that are strange without any fault: names that no program likes, and very many printers."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
from soak_fleet import TinyFleet, digests
from soak_trial import Round

import adaptprint

# All are good names for a folder; the last two are 200 characters and 250 bytes.
NAMES = (
    "mk4 north", 'the "good" one', "it's", "two\nlines", "tab\there", "プリンタ-7", "Ämter & Söhne", "-rf",
    "%s {0} $HOME", "[*]?", "a;b,c", "end. ", "back\\slash", "<b>bold", "x" * 200, "ß" * 125,
)  # fmt: skip
NO_UTF_8 = os.fsdecode(b"caf\xe9")
_ADAPTED = 12


def strange_names(fleet: TinyFleet, number: int) -> Round:
    """One printer's frames under every strange name, its prints too; one that no JSON can hold must fail alone."""
    out, halls = fleet.fresh("names"), fleet.fresh("halls")
    for name in fleet.random.sample((*NAMES, NO_UTF_8), len(NAMES) + 1):
        for place, folder in enumerate(sorted((fleet.halls / "a").iterdir())):
            shutil.copytree(folder, halls / name / (name[:100] + str(place)))
    file = fleet.work / "names.toml"
    file.write_text(f'source = "{fleet.source}"\nrecipe = "calibrate"\ntargets = "{halls}"\n', encoding="utf-8")
    ended = fleet.wait(fleet.start(out, 1 + number % 2, file))
    losses = [*ended.losses, *_wrong_models(fleet, out)]
    if ended.code != 4:
        losses.append(f"exit code {ended.code}: {ended.said.strip().splitlines()[-3:]}")
    with_table = pl.read_csv(out / "fleet.csv") if (out / "fleet.csv").is_file() else None
    if with_table is None or with_table.height != len(NAMES) + 1 or not (out / "fleet.html").is_file():
        losses.append("the overview lacks printers")
    again = adaptprint.batch(file, out=out, threads=1)
    losses += [
        f"{one.target!r} is not up to date afterwards: {one.error}"
        for one in again
        if one.path.name in NAMES and not one.up_to_date
    ]
    losses += [] if again.n_failed == 1 else [f"{again.n_failed} printers failed instead of one"]
    found = {entry.name for entry in out.iterdir() if entry.is_dir()}
    if found != set(NAMES):
        losses.append(f"other folders than names: {sorted(found ^ set(NAMES))}")
    return Round(str(ended.code), losses)


def _wrong_models(fleet: TinyFleet, out: Path) -> list[str]:
    """Printers whose models are not those that the same frames give under a plain name."""
    model = "candidate/model.safetensors"
    right = fleet.expected["a"][model]
    return [f"{name!r} has no model or another" for name in NAMES if digests(out / name).get(model) != right]


_MANY = """
import json, sys, time
import adaptprint
source, out, targets = sys.argv[1], sys.argv[2], json.load(open(sys.argv[3]))
for _ in range(2):
    started = time.monotonic()
    result = adaptprint.adapt_many(source, targets, out=out, recipe="source-only", threads=1)
    states = [row["state"] for row in result.to_dict()["results"]]
    # Not what getrusage says: that counts the process in which this one was started.
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(json.dumps([time.monotonic() - started, peak, {state: states.count(state) for state in set(states)}]))
"""


def many_targets(fleet: TinyFleet, number: int) -> Round:
    """Ten thousand printers: few adapt, half are up to date already, and the rest have no frames; then all once more.

    Those that are up to date are links to one finished run; a run of each would fill a disk, and show nothing new.
    """
    del number
    out, halls, n = fleet.fresh("many"), fleet.fresh("halls"), fleet.targets
    halls.mkdir()
    one = {"path": str(fleet.halls / "a")}
    adaptprint.adapt_many(fleet.source, {"first": one}, out=out, recipe="source-only", threads=1)
    linked = [f"linked-{place:05}" for place in range(n // 2)]
    for name in linked:
        shutil.copytree(out / "first", out / name, copy_function=os.link)
    new = [f"new-{place:02}" for place in range(_ADAPTED)]
    empty = [f"empty-{place:05}" for place in range(n - len(linked) - len(new))]
    for name in empty:
        (halls / name).mkdir()
    targets = dict.fromkeys((*linked, *new), one) | {name: {"path": str(halls / name)} for name in empty}
    (fleet.work / "many.json").write_text(json.dumps(targets))
    command = [sys.executable, "-c", _MANY, str(fleet.source), str(out), str(fleet.work / "many.json")]
    said = subprocess.run(command, capture_output=True, text=True)
    if said.returncode:
        return Round(f"{said.returncode}", [said.stderr[-400:]])
    rounds = [json.loads(line) for line in said.stdout.splitlines()]
    wanted = [
        {"up-to-date": len(linked), "adapted": len(new), "failed": len(empty)},
        {"up-to-date": len(linked) + len(new), "failed": len(empty)},
    ]
    losses = [f"{found} instead of {want}" for (_, _, found), want in zip(rounds, wanted, strict=True) if found != want]
    rows = json.loads((out / "fleet.json").read_text(encoding="utf-8"))["results"]
    if len(rows) != n:
        losses.append(f"the overview has {len(rows)} rows of {n}")
    told = ", then ".join(f"{seconds:.0f} s" for seconds, _, _ in rounds)
    return Round(f"{told}; {rounds[-1][1] / 1024:.0f} MiB", losses)
