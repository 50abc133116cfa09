"""The pixel cache: right, bounded, shared, deletable, and never in the way."""

import errno
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from adaptprint.errors import UsageError
from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.kept_files import default_folder, default_limit
from adaptprint.frames.pixel_cache import PixelCache, content_digest

SIZE = (8, 10)
PLAIN = CameraProfile()
ENTRY = 8 * 10 * 3 + 16


def frame(seed: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3)).astype(np.uint8)


def entries(cache: PixelCache) -> list[Path]:
    return [file for file in cache.folder.rglob("*") if file.is_file()]


def put(cache: PixelCache, *seeds: int) -> None:
    for seed in seeds:
        cache.put(str(seed), SIZE, PLAIN, frame(seed))


def test_what_was_put_is_got_under_its_own_key_only(tmp_path: Path) -> None:
    cache = PixelCache(tmp_path)
    put(cache, 1)
    kept = PixelCache(tmp_path).get("1", SIZE, PLAIN)
    assert kept is not None
    assert (kept == frame(1)).all()
    assert cache.get("2", SIZE, PLAIN) is None
    assert cache.get("1", (10, 8), PLAIN) is None
    assert cache.get("1", SIZE, CameraProfile(rotate=90)) is None


def test_one_file_each_in_at_most_256_folders(tmp_path: Path) -> None:
    cache = PixelCache(tmp_path)
    put(cache, *range(40))
    assert len(entries(cache)) == 40
    assert all(len(file.parent.name) == 2 and file.parent.parent.name == "pixels" for file in entries(cache))


@pytest.mark.parametrize("damage", [b"", b"short", bytes(ENTRY), bytes(ENTRY + 1)])
def test_a_damaged_entry_is_dropped(tmp_path: Path, damage: bytes) -> None:
    cache = PixelCache(tmp_path)
    put(cache, 1)
    entries(cache)[0].write_bytes(damage)
    assert cache.get("1", SIZE, PLAIN) is None
    assert entries(cache) == []


def test_the_limit_holds_and_the_oldest_go_first(tmp_path: Path) -> None:
    cache = PixelCache(tmp_path, limit_bytes=10 * ENTRY)
    for seed in range(40):
        put(cache, seed)
        for file in entries(cache):  # time passes
            os.utime(file, (file.stat().st_atime, file.stat().st_mtime - 10))
        assert sum(file.stat().st_size for file in entries(cache)) <= 11 * ENTRY
    assert cache.get("39", SIZE, PLAIN) is not None
    assert cache.get("0", SIZE, PLAIN) is None


def test_the_folder_is_not_measured_on_every_put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = PixelCache(tmp_path, limit_bytes=1000 * ENTRY)
    measured: list[int] = []
    trim = cache._files._trim

    def counted() -> int:
        measured.append(1)
        return trim()

    monkeypatch.setattr(cache._files, "_trim", counted)
    put(cache, *range(100))
    assert len(measured) == 1


def test_it_may_be_deleted_at_any_time(tmp_path: Path) -> None:
    cache = PixelCache(tmp_path / "cache")
    put(cache, 1)
    shutil.rmtree(tmp_path / "cache")
    assert cache.get("1", SIZE, PLAIN) is None
    put(cache, 1)
    assert cache.get("1", SIZE, PLAIN) is not None
    assert cache.notes == []


def test_deleting_it_while_threads_write_does_no_harm(tmp_path: Path) -> None:
    cache = PixelCache(tmp_path / "cache")
    done = threading.Event()

    def delete() -> None:
        while not done.is_set():
            shutil.rmtree(tmp_path / "cache", ignore_errors=True)

    deleter = threading.Thread(target=delete)
    deleter.start()
    writers = [threading.Thread(target=put, args=(cache, *range(at, at + 100))) for at in (0, 50)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    deleter.join()
    assert cache.notes == []


def test_a_folder_that_is_made_and_deleted_while_it_is_being_made_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, mkdir = PixelCache(tmp_path / "cache"), os.mkdir

    def lost_race(path: str, *rest: int) -> None:
        monkeypatch.setattr(os, "mkdir", mkdir)
        raise FileExistsError(errno.EEXIST, "File exists", str(path))

    monkeypatch.setattr(os, "mkdir", lost_race)
    put(cache, 1)
    assert cache.notes == []
    put(cache, 2)
    assert cache.get("2", SIZE, PLAIN) is not None


def test_a_folder_that_is_a_link_to_nowhere_is_done_without_and_noted(tmp_path: Path) -> None:
    (tmp_path / "cache").symlink_to(tmp_path / "gone")
    cache = PixelCache(tmp_path / "cache")
    put(cache, 1, 2)
    assert len(cache.notes) == 1


def test_a_folder_that_cannot_be_written_is_done_without_and_noted_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = PixelCache(tmp_path / "file" / "cache")
    put(cache, 1, 2)
    assert cache.get("1", SIZE, PLAIN) is None
    assert len(cache.notes) == 1
    assert "cannot be written" in cache.notes[0]


def test_a_full_disk_leaves_no_half_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device")

    cache = PixelCache(tmp_path)
    monkeypatch.setattr(Path, "write_bytes", full)
    (tmp_path / "pixels").mkdir()
    for shelf in range(256):
        (tmp_path / "pixels" / f"{shelf:02x}").mkdir()
    put(cache, 1)
    assert entries(cache) == []
    assert "No space left on device" in cache.notes[0]


def test_a_limit_of_zero_keeps_nothing(tmp_path: Path) -> None:
    cache = PixelCache(tmp_path, limit_bytes=0)
    put(cache, 1)
    assert entries(cache) == []


def test_two_processes_share_it(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from adaptprint.frames.pixel_cache import PixelCache\n"
        "from adaptprint.frames.camera import CameraProfile\n"
        f"cache = PixelCache(Path({str(tmp_path)!r}), limit_bytes={20 * ENTRY})\n"
        "for seed in range(200):\n"
        "    pixels = np.full((8, 10, 3), seed, np.uint8)\n"
        "    cache.put(str(seed), (8, 10), CameraProfile(), pixels)\n"
        "    got = cache.get(str(seed), (8, 10), CameraProfile())\n"
        "    assert got is None or (got == seed).all()\n"
        "sys.exit(len(cache.notes))\n"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [run.wait(60) for run in runs] == [0, 0]
    assert sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) <= 26 * ENTRY


def test_folder_and_limit_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADAPTPRINT_CACHE", str(tmp_path))
    assert default_folder() == tmp_path
    assert default_limit() == 8 * 2**30
    monkeypatch.setenv("ADAPTPRINT_CACHE_GB", "0.5")
    assert default_limit() == 2**29
    for nonsense in ("much", "-1", "nan"):
        monkeypatch.setenv("ADAPTPRINT_CACHE_GB", nonsense)
        with pytest.raises(UsageError, match="ADAPTPRINT_CACHE_GB"):
            PixelCache()


def test_the_digest_tells_contents_apart() -> None:
    assert content_digest(b"a") != content_digest(b"b")
    assert len(content_digest(b"")) == 32
