"""What drift found, for the terminal: the verdict, what to do, and what each sign says."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from adaptprint.reporting.formats import clean, pair, part, plural, score, span
from adaptprint.reporting.tables import Barred, add, bullets, cut, headed, noted, number, quiet_table, worded

_STYLES = {"steady": "bold green", "drifted": "bold yellow", "unclear": "bold blue"}
_ADVICE = {
    "steady": ("This printer looks as it did.", "Nothing to do."),
    "drifted": (
        "This printer has moved since the model was adapted to it.",
        "Adapt again to recent frames: `adaptprint adapt --source CKPT --target DIR`.",
    ),
    "unclear": ("Too little to tell.", "Come back with more prints."),
}


def drift_view(content: Mapping[str, Any]) -> RenderableType:
    """The result of drift."""
    verdict, target = clean(content.get("verdict")), part(content, "target")
    headline, action = _ADVICE.get(verdict, ("", ""))
    style = _STYLES.get(verdict, "bold")
    head = Text.assemble((verdict, style), ("  " + headline, "bold"))
    parts: list[RenderableType] = [Barred(Group(head, worded(action)), style)]
    signs = content.get("signs") or ()
    if signs:
        table = quiet_table(cut("sign"), number("value"), number("90% interval"), number("limit"), cut("says"))
        for sign in signs:
            low, high = pair(sign.get("interval"))
            word = "not heard" if not sign.get("heard") else "moved" if sign.get("moved") else "as it was"
            cells = (sign.get("name"), score(sign.get("value"), 2), span(low, high, lambda each: score(each, 2)))
            add(table, *cells, score(sign.get("limit"), 2), word, style=None if sign.get("heard") else "dim italic")
        parts.append(headed("Signs", table))
        parts.append(headed("Why", bullets(f"{clean(sign.get('name'))}: {clean(sign.get('says'))}" for sign in signs)))
    parts += noted(content.get("notes"))
    seen = f"{plural(target.get('n_frames'), 'recent frame')} of {plural(target.get('n_prints'), 'print')}"
    seen += f", compared with {plural(content.get('n_prints_then'), 'print')} at adaptation"
    return Group(*parts, Text(""), Text(seen, "dim"))
