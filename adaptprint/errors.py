"""Every error a user can meet: what is wrong, how to mend it, and the exit code.

An error carries one line of cause and one line of fix. The CLI prints both and ends with ``exit_code``; the
Python API raises them. Nothing in adaptprint prints a traceback for an error of this kind.
"""

import errno
from typing import ClassVar

EXIT_DONE = 0
EXIT_INTERNAL = 1
EXIT_USAGE = 2
EXIT_MISSING = 3
EXIT_BAD_DATA = 4
EXIT_NOT_SHIPPED = 5
EXIT_DRIFTED = 6
EXIT_INTERRUPTED = 130
_NO_MEMORY = ("allocate memory", "not enough memory", "out of memory", "bad_alloc")


class AdaptprintError(Exception):
    """An error with a cause and a fix.

    Args:
        cause: One line that says what is wrong, naming the file, option or value.
        fix: One line that says what to do about it.
    """

    exit_code: ClassVar[int] = EXIT_INTERNAL

    def __init__(self, cause: str, fix: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.cause}\n{self.fix}"

    def __reduce__(self) -> tuple[type["AdaptprintError"], tuple[str, str]]:
        # The default pickling passes only the cause; errors cross process borders in batch runs.
        return type(self), (self.cause, self.fix)


class UsageError(AdaptprintError):
    """The command or call asks for something that does not exist or does not fit together."""

    exit_code = EXIT_USAGE


class StaleStateError(UsageError):
    """The saved state of an unfinished run belongs to other data or settings."""


class MissingDependencyError(AdaptprintError):
    """A package, device or weights file that the request needs is not there."""

    exit_code = EXIT_MISSING


class BadDataError(AdaptprintError):
    """Frames, labels or a checkpoint that cannot be used as they are."""

    exit_code = EXIT_BAD_DATA


class DamagedStateError(BadDataError):
    """The saved state of an unfinished run cannot be read."""


class OutputError(AdaptprintError):
    """The output cannot be written: the disk is full, read-only, or the folder is taken."""

    exit_code = EXIT_BAD_DATA


class NotShippedError(AdaptprintError):
    """The verdict was not `ship` though `--require-improvement` was asked for."""

    exit_code = EXIT_NOT_SHIPPED


class InterruptedRunError(AdaptprintError):
    """The user stopped the run; its state is saved and `--resume` goes on."""

    exit_code = EXIT_INTERRUPTED


def lacks_memory(error: BaseException) -> bool:
    """Whether the system, or a GPU, had no memory left: torch and others say so in errors of their own.

    So does an error that arose while one of these was handled.
    """
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    if isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _NO_MEMORY):
        return True
    return error.__context__ is not None and lacks_memory(error.__context__)
