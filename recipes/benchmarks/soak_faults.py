# part of: python recipes/benchmarks/soak.py
"""The faults that a fleet is tried with. Each tries one, once, and says how the fleet ended and what was lost."""

import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
from soak_fleet import TinyFleet, digests, half, wait_for_start, workers
from soak_places import JUMPING, mount, path_before, shuffling, small_disk, unwritable
from soak_trial import Round, judged, stopped, wait_a_moment

Fault = Callable[[TinyFleet, int], Round]


def kill_parent(fleet: TinyFleet, number: int) -> Round:
    """Signal 9 to the command; every second time it was replacing finished runs."""
    out = fleet.fresh("kill-parent")
    old = _over_old(fleet, out) if number % 2 else {}
    return stopped(fleet, out, number // 2, lambda process: process.kill(), (-signal.SIGKILL, 0), old)


def kill_worker(fleet: TinyFleet, number: int) -> Round:
    """Signal 9 to one of two workers, as the system does where memory runs out: the fleet must do without."""
    out, process, found = _working(fleet, "kill-worker")
    how = "too late"
    with suppress(psutil.Error, IndexError):
        found[number % 2 - 1].kill()
        how = "one worker less"
    ended = fleet.wait(process)
    losses = [f"{name} is missing" for name in fleet.names if not (out / name).is_dir()]
    return judged(fleet, out, ended, (0,), losses, how=how)


def out_of_memory(fleet: TinyFleet, number: int) -> Round:
    """A worker may suddenly take hardly any more memory (RLIMIT_AS)."""
    out, process, found = _working(fleet, "out-of-memory")
    room = fleet.random.choice([0, 1, 4, 16]) * 2**20
    with suppress(psutil.Error, IndexError):
        worker = found[number % len(found)] if found else psutil.Process(process.pid)
        most = worker.memory_info().vms + room
        worker.rlimit(psutil.RLIMIT_AS, (most, most))
    return judged(fleet, out, fleet.wait(process), (0, 4))


def ctrl_c(fleet: TinyFleet, number: int) -> Round:
    """SIGINT to everybody, as a terminal sends it."""
    out = fleet.fresh("ctrl-c")
    return stopped(fleet, out, number, lambda process: os.killpg(process.pid, signal.SIGINT), (130, 0))


def told_to_end(fleet: TinyFleet, number: int) -> Round:
    """SIGTERM to the command alone, as init and schedulers send it."""
    out = fleet.fresh("sigterm")
    return stopped(fleet, out, number, lambda process: process.terminate(), (130, 0))


def disk_full(fleet: TinyFleet, number: int) -> Round:
    """The output's disk has room for a part only: a small tmpfs, or RLIMIT_FSIZE where none may be mounted."""
    place = fleet.fresh("disk-full")
    needed = sum(file.stat().st_size for file in (fleet.work / "expected").rglob("*") if file.is_file())
    room = int(fleet.random.uniform(0.02, 0.95) * needed)
    with small_disk(place, room) as mounted:
        out = place / "fleet"
        if mounted:
            ended = fleet.wait(fleet.start(out, 1 + number % 2))
            subprocess.run(["mount", "-o", f"remount,size={4 * needed}", str(place)], check=True)
        else:
            limit = (room // 16, room // 16)
            ended = fleet.wait(
                fleet.start(out, 1 + number % 2, prepare=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
            )
        return judged(fleet, out, ended, (4,), how="tmpfs" if mounted else "RLIMIT_FSIZE")


def read_only_output(fleet: TinyFleet, number: int) -> Round:
    """Nobody may write into the fleet's folder: from the start, or from a random moment on."""
    out = fleet.fresh("read-only-output")
    out.mkdir()
    if number % 2 == 0:
        with unwritable(out) as how:
            ended = fleet.wait(fleet.start(out, 1 + number // 2 % 2))
        return judged(fleet, out, ended, (4,), how=f"{how} before")
    process = fleet.start(out, 1 + number // 2 % 2)
    wait_for_start(out, process)
    wait_a_moment(fleet, out, process, 1 + number // 2 % 2)
    with unwritable(out) as how:
        ended = fleet.wait(process)
    return judged(fleet, out, ended, (0, 4), how=f"{how} meanwhile")


def read_only_target(fleet: TinyFleet, number: int) -> Round:
    """The frames lie where nobody may write: nothing may be missing, and nothing be written there."""
    out = fleet.fresh("read-only-target")
    halls = Path(shutil.copytree(fleet.halls, fleet.fresh("halls")))
    before = digests(halls)
    subprocess.run(["chmod", "-R", "a-w", str(halls)], check=True)
    mounted = mount("--bind", str(halls), str(halls)) and mount("-o", "remount,ro,bind", str(halls))
    try:
        file = fleet.write_file(fleet.work / "read-only.toml", halls)
        ended = fleet.wait(fleet.start(out, 1 + number % 2, file))
        losses = [] if digests(halls) == before else ["something was written beside the frames"]
        return judged(fleet, out, ended, (0,), losses, file, "ro mount" if mounted else "chmod")
    finally:
        if mounted:
            subprocess.run(["umount", str(halls)], check=True)
        subprocess.run(["chmod", "-R", "u+w", str(halls)], check=True)


def frames_come_and_go(fleet: TinyFleet, number: int) -> Round:
    """Frames are added, taken away and put back while the fleet runs; at last all is as it was."""
    out = fleet.fresh("frames-change")
    halls = Path(shutil.copytree(fleet.halls, fleet.fresh("halls")))
    file = fleet.write_file(fleet.work / "frames-change.toml", halls)
    process = fleet.start(out, 1 + number % 2, file)
    wait_for_start(out, process)
    with shuffling(halls, fleet.work / "parked", fleet.random.randrange(2**32)):
        ended = fleet.wait(process)
    # Half a run is one without a report; other bytes are right while other frames lay there.
    losses = [f"{name} holds half a run" for name in fleet.names if half(out / name)]
    return judged(fleet, out, ended, (0, 4), losses, file, frames_differ=True)


def corrupt_memory(fleet: TinyFleet, number: int) -> Round:
    """A byte of the source memory flips: before the start, or while the fleet runs; then it is mended."""
    out, source = fleet.fresh("corrupt-memory"), fleet.fresh("source")
    shutil.copytree(fleet.source, source)
    file = fleet.write_file(fleet.work / "corrupt-memory.toml", fleet.halls, source)
    memory = source / "source_memory.safetensors"
    whole = memory.read_bytes()
    place = fleet.random.randrange(len(whole))
    damaged = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
    before_start = number % 2 == 0
    if before_start:
        memory.write_bytes(damaged)
    process = fleet.start(out, 1 + number // 2 % 2, file)
    if not before_start:
        wait_for_start(out, process)
        time.sleep(fleet.random.uniform(0, fleet.span(1) / 4))
        memory.write_bytes(damaged)
    ended = fleet.wait(process)
    memory.write_bytes(whole)
    losses = ["a model was made of a damaged source"] if before_start and any(_runs(fleet, out)) else []
    return judged(fleet, out, ended, (4,) if before_start else (0, 4), losses, file)


def clock_backwards(fleet: TinyFleet, number: int) -> Round:
    """Clocks of every process leap, `time.time` back and `time.monotonic` ahead; frames are from the future."""
    out, place = fleet.fresh("clock"), fleet.fresh("patch")
    halls = Path(shutil.copytree(fleet.halls, fleet.fresh("halls")))
    for frame in halls.rglob("*.jpg"):
        os.utime(frame, (time.time() + 86400 * 400,) * 2)
    place.mkdir()
    (place / "sitecustomize.py").write_text(JUMPING.format(seed=fleet.random.randrange(2**32), seen=place / "seen"))
    file = fleet.write_file(fleet.work / "clock.toml", halls)
    ended = fleet.wait(fleet.start(out, 1 + number % 2, file, {"PYTHONPATH": path_before(place)}))
    losses = [] if (place / "seen").exists() else ["no clock ever jumped: the trial is void"]
    return judged(fleet, out, ended, (0,), losses, file)


def _working(fleet: TinyFleet, name: str) -> tuple[Path, "subprocess.Popen[str]", list[psutil.Process]]:
    """A fleet of two workers at a random moment of its work."""
    out = fleet.fresh(name)
    process = fleet.start(out, parallel=2)
    workers(process)  # the moment counts from when they are there
    wait_a_moment(fleet, out, process, 2)
    return out, process, workers(process)


def _over_old(fleet: TinyFleet, out: Path) -> dict[str, dict[str, str]]:
    """Puts finished runs of other settings in the place of the new ones."""
    shutil.copytree(fleet.old, out, copy_function=os.link)
    return {name: digests(out / name) for name in fleet.names}


def _runs(fleet: TinyFleet, out: Path) -> Iterator[Path]:
    return (out / name for name in fleet.names if (out / name).exists())
