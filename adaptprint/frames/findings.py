"""What a check of a data set says: findings with a severity, a sentence, a fix and examples."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]

MOST_EXAMPLES = 5


@dataclass(frozen=True)
class Finding:
    """One thing that a check noticed.

    Attributes:
        kind: Stable name, for scripts.
        severity: ``"error"`` makes results wrong or frames unusable, ``"warning"`` may, ``"note"`` informs.
        count: How many frames, prints or printers are concerned.
        says: One sentence.
        fix: One sentence.
        examples: Up to five names.
    """

    kind: str
    severity: Severity
    count: int
    says: str
    fix: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Findings:
    """The result of a check.

    Attributes:
        findings: Errors first, then warnings, then notes.
        n_frames: Frames listed.
        n_readable: Frames that could be decoded.
        n_prints: Prints listed.
        n_printers: Printers listed.
        classes: Class names that occur, sorted.
        layout: How the data was read.
        notes: What the reader noticed.
    """

    findings: tuple[Finding, ...]
    n_frames: int
    n_readable: int
    n_prints: int
    n_printers: int
    classes: tuple[str, ...]
    layout: str
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings do not count."""
        return all(finding.severity != "error" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"ok": self.ok, **asdict(self)}
