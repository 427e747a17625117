"""The one exception for what a user can cause and put right, and how a program ends with it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class HarError(Exception):
    """A wrong setting, file or state; its text is one line: what, where, and what to do."""


@contextmanager
def in_one_line(interrupted: str = "interrupted") -> Iterator[None]:
    """End the program with a line on standard error for what a user can cause, and no traceback.

    Args:
        interrupted: What to say after Ctrl-C.
    """
    try:
        yield
    except HarError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if error.filename is None and error.strerror is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        sys.exit(f"error: {where}{error.strerror}")
    except KeyboardInterrupt:
        print(f"error: {interrupted}", file=sys.stderr)
        sys.exit(130)
