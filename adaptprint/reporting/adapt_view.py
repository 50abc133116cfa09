"""The results of adapt and diagnose for the terminal: verdict first, then who said so."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from adaptprint.reporting.advice import Advice, Tone, advise
from adaptprint.reporting.formats import clean, count, duration, pair, part, percent, plural, score, signed, span
from adaptprint.reporting.tables import Barred, add, bullets, cut, headed, noted, number, quiet_table, worded

_STYLES: dict[Tone, str] = {
    "success": "bold green",
    "neutral": "bold blue",
    "question": "bold yellow",
    "unknown": "bold magenta",
}
_NEIGHBOUR_NAMES = {
    "label_agreement": "agree with source neighbours",
    "domain_mixing": "mixed with the source",
    "support": "within the source's reach",
    "local_outliers": "outliers for where they stand",
    "hubness": "hubness (skewness)",
}
_FAVOURS = {
    "candidate": Text("for the adapted model", "green"),
    "source": Text("for the current model", "red"),
    "neither": Text("could be chance", "dim"),
}


def adapt_view(content: Mapping[str, Any]) -> RenderableType:
    """The content of a report.json."""
    advice = advise(content)
    parts: list[RenderableType] = [_verdict(content, advice)]
    reasons = content.get("reasons") or ()
    if reasons:
        parts.append(headed("Why", bullets(reasons)))
    parts += _help(advice)
    parts += _changes(content)
    parts += _witnesses(content.get("witnesses") or ())
    # A veto that is already given as a reason need not be said twice.
    parts += _vetoes([veto for veto in content.get("vetoes") or () if veto.get("says") not in reasons])
    parts += noted(content.get("notes"))
    parts.append(_footer(content))
    return Group(*parts)


def diagnose_view(content: Mapping[str, Any]) -> RenderableType:
    """The result of diagnose."""
    target = part(content, "target")
    parts: list[RenderableType] = [
        Text(f"{plural(target.get('n_frames'), 'frame')} of {plural(target.get('n_prints'), 'print')}")
    ]
    parts += _neighbours(part(content, "neighbours"))
    parts += _witnesses(content.get("witnesses") or ())
    parts += _validators(content.get("validators") or ())
    parts += _vetoes(content.get("vetoes") or ())
    return Group(*parts, *noted(content.get("notes")))


def _verdict(content: Mapping[str, Any], advice: Advice) -> RenderableType:
    style = _STYLES[advice.tone]
    head = Text.assemble((clean(content.get("verdict")), style), ("  " + advice.headline, "bold"))
    return Barred(Group(head, worded(advice.action)), style)


def _help(advice: Advice) -> list[RenderableType]:
    if not advice.help:
        return []
    commands = [Text(f"  {command}", overflow="fold") for command in advice.commands]
    return [headed(advice.help_title, Group(bullets(advice.help), *commands))]


def _vetoes(vetoes: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    if not vetoes:
        return []
    return [headed("Vetoes", bullets(_veto(veto) for veto in vetoes))]


def _veto(veto: Mapping[str, Any]) -> str:
    answer = f". Answered: {clean(veto['answer'])}" if veto.get("answer") else ""
    return f"{clean(veto.get('name'))}: {clean(veto.get('says'))}{answer}"


def _changes(content: Mapping[str, Any]) -> list[RenderableType]:
    target = part(content, "target")
    before, after = part(target, "calls_before"), part(target, "calls_after")
    if not before and not after:
        return []
    unit = "frames" if part(content, "source").get("labels_vary_inside_prints") else "prints"
    table = quiet_table(cut("class"), number("before"), number("after"), number("change"))
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        change = signed(100 * (new - old), 0) if old is not None and new is not None else None
        add(table, name, percent(old), percent(new), change)
    return [headed(f"Share of {unit} called", table)]


def _witnesses(witnesses: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    if not witnesses:
        return []
    table = quiet_table(cut("witness"), number("change"), number("90% interval"), cut("speaks"))
    for witness in witnesses:
        low, high = pair(witness.get("interval"))
        cells = (witness.get("name"), signed(witness.get("value")), span(low, high, signed))
        if witness.get("applies"):
            add(table, *cells, _FAVOURS.get(str(witness.get("favours")), Text("–")))
        else:
            add(table, *cells, "not heard", style="dim italic")
    return [headed("Witnesses (above zero speaks for the adapted model)", table)]


def _validators(validators: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    if not validators:
        return []
    table = quiet_table(cut("validator"), number("before"), number("after"), number("change"), cut("here"))
    for validator in validators:
        cells = (
            validator.get("name"),
            score(validator.get("before"), 3),
            score(validator.get("after"), 3),
            signed(validator.get("delta"), 3),
        )
        if validator.get("applies"):
            add(table, *cells, "applies")
        else:
            add(table, *cells, "no evidence", style="dim italic")
    return [headed("Validators (higher is better; no part of the verdict)", table)]


def _neighbours(neighbours: Mapping[str, Any]) -> list[RenderableType]:
    frozen, adapted = part(neighbours, "frozen"), part(neighbours, "adapted")
    if not frozen and not adapted:
        return []
    table = quiet_table(cut("target frames"), number("baseline's space"), number("model's space"))
    for key, name in _NEIGHBOUR_NAMES.items():
        add(table, name, score(part(frozen, key).get("value"), 2), score(part(adapted, key).get("value"), 2))
    return [headed("Neighbours", table)]


def _footer(content: Mapping[str, Any]) -> RenderableType:
    target = part(content, "target")
    low, high = pair(target.get("prior_interval"))
    seen = f"{plural(target.get('n_frames'), 'frame')} of {plural(target.get('n_prints'), 'print')}"
    labelled = part(target, "labelled_prints").get("n")
    seen += f", {count(labelled)} of them labelled" if labelled else ""
    line = f"{seen} · recipe {clean(content.get('recipe'))} · seed {clean(content.get('seed'))}"
    line += f" · {duration(content.get('seconds'))}"
    classes = list(content.get("classes") or ())
    parts: list[RenderableType] = [Text("")]
    if len(classes) == 2 and not isinstance(target.get("prior_estimate"), list):
        share = f"{percent(target.get('prior_estimate'))} ({span(low, high, percent)})"
        parts.append(Text(f"estimated share of {clean(classes[1])}: {share}", "dim"))
    parts.append(Text(line, "dim"))
    report = content.get("report") or f"{clean(content.get('out'))}/report.html"
    parts.append(Text.assemble(("report  ", "dim"), clean(report), overflow="fold"))
    return Group(*parts)
