"""An earlier run of the same adaptation: once labels arrive its candidate is judged again, and nothing is trained."""

import json
from pathlib import Path

from adaptprint.adaptation.task import SOURCE_ONLY, Adaptation, Candidate
from adaptprint.errors import AdaptprintError
from adaptprint.models.checkpoint import Checkpoint, load_checkpoint
from adaptprint.workflows.abstention import as_candidate

NOTE = "the labels judge the candidate of the run that stood here before; nothing was trained again"


def earlier_adaptation(run: Path, training: str, source: Checkpoint) -> Adaptation | None:
    """What a finished run came to; ``None`` where there is none that was made of the same.

    Only the candidate that it weighed is left of all it had.

    Args:
        run: The run's folder.
        training: Digest of what candidates are made of, as ``report.json`` holds it.
        source: The source model.
    """
    try:
        content = json.loads((run / "report.json").read_text(encoding="utf-8"))
        if content["training_digest"] != training:
            return None
        candidate = as_candidate(load_checkpoint(run / "candidate"))
        trace = tuple(map(json.loads, (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()))
    except (AdaptprintError, OSError, ValueError, KeyError, TypeError):
        return None  # Whatever is wrong with it, adapting anew sets it right.
    if content.get("candidate_name") != candidate.name:
        return None
    return Adaptation((Candidate(SOURCE_ONLY, source.state), candidate), trace, (NOTE,))
