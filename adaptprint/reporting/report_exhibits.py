"""The report's exhibits: prints to label, changed calls, frames unlike the source, every print in a table."""

import base64
import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from adaptprint.reporting.formats import clean, is_number, part, percent, plural, score

Content = Mapping[str, Any]
Row = dict[str, Any]
Pictures = Mapping[str, bytes]

_MOST_PRINTS = 60


def exhibit_facts(content: Content, pictures: Pictures) -> Row:
    """What the template shows of prints and frames, by the names it uses."""
    by_frame = bool(part(content, "source").get("labels_vary_inside_prints"))
    wanted = [str(name) for name in content.get("prints_to_label") or ()]
    shown = [_frame(each, pictures) for each in content.get("pictures") or ()]
    # Where labels differ inside prints no print as a whole has a call that could change.
    changes = _changes({} if by_frame else part(content, "changes"), pictures)
    seen = {frame["picture"] for change in changes["prints"] for frame in change["frames"]}
    rest = [frame for frame in shown if frame["print"] not in wanted and frame["picture"] not in seen]
    return {
        "to_label": [{"print": name, "frames": [f for f in shown if f["print"] == name]} for name in wanted],
        # Labels of frames fit on no sheet of prints: they are sorted into folders, as the advice says.
        "label_sheet": None if by_frame else _label_sheet(wanted, _told(content)),
        "changes": changes,
        "frames": rest,
        "models_differ": any(frame["before_score"] != frame["after_score"] for frame in rest),
        "decision_moved": bool(part(content, "decision").get("moves_only")) and any(frame["changed"] for frame in rest),
        "strange": _strange(content, pictures),
        "prints": _prints(content, wanted, by_frame),
    }


def _frame(frame: Content, pictures: Pictures) -> Row:
    nearest = part(frame, "nearest")
    return {
        **{key: frame.get(key) for key in ("name", "before", "after", "before_score", "after_score", "picture")},
        "print": str(frame.get("print")),
        "src": _source(frame, pictures),
        "changed": frame.get("before") != frame.get("after"),
        "nearest": {**nearest, "src": _source(nearest, pictures)} if nearest else None,
    }


def _source(frame: Content, pictures: Pictures) -> str:
    jpeg = pictures[str(frame.get("picture"))]
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"


def _changes(changes: Content, pictures: Pictures) -> Row:
    prints = [
        {**change, "frames": [_frame(frame, pictures) for frame in change.get("frames") or ()]}
        for change in changes.get("prints") or ()
    ]
    total = changes.get("n")
    left = total - len(prints) if isinstance(total, int) else 0
    return {"known": bool(changes), "n": total, "left": left, "prints": prints}


def _told(content: Content) -> list[tuple[str, str]]:
    """Prints that were labelled already, and their class."""
    rows = part(part(content, "target"), "labelled_prints").get("prints") or ()
    return [(clean(row.get("print")), clean(row.get("class"))) for row in rows]


def _label_sheet(wanted: Sequence[str], told: Sequence[tuple[str, str]]) -> str:
    """The CSV to fill in: one row for each print to label, below those that were labelled already."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["print", "class"])
    writer.writerows([*told, *((clean(name), "") for name in wanted)])
    return buffer.getvalue().rstrip("\n") if wanted else ""


def _strange(content: Content, pictures: Pictures) -> Row | None:
    """Frames unlike anything the source showed, and how many there are."""
    found = part(content, "outside_support")
    if not found:
        return None
    limit, total = found.get("limit"), part(content, "target").get("n_frames")
    frames = []
    for each in found.get("frames") or ():
        distance = each.get("source_distance")
        times = distance / limit if is_number(distance) and is_number(limit) and limit > 0 else None
        frames.append({**_frame(each, pictures), "times": score(times, 1)})
    share = found["n_frames"] / total if is_number(total) and total and is_number(found.get("n_frames")) else None
    n_prints, frames_outside = found.get("n_prints"), plural(found.get("n_frames"), "frame")
    says = (
        f"{frames_outside} ({percent(share)}) lie farther from the source frames than 95% of the source's own lie "
        f"from its other prints; so does most of {plural(n_prints, 'print') if n_prints else 'no print'}."
    )
    return {"says": says, "frames": frames, "any": bool(frames)}


def _prints(content: Content, wanted: list[str], by_frame: bool) -> Row:
    """Every print in one row, faulty ones last; of very many only the beginning."""
    rows = [row for row in content.get("prints") or () if isinstance(row, Mapping)]
    ordered = sorted(rows, key=lambda row: row["before_margin"] if is_number(row.get("before_margin")) else 0.0)
    classes = list(content.get("classes") or ())
    binary = len(classes) == 2
    shown = [
        {
            **row,
            "changed": not by_frame and row.get("before_class") != row.get("after_class"),
            "wanted": str(row.get("print")) in wanted,
            "fault": row["expected"][1] if binary and row.get("expected") else None,
        }
        for row in ordered[:_MOST_PRINTS]
    ]
    return {
        "fault": classes[1] if binary else None,
        "by_frame": by_frame,
        "left": max(0, len(rows) - _MOST_PRINTS),
        "has_margins": binary and any(is_number(row.get("before_margin")) for row in rows),
        "has_faults": any(is_number(row["fault"]) for row in shown),
        "rows": shown,
    }
