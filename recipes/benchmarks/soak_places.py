# part of: python recipes/benchmarks/soak.py
"""Places that turn against a fleet: small disks, read-only ones, frames that come and go, a clock that jumps."""

import os
import random
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# A sitecustomize.py: Python runs it in every process that finds it first.
JUMPING = """
import random, time
_draw = random.Random({seed})

def jumping(clock, way):
    off = 0.0
    def read():
        nonlocal off
        if _draw.random() < 0.2:
            off += way * _draw.choice((0.5, 60, 3600, 86400))
            open("{seen}", "a").close()
        return clock() + off
    return read

time.time, time.monotonic = jumping(time.time, -1), jumping(time.monotonic, 1)
"""


def path_before(place: Path) -> str:
    """PYTHONPATH with a folder that is looked into first."""
    return os.pathsep.join([str(place), *filter(None, [os.environ.get("PYTHONPATH")])])


def mount(*words: str) -> bool:
    """Whether it could be mounted: only root may, and not everywhere."""
    try:
        return subprocess.run(["mount", *words], capture_output=True).returncode == 0
    except OSError:
        return False


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[bool]:
    """A disk of its own at ``place``; false where none may be mounted."""
    place.mkdir()
    mounted = mount("-t", "tmpfs", "-o", f"size={size}", "none", str(place))
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(place)], check=True)


@contextmanager
def unwritable(folder: Path) -> Iterator[str]:
    """Nobody may make or rename anything in a folder; says how. Root, who may do all, is kept off by `chattr +i`.

    A disk cannot be remounted read-only here: the fleet's lock is open for writing all the time.
    """
    folder.chmod(0o555)
    try:
        fixed = subprocess.run(["chattr", "+i", str(folder)], capture_output=True).returncode == 0
    except OSError:
        fixed = False
    try:
        yield "chattr" if fixed else "chmod"
    finally:
        if fixed:
            subprocess.run(["chattr", "-i", str(folder)], check=True)
        folder.chmod(0o755)


@contextmanager
def shuffling(halls: Path, parked: Path, seed: int) -> Iterator[None]:
    """Inside the block frames come and go; after it all lie where they lay, times and all."""
    draw, over = random.Random(seed), threading.Event()
    frames, added, away = sorted(halls.rglob("*.jpg")), [], {}
    parked.mkdir(exist_ok=True)

    def shuffle() -> None:
        while not over.wait(0.02):
            frame = draw.choice(frames)
            if frame in away:
                away.pop(frame).rename(frame)
            elif draw.random() < 0.3:
                added.append(frame.with_name(f"new-{len(added)}.jpg"))
                shutil.copy(next(each for each in frames if each not in away), added[-1])
            else:
                away[frame] = parked / str(len(frame.parts) * 10**6 + frames.index(frame))
                frame.rename(away[frame])

    thread = threading.Thread(target=shuffle)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        for frame, place in away.items():
            place.rename(frame)
        for frame in added:
            frame.unlink()
