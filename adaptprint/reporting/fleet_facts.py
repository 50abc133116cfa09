"""From the rows of a fleet.json to what its page and table show: who needs attention, and why."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from adaptprint.reporting.formats import clean, is_number, pair, part, plural, points

Content = Mapping[str, Any]

# Most urgent first. A model to roll out asks for more than one that stays as it is.
_ORDER = ("failed", "need-labels", "waiting", "ship", "keep-source")
_WORDS = {
    "failed": "failed",
    "need-labels": "labels wanted",
    "waiting": "not run yet",
    "ship": "ship",
    "keep-source": "keep source",
}


@dataclass(frozen=True)
class PrinterLine:
    """One printer as the page shows it.

    Attributes:
        name: Its name.
        kind: ``failed``, ``need-labels``, ``waiting``, ``ship`` or ``keep-source``.
        word: The same for people.
        gain: Expected gain in points, with its interval; a dash where no one can say.
        ends: The interval.
        why: The first reason, or the cause of the failure.
        fix: What to do about the failure.
        prints: Prints to label.
        command: What to type once they are labelled; empty where it takes labels of frames.
        size: Frames and prints.
        seconds: Time of the run.
        fresh: Whether it was adapted in this run.
        report: Link to its report, relative to the page; ``None`` without one.
        path: Its frames.
    """

    name: str
    kind: str
    word: str
    gain: str
    ends: str
    why: str
    fix: str
    prints: tuple[str, ...]
    command: str
    size: str
    seconds: Any
    fresh: bool
    report: str | None
    path: str


def by_attention(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a fleet, the most urgent first; within a kind by what is to be gained, then by name."""
    return sorted(rows, key=lambda row: (_ORDER.index(kind_of(row)), -_gain(row), str(row.get("target"))))


def n_by_state(rows: Iterable[Content]) -> dict[str, int]:
    """How many printers there are of each kind; every kind is named."""
    counts = Counter(kind_of(row) for row in rows)
    return {kind: counts[kind] for kind in _ORDER}


def kind_of(row: Content) -> str:
    """``failed``, ``waiting``, or the verdict."""
    if row.get("error"):
        return "failed"
    verdict = str(row.get("verdict"))
    return verdict if verdict in _ORDER else "waiting"


def printer_line(row: Content) -> PrinterLine:
    """One printer for the page."""
    kind, gain = kind_of(row), part(row, "expected_gain")
    low, high = pair(gain.get("interval"))
    reasons = row.get("reasons") or ()
    prints = tuple(str(name) for name in row.get("prints_to_label") or ())
    name = str(row.get("target"))
    finished = kind not in ("failed", "waiting")
    return PrinterLine(
        name=name,
        kind=kind,
        word=_WORDS[kind],
        gain=points(gain.get("value")),
        ends=f"{points(low)} to {points(high)}" if is_number(low) and is_number(high) else "",
        why=str(row.get("cause") or (reasons[0] if reasons else "")),
        fix=str(row.get("fix") or ""),
        prints=prints if kind == "need-labels" else (),
        command=_command(row) if kind == "need-labels" and not row.get("labels_vary_inside_prints") else "",
        size=f"{plural(row.get('n_frames'), 'frame')} of {plural(row.get('n_prints'), 'print')}" if finished else "",
        seconds=row.get("seconds"),
        fresh=row.get("state") == "adapted",
        report=f"{quote(name)}/report.html" if finished else None,
        path=str(row.get("path") or ""),
    )


def headline(rows: Sequence[Content]) -> str:
    """What the page says first."""
    counts = n_by_state(rows)
    needing = counts["failed"] + counts["need-labels"]
    if needing:
        return f"{needing} of {plural(len(rows), 'printer')} need{'s' if needing == 1 else ''} you"
    if counts["waiting"]:
        return f"{counts['waiting']} of {plural(len(rows), 'printer')} not run yet"
    if counts["ship"]:
        return f"{plural(counts['ship'], 'new model')} to use, nothing else to do"
    return "Every printer keeps its model, nothing to do"


def counted(rows: Iterable[Content]) -> list[tuple[str, str, int]]:
    """Kind, word and number of each kind that occurs."""
    return [(kind, _WORDS[kind], number) for kind, number in n_by_state(rows).items() if number]


def _gain(row: Content) -> float:
    value = part(row, "expected_gain").get("value")
    return float(value) if is_number(value) else 0.0


def _command(row: Content) -> str:
    """How the labels get in: into the printer's table of the fleet file."""
    labels = f"{clean(row.get('target'))}.csv"
    printer = [f"printer = {_toml(row.get('printer'))}"] if row.get("printer") else []
    return "\n".join(["[[target]]", f"path = {_toml(row.get('path'))}", *printer, f"labels = {_toml(labels)}"])


def _toml(value: Any) -> str:
    text = clean(value)
    return f"'{text}'" if "'" not in text else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
