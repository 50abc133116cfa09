"""The source memory: balanced, faithful, and refused when it is damaged."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from adaptprint.errors import BadDataError
from adaptprint.frames.pixels import Pixels
from adaptprint.models.memory import SourceFrames, choose_memory, read_memory, write_memory

CLASSES = ["good", "bad"]
BuildPixels = Callable[..., Pixels]


@pytest.fixture
def memory(make_pixels: BuildPixels) -> SourceFrames:
    return choose_memory(make_pixels(), ["P1/b/1.jpg", "P2/c/3.jpg"], CLASSES, seed=0)


@pytest.fixture
def file(memory: SourceFrames, tmp_path: Path) -> Path:
    write_memory(tmp_path / "memory.safetensors", memory)
    return tmp_path / "memory.safetensors"


def rewrite(file: Path, table: dict[str, list[object]] | None = None, **tensors: torch.Tensor) -> None:
    """The same file with other tensors or table columns."""
    with safe_open(file, framework="pt") as opened:
        rows = json.loads(opened.metadata()["table"])
    save_file({**load_file(file), **tensors}, file, metadata={"table": json.dumps({**rows, **(table or {})})})


def test_ids_labels_and_marks_come_back_exactly(memory: SourceFrames, file: Path) -> None:
    loaded = read_memory(file, (32, 32))
    columns = ["name", "printer", "print", "time", "label"]
    assert loaded.table.data.select(columns).equals(memory.table.data.select(columns))
    assert loaded.held_out.tolist() == memory.held_out.tolist()
    assert loaded.table.where(loaded.held_out).data["name"].to_list() == ["P1/b/1.jpg", "P2/c/3.jpg"]
    assert loaded.digests == memory.digests
    assert len(loaded) == 32


def test_frames_come_back_nearly_as_they_were(make_pixels: BuildPixels, tmp_path: Path) -> None:
    pixels = make_pixels()
    smooth = np.broadcast_to(np.linspace(20, 230, 32)[:, None, None], (32, 32, 32, 3)).astype(np.uint8).copy()
    smooth[:, :, :, 0] += np.arange(32, dtype=np.uint8)[:, None, None] // 2
    memory = choose_memory(Pixels(pixels.table, smooth, pixels.digests, []), [], CLASSES, seed=0)
    write_memory(tmp_path / "m", memory)
    difference = read_memory(tmp_path / "m", (32, 32)).array.astype(int) - smooth
    assert np.abs(difference).max() <= 6


def test_frames_keep_their_height_and_width_apart(make_pixels: BuildPixels, tmp_path: Path) -> None:
    pixels = make_pixels()
    wide = Pixels(pixels.table, np.concatenate([pixels.array, pixels.array], axis=2), pixels.digests, [])
    write_memory(tmp_path / "m", choose_memory(wide, [], CLASSES, seed=0))
    assert read_memory(tmp_path / "m", (32, 64)).array.shape == (32, 32, 64, 3)
    with pytest.raises(BadDataError, match="another size"):
        read_memory(tmp_path / "m", (64, 32))


def test_marks_follow_their_frames_into_a_smaller_memory(make_pixels: BuildPixels) -> None:
    pixels = make_pixels()
    unseen = [name for name in pixels.table.data["name"] if name.startswith("P2/")]
    memory = choose_memory(pixels, unseen, CLASSES, seed=0, max_frames=8)
    assert memory.held_out.tolist() == [name in unseen for name in memory.table.data["name"]]
    assert 0 < memory.held_out.sum() < 8


def test_ids_that_look_like_numbers_stay_text(make_pixels: BuildPixels, tmp_path: Path) -> None:
    pixels = make_pixels([("021", "007", "good", 2), ("Gerät 2", "1e3", "bad", 2)])
    write_memory(tmp_path / "m", choose_memory(pixels, [], CLASSES, seed=0))
    table = read_memory(tmp_path / "m", (32, 32)).table
    assert table.printers == ["021", "Gerät 2"]
    assert table.prints["print"].to_list() == ["007", "1e3"]


def test_the_choice_is_balanced_by_class_then_printer_then_print(make_pixels: BuildPixels) -> None:
    prints = [("A", "a", "good", 300), ("A", "b", "good", 30), ("B", "c", "good", 40), ("B", "d", "bad", 60)]
    pixels = make_pixels(prints)
    memory = choose_memory(pixels, [], CLASSES, seed=1, max_frames=48)
    counts = dict(memory.table.prints.select("print", "n_frames").iter_rows())
    assert counts == {"a": 6, "b": 6, "c": 12, "d": 24}
    assert len(set(memory.table.data["name"])) == 48
    for row, name in enumerate(memory.table.data["name"]):
        original = pixels.table.data["name"].to_list().index(name)
        assert np.array_equal(memory.array[row], pixels.array[original])


def test_the_seed_decides_the_choice(make_pixels: BuildPixels) -> None:
    pixels = make_pixels()

    def names(seed: int) -> list[str]:
        return choose_memory(pixels, [], CLASSES, seed, max_frames=8).table.data["name"].to_list()

    assert names(3) == names(3)
    assert names(3) != names(4)


def test_the_digests_of_frames_that_were_not_chosen_travel_too(make_pixels: BuildPixels, tmp_path: Path) -> None:
    pixels = make_pixels()
    write_memory(tmp_path / "m", choose_memory(pixels, [], CLASSES, seed=0, max_frames=4))
    loaded = read_memory(tmp_path / "m", (32, 32))
    assert len(loaded) == 4
    assert loaded.digests == frozenset(pixels.digests)


def test_a_memory_without_digests_can_be_kept(memory: SourceFrames, tmp_path: Path) -> None:
    write_memory(tmp_path / "m", SourceFrames(memory.table, memory.array, memory.held_out))
    assert read_memory(tmp_path / "m", (32, 32)).digests == frozenset()


def test_the_helper_of_these_tests_writes_a_memory_that_loads(file: Path) -> None:
    rewrite(file)
    assert len(read_memory(file, (32, 32))) == 32


def test_a_memory_is_handed_on_as_it_was_read(file: Path, tmp_path: Path) -> None:
    write_memory(tmp_path / "again", read_memory(file, (32, 32)))
    assert (tmp_path / "again").read_bytes() == file.read_bytes()


def test_a_memory_of_another_size_is_refused(file: Path) -> None:
    with pytest.raises(BadDataError, match="another size"):
        read_memory(file, (32, 64))


@pytest.mark.parametrize(
    "tensors",
    [
        {"offsets": torch.zeros(33, dtype=torch.int64)},
        {"offsets": torch.arange(32)},
        {"offsets": torch.full((33,), -1)},
        {"offsets": torch.arange(33) % 2 * 10**9},
        {"offsets": torch.linspace(0, 1, 33)},
        {"held_out": torch.zeros(31, dtype=torch.bool)},
        {"held_out": torch.zeros((32, 2), dtype=torch.bool)},
        {"jpeg": torch.zeros(10, dtype=torch.uint8)},
        {"digests": torch.zeros((), dtype=torch.uint8)},
    ],
    ids=lambda tensors: " ".join(f"{name} {tuple(value.shape)}" for name, value in tensors.items()),
)
def test_tensors_that_contradict_each_other_are_refused(file: Path, tensors: dict[str, torch.Tensor]) -> None:
    rewrite(file, **tensors)
    with pytest.raises(BadDataError, match="is damaged"):
        read_memory(file, (32, 32))


@pytest.mark.parametrize("change", [lambda offsets: offsets[:-1], lambda offsets: torch.cat([offsets, offsets[-1:]])])
def test_a_memory_with_a_frame_too_few_or_too_many_is_refused(
    file: Path, change: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    rewrite(file, offsets=change(load_file(file)["offsets"]))
    with pytest.raises(BadDataError, match="different lengths"):
        read_memory(file, (32, 32))


@pytest.mark.parametrize(
    "table", [{"label": ["good"]}, {"label": [1] * 32}, {"time": ["noon"] * 32}, {"name": [["x"]] * 32}]
)
def test_a_table_of_the_wrong_kind_is_refused(file: Path, table: dict[str, list[object]]) -> None:
    rewrite(file, table)
    with pytest.raises(BadDataError, match="is damaged"):
        read_memory(file, (32, 32))


def test_a_memory_without_its_table_is_refused(file: Path) -> None:
    save_file(load_file(file), file)
    with pytest.raises(BadDataError, match="is damaged"):
        read_memory(file, (32, 32))


def test_a_frame_that_claims_to_be_gigantic_is_refused_without_room_being_made_for_it(file: Path) -> None:
    jpeg = bytearray(load_file(file)["jpeg"].numpy().tobytes())
    size = jpeg.index(b"\xff\xc0") + 5
    jpeg[size : size + 4] = b"\xff\x00\xff\x00"
    rewrite(file, jpeg=torch.frombuffer(jpeg, dtype=torch.uint8))
    with pytest.raises(BadDataError, match="is damaged"):
        read_memory(file, (32, 32))


def test_a_missing_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match="is damaged"):
        read_memory(tmp_path / "nowhere", (32, 32))
