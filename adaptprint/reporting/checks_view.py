"""What verify and doctor found, for the terminal: state, statement, fix."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from adaptprint.reporting.formats import clean, plural
from adaptprint.reporting.tables import labelled, noted, worded

_SIGNS = {
    "ok": Text("✓ ok", "green"),
    "note": Text("· note", "dim"),
    "warning": Text("! warning", "yellow"),
    "missing": Text("✗ missing", "red"),
    "error": Text("✗ error", "red"),
}


def findings_view(content: Mapping[str, Any]) -> RenderableType:
    """The result of verify."""
    classes = content.get("classes") or ()
    facts = [plural(content.get("n_frames"), "frame"), plural(content.get("n_prints"), "print")]
    facts += [plural(content.get("n_printers"), "printer"), f"layout {clean(content.get('layout'))}"]
    facts.append(f"classes {', '.join(map(clean, classes))}" if classes else "no labels")
    findings = content.get("findings") or ()
    listed = labelled((_sign(finding.get("severity")), _finding(finding)) for finding in findings)
    end = _judgement(content, bool(findings))
    return Group(Text(" · ".join(facts)), Text(""), *([listed] if findings else []), end, *noted(content.get("notes")))


def doctor_view(content: Mapping[str, Any]) -> RenderableType:
    """The result of doctor."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for wraps in (False, False, True):
        table.add_column(no_wrap=not wraps)
    for check in content.get("checks") or ():
        table.add_row(_sign(check.get("state")), Text(clean(check.get("name"))), Text(clean(check.get("found"))))
        if check.get("fix"):
            table.add_row("", "", _fix(check["fix"]))
    ok = content.get("ok")
    end = Text("Everything needed is here.", "green") if ok else Text("Something is missing; see the fixes.", "red")
    return Group(table, Text(""), end)


def _judgement(content: Mapping[str, Any], found: bool) -> Text:
    if not content.get("ok"):
        return Text("Not fit for use before the errors are mended.", "red")
    return Text("Fit for use." if found else "Fit for use; nothing found.", "green")


def _finding(finding: Mapping[str, Any]) -> RenderableType:
    heard = finding.get("severity") in ("error", "warning")
    lines = [worded(clean(finding.get("says")), "bold" if heard else "")]
    examples = finding.get("examples") or ()
    lines += [Text(clean(example), "dim", no_wrap=True, overflow="ellipsis") for example in examples]
    if finding.get("fix"):
        lines.append(_fix(finding["fix"]))
    return Group(*lines, Text(""))


def _fix(fix: Any) -> Text:
    return Text.assemble(("→ ", "dim"), worded(clean(fix)))


def _sign(state: Any) -> Text:
    return _SIGNS.get(str(state), Text(clean(state), "dim"))
