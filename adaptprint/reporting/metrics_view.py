"""Labelled metrics for the terminal: the results of train, pack and evaluate."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from adaptprint.reporting.formats import clean, count, is_number, part, percent, plural, score
from adaptprint.reporting.rehearse_view import rehearse_view
from adaptprint.reporting.tables import add, cut, headed, noted, number, quiet_table

_HEADS = ["frames", "prints", "bal. acc", "F1", "AUROC", "print acc"]


def evaluate_view(content: Mapping[str, Any]) -> RenderableType:
    """The result of evaluate."""
    table = _table("printer")
    _row(table, "all", content, "bold")
    by_printer = part(content, "by_printer")
    for name in by_printer if len(by_printer) > 1 else ():
        _row(table, name, part(by_printer, name))
    facts = [f"accuracy {score(content.get('accuracy'))}", f"F1 macro {score(content.get('f1_macro'))}"]
    facts.append(f"calibration error {score(content.get('ece'))}")
    parts: list[RenderableType] = [table, Text(""), Text(" · ".join(facts), "dim"), *_floor(content)]
    return Group(*parts, *_curves(content.get("coverage_risk") or ()), *noted(content.get("notes")))


def _curves(curves: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    """Wrong calls among the best part, one row for each unit and order."""
    if not curves:
        return []
    coverages = list(part(curves[0], "risk"))
    table = quiet_table(
        cut("of"), cut("best by"), *(number(percent(float(each))) for each in coverages), number("AURC")
    )
    for curve in curves:
        risks = [percent(part(curve, "risk").get(coverage)) for coverage in coverages]
        add(table, f"{curve.get('unit')}s", curve.get("by"), *risks, score(curve.get("aurc")))
    return [headed("Wrong calls if only the best part is acted on", table)]


def train_view(content: Mapping[str, Any]) -> RenderableType:
    """The result of train."""
    parts: list[RenderableType] = [
        Text.assemble(("source model  ", "dim"), (clean(content.get("out")), "bold"), overflow="fold"),
        Text(
            f"classes {', '.join(map(clean, content.get('classes') or ()))} · {plural(content.get('steps'), 'step')}, "
            f"kept at {count(content.get('best_step'))}",
            "dim",
        ),
    ]
    parts += _measured("Held-out prints of the training printers", content.get("validation"), content, "by_printer")
    held_out = part(content, "held_out_printers")
    if held_out:
        table = _table("printer")
        for name in held_out:
            _row(table, name, part(held_out, name))
        parts.append(headed("Printers it has never seen", table))
    if content.get("rehearsal"):
        parts += [Text(""), rehearse_view(part(content, "rehearsal"))]
    return Group(*parts, *noted(content.get("notes")))


def pack_view(content: Mapping[str, Any]) -> RenderableType:
    """The result of pack."""
    head = Text.assemble(("source model  ", "dim"), (clean(content.get("out")), "bold"), overflow="fold")
    facts = f"{clean(content.get('arch'))} · classes {', '.join(map(clean, content.get('classes') or ()))}"
    measured = _measured("On the given data", content.get("on_source_data"), content, "by_printer")
    return Group(head, Text(facts, "dim"), *measured, *noted(content.get("notes")))


def _measured(head: str, overall: Any, content: Mapping[str, Any], key: str) -> list[RenderableType]:
    if not isinstance(overall, Mapping):
        return []
    table = _table("printer")
    _row(table, "all", overall, "bold")
    by_printer = part(content, key)
    for name in by_printer if len(by_printer) > 1 else ():
        _row(table, name, part(by_printer, name))
    return [headed(head, Group(table, *_floor(overall)))]


def _floor(metrics: Mapping[str, Any]) -> list[RenderableType]:
    floor, f1 = metrics.get("all_positive_f1"), metrics.get("f1")
    if not is_number(floor) or not is_number(f1):
        return []
    below = bool(f1 <= floor)
    text = f"calling every frame faulty gives F1 {score(floor)}"
    text += ": this model does not beat it" if below else ", the floor to beat"
    return [Text(text, "yellow" if below else "dim")]


def _table(name: str) -> Table:
    return quiet_table(cut(name), *map(number, _HEADS))


def _row(table: Table, name: str, metrics: Mapping[str, Any], style: str | None = None) -> None:
    scores = (score(metrics.get(key)) for key in ("balanced_accuracy", "f1", "auroc", "print_accuracy"))
    add(table, name, count(metrics.get("n_frames")), count(metrics.get("n_prints")), *scores, style=style)
