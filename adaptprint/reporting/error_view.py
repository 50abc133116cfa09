"""An error in two lines: the cause, and the fix."""

from rich.console import Group, RenderableType
from rich.text import Text
from rich.traceback import Traceback

from adaptprint.errors import AdaptprintError
from adaptprint.reporting.formats import clean
from adaptprint.reporting.tables import labelled, worded


def error_view(error: BaseException, verbose: int = 0, hang: bool = True) -> RenderableType:
    """Cause and fix; the traceback above them where ``verbose`` is 2 or more.

    Args:
        error: Any error; one that is not adaptprint's own is called a fault.
        verbose: How often ``-v`` was given.
        hang: Break long lines below their text; without, each stays one line, as logs and scripts want it.
    """
    if isinstance(error, AdaptprintError):
        cause, fix = clean(error.cause), clean(error.fix)
    else:
        cause = clean(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
        fix = "This is a fault of adaptprint, not yours: please report it, with what `-vv` prints."
    rows = [
        (Text("error", "bold red"), worded(cause) if hang else Text(cause)),
        (Text("fix", "bold yellow"), worded(fix) if hang else Text(fix)),
    ]
    lines = labelled(rows) if hang else Group(*(Text.assemble(label, ": ", text) for label, text in rows))
    if verbose < 2 or error.__traceback__ is None:
        return lines
    return Group(Traceback.from_exception(type(error), error, error.__traceback__), lines)
