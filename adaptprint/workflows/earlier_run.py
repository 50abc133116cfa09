"""An earlier run of the same adaptation: once labels arrive its candidate is judged again, and nothing is trained."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adaptprint.adaptation.task import SOURCE_ONLY, Adaptation, Candidate
from adaptprint.errors import AdaptprintError
from adaptprint.models.checkpoint import Checkpoint, load_checkpoint
from adaptprint.workflows.abstention import as_candidate

NOTE = "the labels judge the candidate of the run that stood here before; nothing was trained again"


def earlier_adaptation(run: Path, content: Mapping[str, Any], training: str, source: Checkpoint) -> Adaptation | None:
    """What a finished run came to; ``None`` where it was made of something else, or cannot be read any more.

    Only the candidate that it weighed is left of all it had.

    Args:
        run: The run's folder.
        content: Of its ``report.json``.
        training: Digest of what candidates are made of now.
        source: The source model.
    """
    if content.get("training_digest") != training:
        return None
    try:
        candidate = as_candidate(load_checkpoint(run / "candidate"))
        trace = tuple(map(json.loads, (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()))
    except (AdaptprintError, OSError, ValueError):
        return None  # Whatever is wrong with it, adapting anew sets it right.
    if content.get("candidate_name") != candidate.name:
        return None
    return Adaptation((Candidate(SOURCE_ONLY, source.state), candidate), trace, (NOTE,))
