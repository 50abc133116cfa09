"""Recognises class names, in folder names and in label columns, as the classes of a checkpoint spell them."""

import re
from collections.abc import Sequence

from adaptprint.frames.classes import FAULTLESS

GOOD, UNDER_EXTRUSION = "good", "under_extrusion"

_GOOD_WORDS = frozenset({*FAULTLESS, "success", "non_defective", "no_defects", "no_under_extrusion"})
_BAD_WORDS = frozenset(
    {"bad", "defect", "defective", "fail", "failed", "failure", "fault", "faulty", "abnormal", "anomaly"}
)
_UNDER_WORDS = frozenset(
    {"under_extrusion", "underextrusion", "under_extruded", "underextruded", "has_under_extrusion"}
)
_OVER_WORDS = frozenset({"over_extrusion", "overextrusion", "over_extruded", "overextruded"})
_FAULT_WORDS = frozenset(
    {
        *("stringing", "spaghetti", "warping", "warped", "layer_shift", "layer_shifting", "blob", "blobs"),
        *("cracking", "clog", "clogged", "detached", "no_plastic", "off_platform", "air_printing"),
    }
)
_MEANS = {
    **dict.fromkeys(_GOOD_WORDS, GOOD),
    **dict.fromkeys(_UNDER_WORDS, UNDER_EXTRUSION),
    **dict.fromkeys(_OVER_WORDS, "over_extrusion"),
}


def is_usual_class_name(name: str) -> bool:
    """Whether a folder of this name nearly always holds the frames of one class."""
    plain = _plain(name)
    return plain in _MEANS or plain in _BAD_WORDS or plain in _FAULT_WORDS


def class_called(name: str, classes: Sequence[str]) -> str | None:
    """The class that ``name`` means, as ``classes`` spells it, or None.

    Case, spaces and hyphens do not matter, nor do the usual spellings (``ok`` is ``good``,
    ``underextrusion`` is ``under_extrusion``). Where there are two classes and one is good, ``bad`` or
    ``defect`` is the other.

    Examples:
        >>> class_called("Under-Extruded", ["good", "under_extrusion"])
        'under_extrusion'
    """
    if name in classes:
        return name
    plain = _plain(name)
    spelled = {_plain(known): known for known in reversed(classes)}
    if plain in spelled:
        return spelled[plain]
    meant = {_MEANS.get(key, key): known for key, known in spelled.items()}
    if _MEANS.get(plain) in meant:
        return meant[_MEANS[plain]]
    if plain in _BAD_WORDS and len(meant) == 2 and GOOD in meant:
        return next(known for key, known in meant.items() if key != GOOD)
    return None


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-]+", "_", name.strip().casefold())
