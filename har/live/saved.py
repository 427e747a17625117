"""The sessions that people have saved on the server: listed, read, renamed, deleted."""

import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from har.errors import HarError
from har.live import sessions

NAME = r"\w[\w .-]{0,78}"
"""What a session may be renamed to: letters, digits, spaces, dots and hyphens."""


def listed(folder: Path, ending: str = ".csv") -> list[dict[str, Any]]:
    """Each file's `name`, `bytes` and when it was `saved` (s since 1970), the newest first.

    Args:
        folder: Need not exist.
        ending: Of the files; `.csv` for sessions.
    """
    found = []
    for path in folder.glob(f"*{ending}"):
        try:
            status = path.stat()
        except OSError:
            continue  # deleted meanwhile
        if stat.S_ISREG(status.st_mode):
            found.append({"name": path.stem, "bytes": status.st_size, "saved": status.st_mtime})
    return sorted(found, key=lambda each: each["saved"], reverse=True)


def path_of(folder: Path, name: str) -> Path:
    """A session's file.

    Raises:
        HarError: There is none of this name.
    """
    path = folder / f"{name}.csv"
    if not re.fullmatch(NAME, name) or not path.is_file():
        raise HarError(f"there is no session {name:.80}")
    return path


def rename(folder: Path, name: str, new: str) -> None:
    """Call a session otherwise.

    Raises:
        HarError: There is none, the new name is not valid, or another session has it.
        InUse: It is being recorded.
    """
    path = path_of(folder, name)
    if not re.fullmatch(NAME, new) or new != new.strip():
        raise HarError("a name has letters, digits, spaces, dots and hyphens, 79 at most")
    target = folder / f"{new}.csv"
    with _alone(path):
        try:
            target.hardlink_to(path)  # unlike a rename, it never replaces another one
        except FileExistsError:
            raise HarError(f"there is a session {new} already") from None
        path.unlink()


def delete(folder: Path, name: str) -> None:
    """Delete a session.

    Raises:
        HarError: There is none.
        InUse: It is being recorded.
    """
    path = path_of(folder, name)
    with _alone(path):
        path.unlink()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep everybody from a session's file, whichever process they are in."""
    try:
        file = sessions.take(path, "rb")
    except FileNotFoundError:
        raise HarError(f"there is no session {path.stem:.80}") from None
    with file:
        yield
