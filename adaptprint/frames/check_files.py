"""Rules about single files: unreadable, truncated, empty, dark, blown out, without detail, of odd shape."""

from collections import Counter

from adaptprint.frames.findings import MOST_EXAMPLES, Finding
from adaptprint.frames.image_headers import EMPTY, TRUNCATED
from adaptprint.frames.inspection import Inspection
from adaptprint.frames.wording import are, plural

DARK_BELOW = 20.0
"""Mean grey of a frame taken with the light off."""

CLIPPED_ABOVE = 0.5
"""Share of clipped pixels of a blown-out frame."""

FLAT_BELOW = 3.0
"""Standard deviation of grey of a frame that shows nothing: a covered lens, a broken stream."""

ASPECT_TOLERANCE = 0.02


def unreadable(seen: Inspection) -> Finding | None:
    """Files that are no image, or corrupt."""
    rows = [row for row, reason in seen.unreadable.items() if reason not in (EMPTY, TRUNCATED)]
    if not rows:
        return None
    return Finding(
        "unreadable",
        "error",
        len(rows),
        f"{plural(len(rows), 'frame')} cannot be decoded.",
        "Copy these files again from the camera's disk, or remove them.",
        tuple(f"{seen.names[row]}: {seen.unreadable[row]}" for row in rows[:MOST_EXAMPLES]),
    )


def truncated(seen: Inspection) -> Finding | None:
    """Files whose end is missing."""
    rows = [row for row, reason in seen.unreadable.items() if reason == TRUNCATED]
    if not rows:
        return None
    return Finding(
        "truncated",
        "error",
        len(rows),
        f"{plural(len(rows), 'frame')} {are(len(rows))} cut off: the end of the file is missing.",
        "Copy these files again, or remove them; a camera switched off while it writes leaves such files.",
        seen.examples(rows),
    )


def zero_byte(seen: Inspection) -> Finding | None:
    """Files without content."""
    rows = [row for row, reason in seen.unreadable.items() if reason == EMPTY]
    if not rows:
        return None
    return Finding(
        "zero-byte",
        "error",
        len(rows),
        f"{plural(len(rows), 'frame')} {are(len(rows))} empty (0 bytes).",
        "Remove these files; a full disk leaves such files.",
        seen.examples(rows),
    )


def dark(seen: Inspection) -> Finding | None:
    """Frames without light."""
    rows = seen.rows_where(lambda look: look.brightness < DARK_BELOW)
    if not rows:
        return None
    return Finding(
        "dark",
        "warning",
        len(rows),
        f"{plural(len(rows), 'frame')} {are(len(rows))} almost black.",
        "Leave frames out that were taken with the light off, or light the print bed.",
        seen.examples(rows),
    )


def blown_out(seen: Inspection) -> Finding | None:
    """Frames with too much light."""
    rows = seen.rows_where(lambda look: look.clipped > CLIPPED_ABOVE)
    if not rows:
        return None
    return Finding(
        "blown-out",
        "warning",
        len(rows),
        f"{plural(len(rows), 'frame')} {are(len(rows))} blown out: over half of the picture is white.",
        "Lower the camera's exposure or the light, or leave these frames out.",
        seen.examples(rows),
    )


def flat(seen: Inspection) -> Finding | None:
    """Frames that show nothing, though neither dark nor white."""
    rows = seen.rows_where(
        lambda look: look.contrast < FLAT_BELOW and look.brightness >= DARK_BELOW and look.clipped <= CLIPPED_ABOVE
    )
    if not rows:
        return None
    return Finding(
        "flat",
        "warning",
        len(rows),
        f"{plural(len(rows), 'frame')} {'shows' if len(rows) == 1 else 'show'} one plain colour.",
        "Leave these frames out; a covered lens or a broken camera stream gives such frames.",
        seen.examples(rows),
    )


def mixed_shapes(seen: Inspection) -> Finding | None:
    """Frames of several aspects, or of one aspect in several sizes."""
    sizes = Counter(look.size for look in seen.looks)
    if len(sizes) < 2:
        return None
    (height, width), usual = sizes.most_common(1)[0]
    other = seen.rows_where(lambda look: abs(look.size[1] / look.size[0] * height / width - 1) > ASPECT_TOLERANCE)
    shown = tuple(f"{w} x {h}: {plural(n, 'frame')}" for (h, w), n in sizes.most_common(MOST_EXAMPLES))
    if other:
        return Finding(
            "mixed-aspect",
            "warning",
            len(other),
            f"{plural(len(other), 'frame')} {'has' if len(other) == 1 else 'have'} another aspect than the "
            f"usual {width} x {height} and will be stretched to it.",
            "Crop the cameras to one aspect (--crop), or read them one printer at a time.",
            shown,
        )
    return Finding(
        "mixed-size",
        "note",
        len(seen.looks) - usual,
        f"Frames come in {len(sizes)} sizes of the same aspect.",
        "Nothing needs to be done: all are scaled to one size.",
        shown,
    )


FILE_RULES = (unreadable, truncated, zero_byte, dark, blown_out, flat, mixed_shapes)
