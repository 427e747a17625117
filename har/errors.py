"""The one exception for what a user can cause and put right, and what a program tells its user."""

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

MOST_SHOWN = 60
"""Characters of a value or name that a message shows."""


class HarError(Exception):
    """A wrong setting, file or state; its text is one line: what, where, and what to do."""


def shown(value: object) -> str:
    """A value as a message shows it: on one line, and not for pages."""
    try:
        text = " ".join(str(value).split())
    except ValueError:  # Python writes no number of thousands of digits
        return "a huge number"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def reason_of(error: Exception) -> str:
    """What is wrong with a file, on one line: of several problems that pydantic finds, the first.

    Args:
        error: Raised by pydantic, or by whatever else read the file.
    """
    text = str(error)
    if hasattr(error, "errors"):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        text = f"{where:.100}: {message}" if where else message
    return f"{' '.join(text.split()):.300}"


class _Plain(logging.Handler):
    """Lines on standard error: a message alone, or after `warning:` or `error:`."""

    def emit(self, record: logging.LogRecord) -> None:
        level = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        print(f"{level}{self.format(record)}", file=sys.stderr, flush=True)


@contextmanager
def _plain_log() -> Iterator[None]:
    """Show what the library logs while a program runs."""
    logger, handler = logging.getLogger("har"), _Plain()
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False  # other libraries may give the root logger handlers
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


@contextmanager
def in_one_line(interrupted: str = "interrupted") -> Iterator[None]:
    """End the program with a line on standard error for what a user can cause, and no traceback.

    What the library logs meanwhile is shown there too, a line each. Characters that the locale has
    not, such as in a file's name, are escaped on both outputs.

    Args:
        interrupted: What to say after Ctrl-C.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as standard error does by itself
    try:
        with _plain_log():
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
