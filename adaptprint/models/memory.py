"""Source memory: a small, balanced set of labelled source frames that travels inside the checkpoint.

It lets ``adapt`` run on a machine that never saw the source data.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from adaptprint.errors import BadDataError
from adaptprint.frames.pixels import Pixels
from adaptprint.frames.sampling import balanced_rows
from adaptprint.frames.table import SCHEMA, FrameTable
from adaptprint.models.embed import Frames

MAX_FRAMES = 2000
_JPEG_QUALITY = 92


@dataclass(frozen=True)
class SourceFrames:
    """Labelled source frames at network size, from a checkpoint's memory or from the full source data.

    Attributes:
        table: n labelled frames with printer and print ids.
        array: (n, h, w, 3) uint8 RGB.
        held_out: (n,) bool: which frames the source model was not trained on; all false where unknown.
        digests: Content digests of all frames of the source, also of those beyond the n; they tell whether a target
            is the source itself.
        jpegs: The n frames as they were read from a memory, which is then handed on as it is; empty where there was
            none.
    """

    table: FrameTable
    array: Frames
    held_out: npt.NDArray[np.bool_]
    digests: frozenset[str] = frozenset()
    jpegs: tuple[bytes, ...] = ()

    def __len__(self) -> int:
        return len(self.table)


def choose_memory(
    pixels: Pixels, held_out: Sequence[str], classes: Sequence[str], seed: int, max_frames: int = MAX_FRAMES
) -> SourceFrames:
    """A class-, printer- and print-balanced coreset of the source.

    Args:
        pixels: All labelled source frames.
        held_out: Names of the frames that training did not see; the coreset keeps their share.
        classes: Class names in model order.
        seed: Decides the draw.
        max_frames: Size of the coreset at most.
    """
    table = pixels.table
    unseen = np.isin(table.data["name"].to_numpy(), list(held_out))
    levels = [table.label_codes(classes), table.printer_codes, table.print_codes]
    rows = balanced_rows(levels, max_frames, seed)
    return SourceFrames(table.take(rows), pixels.array[rows], unseen[rows], frozenset(pixels.digests))


def write_memory(path: Path, memory: SourceFrames) -> None:
    """Writes the memory as JPEG bytes and ids in one safetensors file."""
    # Encoded again, frames would lose a little with every model that they are handed to.
    frames = memory.jpegs or [_to_jpeg(frame) for frame in memory.array]
    offsets = np.concatenate([[0], np.cumsum([len(data) for data in frames])]).astype(np.int64)
    # Only ids travel: paths of the machine that trained are nobody's business.
    rows = memory.table.data.select("name", "printer", "print", "time", "label").to_dict(as_series=False)
    save_file(
        {
            "jpeg": torch.frombuffer(bytearray(b"".join(frames)), dtype=torch.uint8),
            "offsets": torch.from_numpy(offsets),
            "held_out": torch.from_numpy(np.ascontiguousarray(memory.held_out)),
            "digests": _pack_digests(memory.digests),
        },
        path,
        metadata={"table": json.dumps(rows)},
    )


def read_memory(path: Path, size: tuple[int, int]) -> SourceFrames:
    """Reads a memory back.

    Args:
        path: The safetensors file.
        size: Height and width that every frame must have.

    Raises:
        BadDataError: If the file is damaged or its frames have another size.
    """
    try:
        with safe_open(path, framework="pt") as file:
            rows = json.loads(file.metadata()["table"])
            data = file.get_tensor("jpeg").numpy().tobytes()
            offsets = file.get_tensor("offsets").numpy()
            held_out = file.get_tensor("held_out").numpy().astype(bool)
            digests = frozenset(bytes(row).hex() for row in file.get_tensor("digests").numpy())
        table = pl.DataFrame({**rows, "path": [""] * len(held_out)}, schema_overrides=SCHEMA).select(list(SCHEMA))
        if held_out.shape != (table.height,) or offsets.shape != (table.height + 1,):
            raise ValueError("its tables have different lengths")
        if table.height == 0 or any(table[name].null_count() for name in ("name", "printer", "print", "label")):
            raise ValueError("a frame has no name, printer, print or label")
        if (np.diff(offsets) < 0).any():
            raise ValueError("its frames overlap")
        array = np.empty((table.height, *size, 3), dtype=np.uint8)
        jpegs = tuple(data[start:end] for start, end in pairwise(offsets))
        for row, jpeg in enumerate(jpegs):
            with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
                if image.size != (size[1], size[0]):
                    raise ValueError("a frame has another size than the network")
                array[row] = np.asarray(image.convert("RGB"))
    except (
        SafetensorError,
        OSError,
        MemoryError,  # more frames are claimed than anything could hold
        ValueError,
        KeyError,
        TypeError,
        pl.exceptions.PolarsError,
        Image.DecompressionBombError,
    ) as error:
        raise BadDataError(
            f"the source memory {path} is damaged: {error}",
            "Copy the checkpoint again from where it was made.",
        ) from error
    return SourceFrames(FrameTable(table, path, "source memory"), array, held_out, digests, jpegs)


def _pack_digests(digests: frozenset[str]) -> torch.Tensor:
    rows = [list(bytes.fromhex(digest)) for digest in sorted(digests)]
    return torch.tensor(rows, dtype=torch.uint8).reshape(len(rows), len(rows[0]) if rows else 0)


def _to_jpeg(frame: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()
