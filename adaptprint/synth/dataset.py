"""Data sets of rendered prints in the layout of the competition, with the truth beside them."""

import csv
import io
import math
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from adaptprint.errors import OutputError, UsageError
from adaptprint.synth.film import FRAME_SECONDS, film_print
from adaptprint.synth.jobs import draw_job
from adaptprint.synth.roster import choose_printers
from adaptprint.synth.printers import Printer
from adaptprint.synth.randomness import stream
from adaptprint.synth.scene import set_scene

FIRST_PRINT_BEGAN = 1_672_776_000
"""Unix second around which the print ids lie, as in the competition."""

TRUTH_COLUMNS = (
    "printer_id", "print_id", "has_under_extrusion", "printer", "family", "nozzle", "camera_height_mm",
    "camera_distance_mm", "camera_pitch_deg", "camera_fov_deg", "filament", "line_width_mm", "layer_height_mm",
    "speed_mm_s", "flow", "gap_share", "away_share",
)  # fmt: skip

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SynthResult:
    """What `render_dataset` wrote.

    Attributes:
        out: Folder of the data set.
        printers: Name of each printer by its id.
        n_prints: Prints written.
        n_bad_prints: How many of them are under-extruded.
        n_frames: Frames written.
        seconds: Wall time.
    """

    out: Path
    printers: dict[str, str]
    n_prints: int
    n_bad_prints: int
    n_frames: int
    seconds: float

    def to_dict(self) -> dict[str, object]:
        """Returns the result as JSON-ready values."""
        return asdict(self) | {"out": str(self.out)}


@dataclass(frozen=True)
class PrintOrder:
    """One print to render: all that a worker needs to know."""

    printer: Printer
    number: int
    print_id: str
    label: int
    frames: int
    seed: int
    size: tuple[int, int]


@dataclass(frozen=True)
class RenderedPrint:
    """The rows that a rendered print adds to the two tables."""

    frames: list[tuple[str, str, str, int]]
    truth: dict[str, object]


def render_dataset(
    out: Path,
    *,
    printers: int | Sequence[str] = 7,
    prints: int = 12,
    frames: int = 40,
    bad_share: float | Mapping[str, float] = 0.5,
    seed: int = 0,
    family: str = "endoscope",
    jobs: int = 1,
    size: tuple[int, int] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> SynthResult:
    """Renders a data set in the competition's layout.

    Writes `train.csv` (`img_path, printer_id, print_id, has_under_extrusion`), `truth.csv` (what really happened in
    every print) and `images/<printer>/<print>/<unix time>.jpg`. The bytes depend on the arguments alone, not on `jobs`.

    Args:
        out: Folder to write; made anew, and never left half-written.
        printers: How many printers (the presets of the family, then random ones), or names of presets or `random-<n>`.
        prints: Prints per printer.
        frames: Frames per print.
        bad_share: Share of under-extruded prints, 0..1, of all printers or by printer name or id (others: 0.5).
        seed: Any integer from 0.
        family: `endoscope` or `portrait`.
        jobs: Processes that render at once.
        size: Height and width of the frames; by default each printer's own.
        overwrite: Whether to replace a folder that is already there.
        progress: Called with the prints done and the prints in all.

    Returns:
        What was written.

    Raises:
        UsageError: An argument does not fit, or `out` holds something.
        OutputError: The folder cannot be written.
    """
    began = time.perf_counter()
    out = Path(out)
    _check(out, prints, frames, seed, jobs, size, overwrite)
    chosen = choose_printers(printers, seed, family)
    shares = _bad_shares(bad_share, chosen)
    orders = list(_plan(chosen, shares, prints, frames, seed, size))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as work:
            half_done = Path(work) / "data"
            half_done.mkdir()
            rendered = _render(orders, half_done, jobs, progress)
            _write_tables(half_done, rendered)
            if out.exists():
                shutil.rmtree(out) if overwrite else out.rmdir()
            half_done.replace(out)
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise OutputError(
            f"Cannot write the data set {out}: {reason}.", "Choose a folder that can be written, with room on its disk."
        ) from problem
    return SynthResult(
        out=out,
        printers={printer.number: printer.name for printer in chosen},
        n_prints=len(orders),
        n_bad_prints=sum(order.label for order in orders),
        n_frames=len(orders) * frames,
        seconds=time.perf_counter() - began,
    )


def _check(
    out: Path, prints: int, frames: int, seed: int, jobs: int, size: tuple[int, int] | None, overwrite: bool
) -> None:
    for name, value, least in (("prints", prints, 1), ("frames", frames, 1), ("seed", seed, 0), ("jobs", jobs, 1)):
        if value < least:
            raise UsageError(f"{name} is {value}.", f"Use {least} or more.")
    if size is not None and (len(size) != 2 or min(size) < 32 or max(size) > 4096):
        raise UsageError(f"size is {size}.", "Give height and width in pixels, each from 32 to 4096.")
    if out.is_file():
        raise UsageError(f"{out} is a file.", "Name a folder.")
    if out.is_dir() and any(out.iterdir()) and not overwrite:
        raise UsageError(f"{out} is not empty.", "Name another folder, or allow it to be overwritten.")


def _bad_shares(bad_share: float | Mapping[str, float], printers: Sequence[Printer]) -> dict[str, float]:
    if isinstance(bad_share, Mapping):
        known = {key for printer in printers for key in (printer.name, printer.number)}
        unknown = sorted(set(bad_share) - known)
        if unknown:
            raise UsageError(
                f"bad_share names printer {unknown[0]!r}, which is not rendered.", f"Known: {sorted(known)}."
            )
        shares = {p.name: float(bad_share.get(p.name, bad_share.get(p.number, 0.5))) for p in printers}
    else:
        shares = {printer.name: float(bad_share) for printer in printers}
    for name, share in shares.items():
        if not (math.isfinite(share) and 0 <= share <= 1):
            raise UsageError(f"The bad share of printer {name} is {share}.", "Use a share from 0 to 1.")
    return shares


def _plan(
    printers: Sequence[Printer],
    shares: Mapping[str, float],
    prints: int,
    frames: int,
    seed: int,
    size: tuple[int, int] | None,
) -> Iterator[PrintOrder]:
    """Deals labels and start times; a printer's prints do not depend on the other printers."""
    length = int(frames * FRAME_SECONDS) + 60
    for printer in printers:
        rng = stream(seed, "plan", printer.name)
        bad = math.floor(shares[printer.name] * prints + 0.5)
        order = rng.permutation(prints)
        began = FIRST_PRINT_BEGAN + int(printer.number) * 1_000_003
        for number in range(prints):
            began += length + int(rng.integers(0, 3600))
            label = int(order[number] < bad)
            yield PrintOrder(printer, number, str(began), label, frames, seed, size or printer.sensor.size)


def _render(orders: Sequence[PrintOrder], folder: Path, jobs: int, progress: Progress | None) -> list[RenderedPrint]:
    done: dict[str, RenderedPrint] = {}
    for order, rendered in _each(orders, folder, jobs):
        done[order.print_id + order.printer.number] = rendered
        if progress is not None:
            progress(len(done), len(orders))
    return [done[order.print_id + order.printer.number] for order in orders]


def _each(orders: Sequence[PrintOrder], folder: Path, jobs: int) -> Iterable[tuple[PrintOrder, RenderedPrint]]:
    if jobs == 1:
        yield from ((order, render_print(order, folder)) for order in orders)
        return
    with ProcessPoolExecutor(min(jobs, len(orders))) as pool:
        waiting = {pool.submit(render_print, order, folder): order for order in orders}
        for future in as_completed(waiting):
            yield waiting[future], future.result()


def render_print(order: PrintOrder, folder: Path) -> RenderedPrint:
    """Renders one print below a folder; runs in a worker process."""
    printer = order.printer
    job = draw_job(order.seed, printer.name, order.number, order.label)
    scene = set_scene(printer, *order.size)
    place = Path("images") / printer.number / order.print_id
    (folder / place).mkdir(parents=True, exist_ok=True)
    rows = []
    for frame in film_print(scene, job, order.seed, order.number, order.frames):
        path = place / f"{int(order.print_id) + 20 + frame.second:.6f}.jpg"
        jpeg = io.BytesIO()
        Image.fromarray(frame.pixels).save(jpeg, "JPEG", quality=printer.sensor.quality)
        (folder / path).write_bytes(jpeg.getvalue())
        rows.append((path.relative_to("images").as_posix(), printer.number, order.print_id, order.label))
    values = (
        printer.number, order.print_id, order.label, printer.name, printer.family, printer.head.nozzle,
        printer.camera.height, printer.camera.distance, printer.camera.pitch, printer.camera.fov, job.filament.name,
        round(job.line_width, 3), round(job.layer_height, 3), round(job.speed, 1), round(job.flow.ratio, 3),
        round(job.flow.gaps, 3), round(job.away, 3),
    )  # fmt: skip
    return RenderedPrint(rows, dict(zip(TRUTH_COLUMNS, values, strict=True)))


def _write_tables(folder: Path, rendered: Sequence[RenderedPrint]) -> None:
    with (folder / "train.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("img_path", "printer_id", "print_id", "has_under_extrusion"))
        for one in rendered:
            table.writerows(one.frames)
    with (folder / "truth.csv").open("w", newline="", encoding="utf-8") as file:
        truth = csv.DictWriter(file, TRUTH_COLUMNS, lineterminator="\n")
        truth.writeheader()
        truth.writerows(one.truth for one in rendered)
