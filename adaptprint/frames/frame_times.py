"""When a frame was taken, as its file name tells it, and where a gap in those times ends a print."""

import re
from collections.abc import Sequence
from datetime import datetime, timezone

PRINT_GAP_SECONDS = 60.0

_EARLIEST, _LATEST = 946_684_800.0, 4_102_444_800.0  # the years 2000 to 2100: other numbers are counters
_TICKS_PER_SECOND = {10: 1, 13: 10**3, 16: 10**6, 19: 10**9}
_UNIX = r"(?P<unix>[0-9]{19}|[0-9]{16}|[0-9]{13}|[0-9]{10})(?P<fraction>\.[0-9]{1,9})?"
_PACKED = r"(?P<ymd>20[0-9]{6})[_T -]?(?P<hms>[0-9]{6})"
_SPELLED = r"(?P<date>20[0-9]{2}-[0-9]{2}-[0-9]{2})[T_ -](?P<clock>[0-9]{2}[-:.][0-9]{2}[-:.][0-9]{2})"
_TIME = re.compile(rf"(?<![0-9])(?:{_SPELLED}|{_PACKED}|{_UNIX})(?![0-9])")


def time_in_name(stem: str) -> float | None:
    """Unix seconds written in a file name without its suffix, or None.

    Understands unix seconds (10 digits, decimals allowed), milli-, micro- and nanoseconds (13, 16, 19
    digits), ``YYYYmmdd_HHMMSS`` and ``YYYY-mm-dd HH-MM-SS``. Dates carry no time zone and are taken as UTC:
    only the distances between frames matter. Where a name holds several times (of the print's start, then of
    the frame), the last one counts.

    Examples:
        >>> time_in_name("1678578538.704966")
        1678578538.704966
        >>> time_in_name("frame000001") is None
        True
    """
    last = None
    for match in _TIME.finditer(stem):
        seconds = _seconds(match)
        if seconds is not None and _EARLIEST <= seconds < _LATEST:
            last = seconds
    return last


def cut_at_gaps(times: Sequence[float], gap: float = PRINT_GAP_SECONDS) -> list[int]:
    """For each of the ascending ``times``, the number of gaps wider than ``gap`` seconds before it.

    Examples:
        >>> cut_at_gaps([0.0, 1.0, 100.0])
        [0, 0, 1]
    """
    pieces: list[int] = []
    for at, time in enumerate(times):
        pieces.append(0 if at == 0 else pieces[-1] + (time - times[at - 1] > gap))
    return pieces


def _seconds(match: re.Match[str]) -> float | None:
    if unix := match["unix"]:
        if len(unix) == 10:
            return float(unix + (match["fraction"] or ""))
        return int(unix) / _TICKS_PER_SECOND[len(unix)]
    digits = re.sub(r"[^0-9]", "", match[0])
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:  # the 31st of February, the 25th hour
        return None
