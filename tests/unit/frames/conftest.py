"""Tiny frames below a folder, competition CSVs, and a cache folder of each test's own."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

KINDS = {".png": "PNG", ".bmp": "BMP", ".webp": "WEBP"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("ADAPTPRINT_CACHE", str(folder))
    monkeypatch.delenv("ADAPTPRINT_CACHE_GB", raising=False)
    return folder


@pytest.fixture
def picture() -> Callable[..., Image.Image]:
    """A smooth RGB picture of the given size (h, w); each seed gives another one."""

    def paint(seed: int = 0, size: tuple[int, int] = (48, 64)) -> Image.Image:
        coarse = np.random.default_rng(seed).integers(40, 215, (6, 8, 3)).astype(np.uint8)
        return Image.fromarray(coarse).resize((size[1], size[0]), Image.Resampling.BICUBIC)

    return paint


@pytest.fixture
def frames(tmp_path: Path, picture: Callable[..., Image.Image]) -> Callable[..., Path]:
    """Writes small images, each with other content, below ``tmp_path/data`` and returns that folder."""
    root = tmp_path / "data"
    root.mkdir()
    seeds = iter(range(10_000))

    def write(*names: str) -> Path:
        for name in names:
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            buffer = BytesIO()
            picture(next(seeds), (24, 32)).save(buffer, KINDS.get(file.suffix.lower(), "JPEG"))
            file.write_bytes(buffer.getvalue())
        return root

    return write


@pytest.fixture
def competition(frames: Callable[..., Path]) -> Callable[..., Path]:
    """Writes train.csv with the given rows, and the images that its first column names, below ``images/``."""

    def write(
        rows: list[str], header: str = "img_path,printer_id,print_id,has_under_extrusion", images: bool = True
    ) -> Path:
        root = frames()
        if images:
            frames(*(f"images/{row.split(',')[0]}" for row in rows))
        (root / "train.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return root

    return write
