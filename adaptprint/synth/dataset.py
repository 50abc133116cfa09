"""Data sets of rendered prints in the layout of the competition, with the truth beside them."""

import csv
import io
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from adaptprint.errors import OutputError, UsageError
from adaptprint.synth.film import film_print
from adaptprint.synth.orders import PrintOrder, place_orders
from adaptprint.synth.scene import set_scene
from adaptprint.synth.workers import run_in_workers

COLUMNS = ("img_path", "printer_id", "print_id", "has_under_extrusion")
"""Columns of `train.csv`, as in the competition."""

TRUTH_COLUMNS = (
    "printer_id", "print_id", "has_under_extrusion", "printer", "family", "nozzle", "camera_height_mm",
    "camera_distance_mm", "camera_pitch_deg", "camera_fov_deg", "filament", "line_width_mm", "layer_height_mm",
    "speed_mm_s", "flow", "gap_share", "away_share",
)  # fmt: skip
"""Columns of `truth.csv`: what really happened in every print, for studies; no command reads it."""

FIRST_FRAME_AFTER = 20
"""Seconds from the start of a print to its first frame."""

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
class RenderedPrint:
    """The rows that a rendered print adds to the two tables."""

    frames: list[tuple[str, str, str, int]]
    truth: tuple[object, ...]


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

    Example:
        >>> result = render_dataset(Path("data"), printers=["magpie", "brass"], prints=2, frames=3)  # doctest: +SKIP
        >>> result.printers  # doctest: +SKIP
        {'001': 'magpie', '003': 'brass'}
    """
    began = time.perf_counter()
    out = Path(out)
    orders = place_orders(printers, prints, frames, bad_share, seed, family, size)
    if jobs < 1:
        raise UsageError(f"jobs is {jobs}.", "Use 1 or more.")
    check_folder(out, overwrite)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as work:
            whole = Path(work) / "data"
            whole.mkdir()
            write_tables(whole, render_prints(orders, whole, jobs, progress))
            if out.exists():
                out.replace(Path(work) / "old")
            whole.replace(out)
    except OSError as problem:
        reason = problem.strerror or str(problem)
        fix = "Choose a folder that can be written, with room on its disk."
        raise OutputError(f"Cannot write the data set {out}: {reason}.", fix) from problem
    return SynthResult(
        out=out,
        printers={order.printer.number: order.printer.name for order in orders},
        n_prints=len(orders),
        n_bad_prints=sum(order.label for order in orders),
        n_frames=len(orders) * frames,
        seconds=time.perf_counter() - began,
    )


def check_folder(out: Path, overwrite: bool) -> None:
    """Makes sure that writing to a folder destroys nothing but an older data set.

    Raises:
        UsageError: It is a file, or holds something that may not be replaced.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file.", "Name a folder.")
    held = {path.name for path in out.iterdir()} if out.is_dir() else set()
    if held and not overwrite:
        raise UsageError(f"{out} is not empty.", "Name another folder, or replace a rendered one with --overwrite.")
    if held and (held - {"train.csv", "truth.csv", "images"} or not _is_rendered(out)):
        raise UsageError(f"{out} holds more than a rendered data set.", "Name another folder.")


def _is_rendered(folder: Path) -> bool:
    """Whether it has the table that no data set but a rendered one has: anybody's may have the other names."""
    try:
        with (folder / "truth.csv").open(encoding="utf-8") as file:
            return file.readline().rstrip("\n") == ",".join(TRUTH_COLUMNS)
    except (OSError, ValueError):
        return False


def render_prints(
    orders: Sequence[PrintOrder], folder: Path, jobs: int, progress: Progress | None
) -> list[RenderedPrint]:
    """Renders prints below a folder, several at once, and returns their rows in the order of the orders."""
    done: dict[int, RenderedPrint] = {}
    answers: Iterator[tuple[int, RenderedPrint]]
    if jobs == 1:
        answers = ((index, render_print(order, folder)) for index, order in enumerate(orders))
    else:
        answers = run_in_workers(render_print, orders, folder, jobs)
    for index, rendered in answers:
        done[index] = rendered
        if progress is not None:
            progress(len(done), len(orders))
    return [done[index] for index in range(len(orders))]


def render_print(order: PrintOrder, folder: Path) -> RenderedPrint:
    """Renders one print below a folder; runs in a worker process."""
    printer, job = order.printer, order.job
    scene = set_scene(printer, *order.size)
    place = Path("images") / printer.number / order.print_id
    (folder / place).mkdir(parents=True)
    rows = []
    for frame in film_print(scene, job, order.seed, order.number, order.frames):
        path = place / f"{int(order.print_id) + FIRST_FRAME_AFTER + frame.second:.6f}.jpg"
        jpeg = io.BytesIO()
        Image.fromarray(frame.pixels).save(jpeg, "JPEG", quality=printer.sensor.quality)
        (folder / path).write_bytes(jpeg.getvalue())
        rows.append((path.relative_to("images").as_posix(), printer.number, order.print_id, order.label))
    camera, flow = printer.camera, job.flow
    truth = (
        printer.number, order.print_id, order.label, printer.name, printer.family, printer.head.nozzle,
        round(camera.height, 3), round(camera.distance, 3), round(camera.pitch, 3), round(camera.fov, 3),
        job.filament.name, round(job.line_width, 3), round(job.layer_height, 3), round(job.speed, 1),
        round(flow.ratio, 3), round(flow.gaps, 3), round(job.away, 3),
    )  # fmt: skip
    return RenderedPrint(rows, truth)


def write_tables(folder: Path, rendered: Sequence[RenderedPrint]) -> None:
    """Writes `train.csv` and `truth.csv`."""
    rows = [row for one in rendered for row in one.frames]
    for name, columns, lines in (
        ("train.csv", COLUMNS, rows),
        ("truth.csv", TRUTH_COLUMNS, [one.truth for one in rendered]),
    ):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(columns)
            table.writerows(lines)
