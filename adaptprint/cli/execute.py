"""Runs a workflow for the terminal: progress, result, errors and exit codes in one place."""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import typer

from adaptprint.errors import EXIT_INTERNAL, AdaptprintError, InterruptedRunError, UsageError, lacks_memory
from adaptprint.reporting.console import ProgressView, show_error
from adaptprint.reporting.fleet_view import FleetView

if TYPE_CHECKING:
    from adaptprint.frames.camera import CameraProfile
    from adaptprint.reporting.progress import ProgressCallback


class Result(Protocol):
    """Any workflow's result."""

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""


R = TypeVar("R", bound=Result)


_UNTOUCHED = (signal.default_int_handler, signal.SIG_DFL)  # handlers that nobody has chosen
_EXHAUSTED = AdaptprintError("out of memory", "Close other programs, or lower --set batch_size=... .")
_CAMERA_FIX = (
    "Use --crop X,Y,W,H with fractions such as 0.1,0.2,0.8,0.6; --rotate 90, 180 or 270; "
    "--flip horizontal, vertical or both."
)
_STOPPED = InterruptedRunError("stopped; nothing was half-written", "Repeat the command to start again.")


@dataclass(frozen=True)
class Face:
    """How the user wants to see things."""

    as_json: bool = False
    quiet: bool = False
    verbose: int = 0


def execute(
    face: Face,
    workflow: "Callable[[ProgressCallback], R]",
    show: Callable[[Mapping[str, Any]], None],
    afterwards: Callable[[R], None] | None = None,
    view: type[ProgressView] | type[FleetView] = ProgressView,
) -> None:
    """Runs a workflow, shows its result, and turns every error into two lines and an exit code.

    Args:
        face: How the user wants to see things.
        workflow: Called with a progress callback.
        show: Shows the result's dictionary on stdout; ``--json`` prints it instead.
        afterwards: Called with the result once it was shown; may raise an error that decides the exit code.
        view: Shows progress.
    """
    pressed: list[int] = []
    try:
        with _stopping_on(pressed), view(quiet=face.quiet) as progress:
            result = workflow(progress)
        _present(result.to_dict(), face, show)
        if afterwards is not None:
            afterwards(result)
    except typer.Exit:
        raise
    except KeyboardInterrupt:
        _fail(_STOPPED, _STOPPED.exit_code, face)
    except AdaptprintError as error:
        _fail(error, error.exit_code, face)
    except Exception as error:  # the last line of defence: never a traceback unless asked for
        if lacks_memory(error):
            _fail(_EXHAUSTED, EXIT_INTERNAL, face)
        # torch, interrupted while it loads, raises an ImportError in the place of the KeyboardInterrupt.
        _fail(_STOPPED if pressed else error, _STOPPED.exit_code if pressed else EXIT_INTERNAL, face)


def _present(content: Mapping[str, Any], face: Face, show: Callable[[Mapping[str, Any]], None]) -> None:
    """Prints a result; a reader (`head`, a closed pager) that has seen enough is no error."""
    try:
        if face.as_json:
            print(json.dumps(content, indent=2, ensure_ascii=False, default=str))
        else:
            show(content)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # rich ends the program where its reader has gone
        # Python must not complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _stopping_on(pressed: list[int]) -> Iterator[None]:
    """Ctrl-C, and SIGTERM, with which init and schedulers stop a program, are noted and raise KeyboardInterrupt.

    Where one is ignored, or somebody else handles it, it stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    found = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    usual = {number: handler for number, handler in found.items() if handler in _UNTOUCHED}

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        signal.default_int_handler(number, frame)

    for number in usual:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


def _fail(error: BaseException, code: int, face: Face) -> None:
    show_error(error, face.verbose)
    raise typer.Exit(code)


def camera_from(crop: str | None, rotate: int | None, flip: str | None) -> "CameraProfile | None":
    """The camera profile that --crop, --rotate and --flip describe; ``None`` without any of them.

    Raises:
        UsageError: If one of them cannot be read.
    """
    if crop is None and rotate is None and flip is None:
        return None
    from pydantic import ValidationError

    from adaptprint.frames.camera import CameraProfile
    from adaptprint.models.settings import fault

    values: dict[str, Any] = {"rotate": rotate or 0, "flip": flip or "none"}
    if crop is not None:
        values["crop"] = _four_numbers(crop)
    try:
        return CameraProfile.model_validate(values)
    except ValidationError as error:
        loc = error.errors()[0]["loc"]
        name = str(loc[0]) if loc else "crop"
        said = crop if name == "crop" else values.get(name)
        raise UsageError(f"--{name} {said} will not do: {fault(error)}", _CAMERA_FIX) from error


def _four_numbers(crop: str) -> tuple[float, ...]:
    parts = crop.split(",")
    try:
        numbers = tuple(map(float, parts))
    except ValueError as error:
        raise UsageError(f"--crop {crop} will not do: it must be numbers with commas between", _CAMERA_FIX) from error
    if len(numbers) != 4:
        raise UsageError(f"--crop {crop} will not do: four numbers are needed, not {len(numbers)}", _CAMERA_FIX)
    return numbers
