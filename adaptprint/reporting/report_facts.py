"""From the content of report.json to what the page shows: every word decided here, the template only lays out."""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from adaptprint.reporting.advice import advise, stayed
from adaptprint.reporting.formats import DASH, clean, is_number, pair, part, percent, plural, span
from adaptprint.reporting.margin_strip import margin_strip
from adaptprint.reporting.report_exhibits import exhibit_facts
from adaptprint.reporting.report_neighbours import neighbour_rows, validator_table

Content = Mapping[str, Any]
Row = dict[str, Any]

_SAID_BESIDE = re.compile(r"( \([+-][\d.]+, [+-][\d.]+ to [+-][\d.]+\))?(; not heard.*)?$")
_WHO = {
    "candidate": "speaks for the adapted model",
    "source": "speaks for the current model",
    "neither": "could be chance",
}


def report_facts(content: Content, pictures: Mapping[str, bytes]) -> Row:
    """Everything the template needs, by the names it uses."""
    source, target = part(content, "source"), part(content, "target")
    return {
        **exhibit_facts(content, pictures),
        "verdict": content.get("verdict"),
        "advice": advise(content),
        "stayed": stayed(content),
        "reasons": content.get("reasons") or (),
        "unit": "frames" if source.get("labels_vary_inside_prints") else "prints",
        "size": _size(target),
        "calls": _calls(content, target),
        "strip": margin_strip(content),
        "witnesses": _witnesses(content.get("witnesses") or ()),
        "vetoes": content.get("vetoes") or (),
        "candidates": _candidates(content),
        "neighbours": neighbour_rows(part(content, "neighbours")),
        "validators": validator_table(content.get("validators")),
        "affinity": _affinity(part(content, "neighbours")),
        "target_facts": _target_facts(content, target),
        "source_facts": _source_facts(source),
        "run_facts": _run_facts(content),
        "notes": content.get("notes") or (),
        "command": _command(content, target),
        "label_command": _command(content, target, "prints.csv"),
        "labelled": part(target, "labelled_prints").get("n"),
        "classes": list(content.get("classes") or ()),
        "printer": _printer(target),
        "version": part(content, "versions").get("adaptprint"),
        "created": content.get("created"),
        "seconds": content.get("seconds"),
    }


def _calls(content: Content, target: Content) -> list[Row]:
    """Share of each class among the calls of both models, beside the estimated share and its interval."""
    rows = _paired(part(target, "calls_before"), part(target, "calls_after"))
    shares = _class_shares(content, target)
    for row in rows:
        mean, low, high = shares.get(str(row["name"]), (None, None, None))
        known = is_number(mean) and is_number(low) and is_number(high)
        row["estimate"] = mean if known else None
        if known:
            left, right = _width(low), _width(high)
            row |= {"left": left, "reach": round(right - left, 2), "mean": _width(mean)}
            row["range"] = span(low, high, percent)
    return rows


def _class_shares(content: Content, target: Content) -> dict[str, tuple[Any, Any, Any]]:
    """Estimated share, lower and upper end of each class."""
    classes, share = [str(name) for name in content.get("classes") or ()], target.get("prior_estimate")
    low, high = pair(target.get("prior_interval"))
    if isinstance(share, (list, tuple)) and isinstance(low, (list, tuple)) and isinstance(high, (list, tuple)):
        ends = zip(share, low, high, strict=False)
        return dict(zip(classes, ends, strict=False))
    if len(classes) != 2 or not (is_number(share) and is_number(low) and is_number(high)):
        return {}
    return {classes[0]: (1 - share, 1 - high, 1 - low), classes[1]: (share, low, high)}


def _paired(before: Content, after: Content) -> list[Row]:
    return [
        {
            "name": name,
            "before": before.get(name),
            "after": after.get(name),
            "before_width": _width(before.get(name)),
            "after_width": _width(after.get(name)),
        }
        for name in dict.fromkeys([*before, *after])
    ]


def _width(share: Any) -> float:
    """A share in percent of a bar's track."""
    return round(100 * min(1.0, max(0.0, share)), 2) if is_number(share) else 0.0


def _printer(target: Content) -> str:
    """What to call the new printer: the name of its folder says more than most ids."""
    names = [str(name) for name in target.get("printers") or () if str(name).strip()]
    path = str(target.get("path") or "")
    return ", ".join(names) if 0 < len(names) <= 2 else PurePath(path).name or "the new printer"


def _size(target: Content) -> str:
    return f"{plural(target.get('n_frames'), 'frame')} of {plural(target.get('n_prints'), 'print')}"


def _witnesses(witnesses: Sequence[Content]) -> list[Row]:
    ends = [abs(end) for witness in witnesses for end in _reach(witness) if is_number(end)]
    scale = max([0.02, *ends]) * 1.08
    return [_witness(witness, scale) for witness in witnesses]


def _reach(witness: Content) -> tuple[Any, Any, Any]:
    return (witness.get("value"), *pair(witness.get("interval")))


def _witness(witness: Content, scale: float) -> Row:
    """The witness with its bar in percent of the drawing's width; zero stands in the middle."""
    value, low, high = _reach(witness)
    applies = bool(witness.get("applies"))
    favours = str(witness.get("favours")) if applies else "neither"
    bar = None
    if is_number(value) and is_number(low) and is_number(high):
        left, right, dot = (50 + 50 * end / scale for end in (low, high, value))
        bar = {"left": round(left, 2), "width": round(right - left, 2), "dot": round(dot, 2)}
    return {
        "name": witness.get("name"),
        "value": value,
        "low": low,
        "high": high,
        "applies": applies,
        "favours": favours,
        "who": _WHO.get(favours, DASH) if applies else "not heard",
        "assumption": witness.get("assumption"),
        "says": _statement(witness.get("says")),
        "bar": bar,
    }


def _statement(says: Any) -> str:
    """The statement without the numbers and the remark that the table gives beside it."""
    return _SAID_BESIDE.sub("", clean(says))


def _candidates(content: Content) -> Row:
    rows = [row for row in content.get("candidates") or () if isinstance(row, Mapping)]
    names = list(dict.fromkeys(name for row in rows for name in part(row, "witnesses")))
    return {
        "witnesses": names,
        "rows": [
            {
                "name": row.get("name"),
                "chosen": row.get("name") == content.get("candidate_name"),
                "score": row.get("score"),
                "vetoes": row.get("vetoes") or (),
                "values": [part(row, "witnesses").get(name) for name in names],
            }
            for row in rows
        ],
    }


def _affinity(neighbours: Content) -> list[Row]:
    frozen = part(part(neighbours, "frozen"), "printer_affinity")
    adapted = part(part(neighbours, "adapted"), "printer_affinity")
    return sorted(_paired(frozen, adapted), key=lambda row: -row["before_width"])


def _target_facts(content: Content, target: Content) -> list[tuple[str, str]]:
    unreadable = target.get("n_unreadable")
    facts = [
        ("frames", clean(target.get("path"))),
        ("read as", clean(target.get("layout"))),
        ("printer", ", ".join(map(clean, target.get("printers") or ())) or DASH),
        ("size", _size(target)),
    ]
    if unreadable:
        facts.append(("unreadable", plural(unreadable, "frame")))
    if labelled := part(target, "labelled_prints").get("prints"):
        facts.append(("labelled", ", ".join(f"{clean(row['print'])} {clean(row['class'])}" for row in labelled)))
    return [*facts, ("stated prior", clean(target.get("prior_stated"))), *_prior(content, target), *_prior_by(target)]


def _prior(content: Content, target: Content) -> list[tuple[str, str]]:
    """The estimated share of the fault, or of every class where there are more than two."""
    classes, share = list(content.get("classes") or ()), target.get("prior_estimate")
    low, high = pair(target.get("prior_interval"))
    if not isinstance(share, (list, tuple)):
        fault = clean(classes[1]) if len(classes) == 2 else "faulty"
        return [(f"estimated {fault}", f"{percent(share)} (90% interval {span(low, high, percent)})")]
    lows, highs = (end if isinstance(end, (list, tuple)) else [None] * len(share) for end in (low, high))
    return [
        (f"estimated {clean(name)}", f"{percent(mean)} ({span(least, most, percent)})")
        for name, mean, least, most in zip(classes, share, lows, highs, strict=False)
    ]


def _prior_by(target: Content) -> list[tuple[str, str]]:
    """How the share was estimated, and what other estimators make of two classes."""
    says, others = target.get("prior_says"), part(target, "prior_others")
    facts = [("estimated", clean(says))] if says else []
    shares = [f"{clean(name)} {percent(share)}" for name, share in others.items() if is_number(share)]
    return [*facts, ("other estimates", ", ".join(shares))] if shares else facts


def _source_facts(source: Content) -> list[tuple[str, str]]:
    varied = source.get("labels_vary_inside_prints")
    return [
        ("digest", clean(source.get("digest"))),
        ("printers", ", ".join(map(clean, source.get("printers") or ())) or DASH),
        ("labelled frames", plural(source.get("n_frames"), "frame")),
        ("labels", "differ inside prints: frames are judged one by one" if varied else "one per print"),
    ]


def _run_facts(content: Content) -> list[tuple[str, str]]:
    facts = [
        ("recipe", clean(content.get("recipe"))),
        ("candidate", clean(content.get("candidate_name"))),
        ("seed", clean(content.get("seed"))),
        ("device", f"{clean(content.get('device'))}, {clean(content.get('precision'))}"),
    ]
    versions = part(content, "versions")
    return [*facts, *((clean(name), clean(version)) for name, version in versions.items())]


def _command(content: Content, target: Content, labels: str | None = None) -> str:
    """The command that repeats the run or, with ``labels``, decides again in its folder, without training anew."""
    source = part(content, "source").get("path") or "CKPT"
    words = ["adaptprint", "adapt", "--source", clean(source), "--target", clean(target.get("path"))]
    words += ["--recipe", f"{clean(content.get('out'))}/recipe.toml", "--seed", clean(content.get("seed"))]
    words += ["--target-prior", clean(target.get("prior_stated"))]
    for option, value in part(content, "options").items():
        words += [clean(option), clean(value)] if value else [clean(option)]
    if labels:
        return shlex.join([*words, "--labels", labels, "--out", clean(content.get("out")), "--overwrite"])
    used = part(target, "labelled_prints").get("file")
    words += ["--labels", clean(used)] if used else []
    return shlex.join(words)
