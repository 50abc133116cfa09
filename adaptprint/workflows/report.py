"""report: writes the HTML report of a finished run again, from what the run folder holds."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptprint.errors import BadDataError, UsageError
from adaptprint.models.atomic_folder import write_atomic
from adaptprint.reporting.report import render_report
from adaptprint.workflows.run_pictures import FOLDER

_AGAIN = "Copy the whole run folder again, or repeat the run: recipe.toml begins with its command."


@dataclass(frozen=True)
class ReportResult:
    """A report that was written.

    Attributes:
        out: The HTML file.
        content: The content of the run's report.json: the facts that the page shows.
    """

    out: Path
    content: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The content of report.json, and ``report``: where the page was written."""
        return {**self.content, "report": str(self.out)}


def report(run: str | Path, *, out: str | Path | None = None, overwrite: bool = False) -> ReportResult:
    """Writes the HTML report of a finished run again: after an upgrade, say, or to hand it on.

    Args:
        run: The folder that `adapt` wrote.
        out: The file to write; ``None`` replaces the run's ``report.html``.
        overwrite: Replace a file that stands at ``out``.

    Raises:
        AdaptprintError: With cause and fix.
    """
    folder = Path(run)
    if not folder.is_dir():
        raise BadDataError(f"no run at {folder}", "Name the folder that `adaptprint adapt` wrote.")
    file = Path(out) if out is not None else folder / "report.html"
    _refuse_taken(file, overwrite or out is None)
    content = _content(folder / "report.json")
    trace = list(_trace(folder / "metrics.jsonl"))
    html = render_report(content, trace, {name: _picture(folder, name) for name in pictures_of(content)})
    write_atomic(file, html.encode())
    return ReportResult(file, content)


def _refuse_taken(file: Path, overwrite: bool) -> None:
    if file.is_dir():
        raise UsageError(f"{file} is a folder", "Name the HTML file to write.")
    if file.exists() and not overwrite:
        raise UsageError(f"{file} exists already", "Choose another --out, or pass --overwrite to replace it.")


def pictures_of(content: Any) -> list[str]:
    """The file names of all pictures that the facts speak of, each once."""
    found: dict[str, None] = {}

    def look(value: Any) -> None:
        if isinstance(value, Mapping):
            if isinstance(value.get("picture"), str):
                found[value["picture"]] = None
            for each in value.values():
                look(each)
        elif isinstance(value, list):
            for each in value:
                look(each)

    look(content)
    return list(found)


def _content(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadDataError(
            f"{file.parent} is no finished run: it has no {file.name}",
            "Name the folder that `adaptprint adapt` wrote; an interrupted run goes on with --resume.",
        ) from error
    except (OSError, ValueError) as error:
        raise BadDataError(f"{file} cannot be read: {error}", _AGAIN) from error
    if not isinstance(content, dict) or "verdict" not in content:
        raise BadDataError(f"{file} holds no verdict", "Name the folder of a run of `adaptprint adapt`.")
    return content


def _trace(file: Path) -> Iterator[dict[str, Any]]:
    try:
        for line in file.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)
    except (OSError, ValueError) as error:
        raise BadDataError(f"{file} cannot be read: {error}", _AGAIN) from error


def _picture(folder: Path, name: str) -> bytes:
    # A name from a file that anybody may have written must not lead out of the folder.
    if Path(name).name != name:
        raise BadDataError(f"report.json names a picture `{name}` outside the run folder", _AGAIN)
    try:
        return (folder / FOLDER / name).read_bytes()
    except OSError as error:
        raise BadDataError(f"the picture {folder / FOLDER / name} cannot be read", _AGAIN) from error
