# python recipes/benchmarks/stages.py --target DIR
"""How fast the two stages are that touch every frame: reading it and running the network over it.

1. Reading: a first pass (decoded, and kept in a fresh cache folder), a later pass from that cache, and a later epoch
   of one run (batches out of the array), beside torchvision's ImageFolder with a DataLoader, which decodes every
   epoch anew with as many workers as there are cores.
2. Decoders: what one core makes of the same JPEGs at the network's size, and how far the result is from Pillow's
   full decode. Decoders that are not installed are left out.
3. Network: ResNet-18 over frames of 224 x 128, as a share of the fastest arithmetic that torch reaches here: a large
   matrix product or a wide convolution (on some processors the library for float32 matrices is the slower one).

Files lie in the system's memory throughout: this measures the work, not the disk. Competitors take turns, round by
round; medians, and for the network the best of each.
"""

import argparse
import importlib
import io
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from growth import images_of, write_frames
from machine import TARGET, Row, refuse_missing, report, use_cache
from PIL import Image
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode
from torchvision.datasets import ImageFolder
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.transforms import Compose, Resize, ToTensor
from torchvision.transforms.v2.functional import resize

from adaptprint.frames.decode import decode
from adaptprint.frames.frame_files import usable_cores
from adaptprint.frames.layouts import read_frames
from adaptprint.frames.network_size import network_size
from adaptprint.frames.pixels import load_pixels
from adaptprint.models.device import Compute, Precision, choose_compute
from adaptprint.models.embed import embed, to_images
from adaptprint.models.network import PrintNet

Size = tuple[int, int]
Pixels8 = np.ndarray[Any, np.dtype[np.uint8]]
Decoder = Callable[[bytes, Size], Pixels8]
"""The bytes of a JPEG to (h, w, 3) uint8 at the given height and width."""

BATCH = 64
NETWORK_SIZE: Size = (128, 224)
DECODED = 200  # JPEGs that the decoders are given


def in_turn(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each piece of work, round by round; a first round is not counted."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            if number > 0:
                found[name].append(time.perf_counter() - started)
    return found


def measure_reading(folder: Path, caches: Path, rounds: int) -> list[Row]:
    """Frames per second of every way to come by batches of frames.

    Args:
        folder: Frames in folders, which torchvision takes for classes.
        caches: An empty folder for the caches.
        rounds: Counted rounds.
    """
    table = read_frames(folder, layout="prints", labels="ignored")
    size, workers, cpu = network_size(table), usable_cores(), Compute(torch.device("cpu"), "fp32")
    # Workers stay between epochs, so that their start is not counted against them.
    loader = DataLoader(
        ImageFolder(str(folder), Compose([Resize(size), ToTensor()])),
        BATCH, shuffle=True, num_workers=workers, persistent_workers=True,
    )  # fmt: skip

    def first_pass() -> None:
        use_cache(Path(tempfile.mkdtemp(dir=caches)))
        load_pixels(table, size)

    first_pass()
    array = load_pixels(table, size).array

    def epoch() -> None:
        order = np.random.default_rng(0).permutation(len(array))
        for start in range(0, len(order), BATCH):
            to_images(array[order[start : start + BATCH]], cpu)

    works = {
        f"ImageFolder, Resize, ToTensor, {workers} workers: any epoch": lambda: [None for _ in loader],
        "adaptprint, first pass: decode and keep": first_pass,
        "adaptprint, later pass: from the cache": lambda: load_pixels(table, size),
        "adaptprint, later epoch of one run: from the array": epoch,
    }
    rates = {name: len(table) / statistics.median(seconds) for name, seconds in in_turn(works, rounds).items()}
    plain = next(iter(rates.values()))
    return [{"reading": name, "frames/s": rate, "ratio": rate / plain} for name, rate in rates.items()]


def with_pillow(data: bytes, size: Size, draft: bool = False) -> Pixels8:
    """Pillow; with ``draft`` at the smallest of the JPEG's reduced scales that will do."""
    image = Image.open(io.BytesIO(data))
    if draft:
        image.draft("RGB", (size[1], size[0]))
    return np.asarray(image.convert("RGB").resize((size[1], size[0]), Image.Resampling.BILINEAR))


def with_torchvision(data: bytes, size: Size) -> Pixels8:
    """The decoder of torchvision at full size, then its resize."""
    whole = decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), ImageReadMode.RGB)
    return np.asarray(resize(whole, list(size), antialias=True).permute(1, 2, 0))


def with_simplejpeg(data: bytes, size: Size) -> Pixels8:
    """libjpeg-turbo at a reduced scale, then Pillow's resize."""
    reduced = importlib.import_module("simplejpeg").decode_jpeg(data, "RGB", min_height=size[0], min_width=size[1])
    return np.asarray(Image.fromarray(reduced).resize((size[1], size[0]), Image.Resampling.BILINEAR))


def with_pyav(data: bytes, size: Size) -> Pixels8:
    """FFmpeg's decoder at full size, then its area resize."""
    av = importlib.import_module("av")
    codec = av.CodecContext.create("mjpeg", "r")
    codec.thread_count = 1
    frame = [*codec.decode(av.Packet(data)), *codec.decode(None)][0]
    return np.asarray(frame.reformat(size[1], size[0], "rgb24", interpolation="AREA").to_ndarray())


def measure_decoders(jpegs: list[bytes], size: Size, rounds: int) -> list[Row]:
    """Frames per second of one thread, and the mean difference from Pillow's full decode in grey levels."""
    decoders: dict[str, Decoder] = {
        "Pillow, full decode": with_pillow,
        "Pillow, draft": partial(with_pillow, draft=True),
        "adaptprint: Pillow, draft, reducing gap": decode,
        "torchvision.io.decode_jpeg, resize": with_torchvision,
    }
    decoders |= {"simplejpeg at a reduced scale, Pillow's resize": with_simplejpeg} if find_spec("simplejpeg") else {}
    decoders |= {"PyAV: FFmpeg, area resize": with_pyav} if find_spec("av") else {}

    def all_with(decoder: Decoder) -> list[Pixels8]:
        return [decoder(data, size) for data in jpegs]

    true = np.stack(all_with(with_pillow)).astype(float)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    found = in_turn({name: partial(all_with, decoder) for name, decoder in decoders.items()}, rounds)
    torch.set_num_threads(threads)
    return [
        {
            "decoder": name,
            "frames/s": len(jpegs) / statistics.median(found[name]),
            "difference": float(np.abs(np.stack(all_with(decoder)) - true).mean()),
        }
        for name, decoder in decoders.items()
    ]


def measure_network(compute: Compute, frames: int, rounds: int) -> Row:
    """Frames per second of :func:`embed`, and the share of the machine's arithmetic that they make.

    Args:
        compute: Device and number format.
        frames: Frames per pass.
        rounds: Counted rounds.
    """
    on_gpu = compute.device.type == "cuda"
    network = PrintNet("resnet18", 2).on(compute.device).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, *NETWORK_SIZE, device=compute.device))
    flops = counter.get_total_flops()  # of one frame; a multiplication with its addition counts as two
    pixels = np.random.default_rng(0).integers(0, 256, (frames, *NETWORK_SIZE, 3), dtype=np.uint8)
    side, batch, repeats = (8192, 64, 20) if on_gpu else (2048, 16, 1)
    kind = torch.bfloat16 if compute.precision == "bf16" else torch.float32
    matrix = torch.rand(side, side, device=compute.device).to(kind)
    maps = torch.rand(batch, 256, 32, 56, device=compute.device).to(kind, memory_format=torch.channels_last)
    kernel = torch.rand(256, 256, 3, 3, device=compute.device).to(kind, memory_format=torch.channels_last)

    def repeated(product: Callable[[], torch.Tensor]) -> None:
        with torch.inference_mode():
            for _ in range(repeats):
                last = product()
            last.flatten()[0].item()  # a GPU has finished when it answers

    found = in_turn(
        {
            "network": lambda: embed(network, pixels, compute),
            "matrices": lambda: repeated(lambda: matrix @ matrix),
            "convolution": lambda: repeated(lambda: torch.conv2d(maps, kernel, padding=1)),
        },
        rounds,
    )
    work = {"network": frames * flops, "matrices": repeats * 2 * side**3}
    work["convolution"] = repeats * 2 * 9 * maps.numel() * 256
    rates = {name: amount / min(found[name]) for name, amount in work.items()}
    return {
        "number format": compute.precision,
        "frames/s": frames / min(found["network"]),
        "GFLOP/frame": flops / 1e9,
        **{f"{name}, GFLOP/s": rate / 1e9 for name, rate in rates.items()},
        "share, %": 100 * rates["network"] / max(rates["matrices"], rates["convolution"]),
    }


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=Path, default=TARGET, help="frames to read (default: the demo's)")
    parser.add_argument("--frames", type=int, default=2000, help="files to read; the target's are repeated")
    parser.add_argument("--embed", type=int, default=512, help="frames to run the network over")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds, after one warm-up")
    parser.add_argument("--device", default="auto", help="of the network: auto, cpu or cuda")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    refuse_missing(options.target)
    images = images_of(options.target)
    tables: dict[str, list[Row]] = {}
    with tempfile.TemporaryDirectory(prefix="adaptprint-stages-") as folder:
        frames, caches = write_frames(images, Path(folder) / "frames", options.frames), Path(folder) / "caches"
        caches.mkdir()
        tables["Reading, all cores"] = measure_reading(frames, caches, options.rounds)
        jpegs = [image.read_bytes() for image in images if image.suffix.lower() in {".jpg", ".jpeg"}][:DECODED]
        if jpegs:
            tables["Decoders, one thread"] = measure_decoders(jpegs, NETWORK_SIZE, options.rounds)
        chosen = choose_compute(options.device)
        if chosen.device.type == "cuda":  # cuDNN's convolutions use TF32 unless told otherwise: matrices may, too
            torch.set_float32_matmul_precision("high")
        formats: tuple[Precision, ...] = ("fp32", "bf16")
        rows: list[Row] = []
        for precision in formats:
            # A format that the machine lacks is emulated, thirty times as slow.
            usual = precision == chosen.precision
            frames_each, rounds = (options.embed, options.rounds) if usual else (BATCH, 1)
            rows.append(measure_network(Compute(chosen.device, precision), frames_each, rounds))
        tables[f"Network on {chosen.device.type}; `adapt` takes {chosen.precision} here"] = rows
    report(tables, options.json)


if __name__ == "__main__":
    main()
