"""Makes room for all decoded frames: in memory, or above a limit in a file that is mapped into it."""

import os
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from adaptprint.errors import OutputError

Pixels8 = npt.NDArray[np.uint8]

RAM_LIMIT_BYTES = 2 * 2**30


def room_for(n: int, size: tuple[int, int], folder: Path, limit_bytes: int | None = None) -> Pixels8:
    """An array for ``n`` frames; its values are arbitrary.

    Above the limit the array lives in a file without a name, which vanishes with the process.

    Args:
        n: How many frames.
        size: Height and width.
        folder: Where the file is made; the system's folder for temporary files where that fails.
        limit_bytes: None means :data:`RAM_LIMIT_BYTES`.

    Returns:
        (n, h, w, 3) uint8.

    Raises:
        OutputError: A file is needed, and no disk has room for it.
    """
    shape = (n, *size, 3)
    needed = n * size[0] * size[1] * 3
    if needed <= (RAM_LIMIT_BYTES if limit_bytes is None else limit_bytes):
        return np.empty(shape, dtype=np.uint8)
    try:
        return _mapped(shape, needed, folder)
    except OSError:
        pass  # a second place is tried
    try:
        return _mapped(shape, needed, Path(tempfile.gettempdir()))
    except OSError as error:
        raise OutputError(
            f"{needed / 2**30:.1f} GiB of decoded frames fit on no disk ({error.strerror or error}).",
            f"Free disk space in {folder}, or set ADAPTPRINT_CACHE to a folder on a larger disk.",
        ) from error


def _mapped(shape: tuple[int, ...], needed: int, folder: Path) -> Pixels8:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder, prefix="frames-") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, needed)  # a full disk shows here, not as a crash later
        else:
            file.truncate(needed)
        return np.memmap(file, dtype=np.uint8, mode="r+", shape=shape)
