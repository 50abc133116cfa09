# python recipes/benchmarks/read_ahead.py --target DIR
"""Does it pay to decode the next piece of frames while the network looks at one? `predict`'s stream both ways, in turn.

Frames are those of the target, repeated; none of them is in a cache, all lie in the system's memory. On a slow disk,
or beside a GPU, reading ahead saves more than here.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np
from growth import images_of, write_frames
from machine import SOURCE, TARGET, Row, refuse_missing, report, use_cache
from stages import in_turn

from adaptprint.frames.layouts import read_frames
from adaptprint.frames.pixel_cache import PixelCache
from adaptprint.frames.pixels import load_readable
from adaptprint.models.device import choose_compute
from adaptprint.models.embed import embed
from adaptprint.workflows.inputs import open_checkpoint
from adaptprint.workflows.stream import pieces_of, read_pieces


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=SOURCE, help="checkpoint")
    parser.add_argument("--target", type=Path, default=TARGET, help="frames to read")
    parser.add_argument("--frames", type=int, default=4096, help="files to read; the target's are repeated")
    parser.add_argument("--rounds", type=int, default=3, help="counted rounds, after one warm-up")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    refuse_missing(options.source, options.target)
    compute, checkpoint = choose_compute("auto", options.threads), open_checkpoint(options.source)
    config, network = checkpoint.config, checkpoint.network().on(compute.device)
    with tempfile.TemporaryDirectory() as folder:
        use_cache(Path(folder) / "cache")
        frames = write_frames(images_of(options.target), Path(folder) / "frames", options.frames)
        table = read_frames(frames, layout="prints", labels="ignored")
        pieces, cache = pieces_of(np.arange(len(table))), PixelCache(limit_bytes=0)
        size, camera, threads = config.input_size, config.camera, options.threads

        def one_after_the_other() -> None:
            for rows in pieces:
                embed(
                    network, load_readable(table.take(rows), size, camera, cache=cache, threads=threads).array, compute
                )

        def read_ahead() -> None:
            for pixels in read_pieces(table, pieces, size, camera, compute, cache=cache, threads=threads):
                embed(network, pixels.array, compute)

        found = in_turn({"one after the other": one_after_the_other, "read ahead": read_ahead}, options.rounds)
    paired = [slow / fast for slow, fast in zip(*found.values(), strict=True)]
    rows: list[Row] = [
        {
            "stream": name,
            "frames/s": len(table) / statistics.median(seconds),
            "ratio": statistics.median(paired) if name == "read ahead" else 1.0,
        }
        for name, seconds in found.items()
    ]
    report({f"{len(table):,} frames, one network, {compute.precision}": rows}, options.json)


if __name__ == "__main__":
    main()
