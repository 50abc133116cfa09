"""Tiny frames below a folder, competition CSVs, and a cache folder of each test's own."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from adaptprint.synth.film import film_print
from adaptprint.synth.orders import place_orders
from adaptprint.synth.scene import set_scene

KINDS = {".png": "PNG", ".bmp": "BMP", ".webp": "WEBP"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("ADAPTPRINT_CACHE", str(folder))
    monkeypatch.delenv("ADAPTPRINT_CACHE_GB", raising=False)
    return folder


@pytest.fixture(scope="session")
def film() -> list[Image.Image]:
    """Frames of different rendered printers, 160 x 96 pixels."""
    orders = place_orders(
        ["magpie", "amber", "saffron", "frost", "onyx", "ember"], 1, 3, 0.0, 4, "endoscope", (96, 160)
    )
    shots = (film_print(set_scene(order.printer, 96, 160), order.job, 4, 0, 3) for order in orders)
    return [Image.fromarray(list(shot)[-1].pixels) for shot in shots]


@pytest.fixture
def picture(film: list[Image.Image]) -> Callable[..., Image.Image]:
    """A piece of a rendered frame at the given size (h, w); each seed gives another one."""

    def cut(seed: int = 0, size: tuple[int, int] = (48, 64)) -> Image.Image:
        rng = np.random.default_rng(seed)
        frame = film[seed % len(film)].rotate(int(rng.integers(360)), Image.Resampling.BICUBIC)
        left, top = int(rng.integers(30, 70)), int(rng.integers(10, 40))
        piece = frame.crop((left, top, left + 56, top + 42)).filter(ImageFilter.GaussianBlur(1.5))
        return piece.resize((size[1], size[0]), Image.Resampling.BICUBIC)

    return cut


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
