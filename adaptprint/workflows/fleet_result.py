"""What became of the printers of a fleet."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptprint.frames.wording import shown
from adaptprint.workflows.adapt import AdaptResult


@dataclass(frozen=True)
class TargetResult:
    """What became of one target.

    Attributes:
        target: Its name.
        result: The adaptation's result, or ``None`` where it failed.
        error: Cause and fix where it failed, one line each.
        out: Its run folder.
        path: Its frames.
        printer: Which printer of them, where one was named.
        up_to_date: Whether nothing was to be done, as an earlier run had the same inputs.
    """

    target: str
    result: AdaptResult | None
    error: str | None
    out: Path
    path: Path
    printer: str | None = None
    up_to_date: bool = False

    @property
    def verdict(self) -> str | None:
        """``ship``, ``keep-source`` or ``need-labels``; ``None`` where it failed."""
        return self.result.verdict if self.result else None

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        content = self.result.content if self.result else {}
        about = content.get("target", {})
        cause, _, fix = (self.error or "").partition("\n")
        return {
            "target": self.target,
            "state": "failed" if self.error else "up-to-date" if self.up_to_date else "adapted",
            "verdict": self.verdict,
            "reasons": list(self.result.reasons) if self.result else [],
            "expected_gain": content.get("expected_gain"),
            "prints_to_label": content.get("prints_to_label", []),
            "labels_vary_inside_prints": content.get("source", {}).get("labels_vary_inside_prints"),
            "n_frames": about.get("n_frames"),
            "n_prints": about.get("n_prints"),
            "n_unreadable": about.get("n_unreadable"),
            "recipe": content.get("recipe"),
            "seconds": content.get("seconds"),
            "error": self.error,
            "cause": cause or None,
            "fix": fix or None,
            "path": shown(self.path),
            "printer": self.printer,
            "out": str(self.out),
        }


@dataclass(frozen=True)
class BatchResult:
    """One result per target, in the order asked for; it can be walked through and indexed like a tuple of them.

    Attributes:
        results: The results.
        out: The folder that holds their run folders and the fleet's overview.
    """

    results: tuple[TargetResult, ...]
    out: Path

    def __iter__(self) -> Iterator[TargetResult]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, place: int) -> TargetResult:
        return self.results[place]

    @property
    def n_failed(self) -> int:
        """How many targets failed."""
        return sum(result.error is not None for result in self.results)

    @property
    def ok(self) -> bool:
        """Whether every target went through."""
        return self.n_failed == 0

    @property
    def report(self) -> Path:
        """The overview as an HTML page."""
        return self.out / "fleet.html"

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return {
            "ok": self.ok,
            "n_failed": self.n_failed,
            "out": str(self.out),
            "results": [result.to_dict() for result in self.results],
        }
