"""Checks a data set before anyone trusts a result: files, looks, copies, labels and counts of prints."""

from collections.abc import Callable

from adaptprint.frames.camera import CameraProfile
from adaptprint.frames.check_copies import COPY_RULES
from adaptprint.frames.check_files import FILE_RULES
from adaptprint.frames.check_tables import TABLE_RULES
from adaptprint.frames.findings import Finding, Findings
from adaptprint.frames.inspection import Inspection, inspect
from adaptprint.frames.table import FrameTable

__all__ = ["RULES", "Finding", "Findings", "verify_frames"]

Rule = Callable[[Inspection], Finding | None]

RULES: tuple[Rule, ...] = (*FILE_RULES, *COPY_RULES, *TABLE_RULES)

_ORDER = {"error": 0, "warning": 1, "note": 2}


def verify_frames(
    table: FrameTable,
    *,
    camera: CameraProfile | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Findings:
    """Looks at every frame once and applies every rule.

    Args:
        table: The frames.
        camera: Rotation, flip and crop under which the frames will be used.
        progress: Told ``(done, total)`` frames.
    """
    inspection = inspect(table, camera or CameraProfile(), progress)
    found = [finding for rule in RULES if (finding := rule(inspection)) is not None]
    return Findings(
        findings=tuple(sorted(found, key=lambda finding: _ORDER[finding.severity])),
        n_frames=len(table),
        n_readable=len(inspection.rows),
        n_prints=table.prints.height,
        n_printers=len(table.printers),
        classes=tuple(table.classes),
        layout=table.layout,
        notes=table.notes,
    )
