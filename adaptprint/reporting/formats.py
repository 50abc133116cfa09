"""Numbers, durations and names as people read them; a missing value is a dash."""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

DASH = "–"


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def count(value: Any) -> str:
    """A whole number with thousands apart: ``25,279``."""
    return f"{value:,.0f}" if is_number(value) else DASH


def score(value: Any, digits: int = 3) -> str:
    """A score in [0, 1]: ``0.784``."""
    return f"{value:.{digits}f}" if is_number(value) else DASH


def signed(value: Any, digits: int = 2) -> str:
    """A difference: ``+0.12``; one that rounds to nothing carries no sign."""
    if not is_number(value):
        return DASH
    text = f"{value:+.{digits}f}"
    return text.lstrip("+-") if float(text) == 0 else text


def points(value: Any) -> str:
    """A gain in points: ``+3.2`` for 0.032."""
    return signed(100 * value if is_number(value) else None, 1)


def percent(value: Any) -> str:
    """A share: ``32%``. Only what is exactly none or all is shown as ``0%`` or ``100%``."""
    if not is_number(value):
        return DASH
    if 0 < value < 0.005:
        return "<1%"
    if 0.995 < value < 1:
        return ">99%"
    return f"{value:.0%}"


def span(low: Any, high: Any, form: Callable[[Any], str]) -> str:
    """Two ends of an interval, each in the given form: ``+0.02 to +0.10``; a dash where an end is missing."""
    return f"{form(low)} to {form(high)}" if is_number(low) and is_number(high) else DASH


def duration(seconds: Any) -> str:
    """``0.4 s``, ``12 s``, ``3:05 min`` or ``2:07 h``."""
    if not is_number(seconds) or seconds < 0:
        return DASH
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    minutes = round(seconds / 60)
    return f"{minutes // 60}:{minutes % 60:02d} h"


def plural(number: Any, noun: str) -> str:
    """``1 print``, ``12 prints``."""
    return f"{count(number)} {noun}" + ("" if number == 1 else "s")


def clean(value: Any) -> str:
    """Text on one line without control characters: names of files and prints are whatever someone typed."""
    if value is None or value == "":
        return DASH
    return "".join(sign if sign.isprintable() else "�" for sign in str(value))


def sentence(text: Any) -> str:
    """A statement with a capital first letter and a full stop, leaving code and numbers as they are."""
    words = clean(text).strip()
    if words and words[-1] not in ".!?:":
        words += "."
    return words[:1].upper() + words[1:]


def pair(value: Any) -> tuple[Any, Any]:
    """The two ends of an interval; ``(None, None)`` where there is none."""
    if isinstance(value, (list, tuple)) and len(value) == 2:
        return value[0], value[1]
    return None, None


def part(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The mapping below ``key``; an empty one where it is missing."""
    found = content.get(key)
    return found if isinstance(found, Mapping) else {}
