"""Writing files and folders so that a reader never meets half of one."""

import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from har.errors import HarError


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; it takes the place of `path` when the block ends well.

    The temporary name keeps the suffix of `path`, since writers such as `numpy.savez` and
    `Figure.savefig` look at it. A symbolic link stays, and the file that it points to is replaced.
    A device, FIFO or the like stays too: what was written is copied into it.

    Raises:
        HarError: `path` is a folder, or a loop of symbolic links.
    """
    if path.is_dir():
        raise HarError(f"{path} is a folder: name a file")
    target = _target(path)
    if _can_be_replaced(path, target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _beside(target) as folder:
            partial = folder / path.name
            yield partial
            partial.replace(target)
    else:
        with tempfile.TemporaryDirectory(prefix="har.") as folder_name:
            partial = Path(folder_name) / path.name
            yield partial
            with partial.open("rb") as written, path.open("wb") as output:
                shutil.copyfileobj(written, output)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder; it takes the place of `path` when the block ends well.

    A symbolic link stays, and the folder that it points to is replaced.

    Raises:
        HarError: `path` is a file, or a loop of symbolic links.
    """
    if path.exists() and not path.is_dir():
        raise HarError(f"{path} is a file: name a folder")
    path = _target(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _beside(path) as folder:
        new, old = folder / "new", folder / "old"
        new.mkdir()
        yield new
        # A folder cannot be renamed over one that has content: the old one steps aside first, and
        # comes back if it is not followed, be it for Ctrl-C between the two.
        try:
            if path.exists():
                path.replace(old)
            new.replace(path)
        except BaseException:
            if old.exists() and not path.exists():
                old.replace(path)
            raise


def _target(path: Path) -> Path:
    """Where symbolic links lead, be it to nothing yet; `path` itself where it is none."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # a new file, or a link to one; a parent that is a file shows when it is made
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise HarError(f"{path} is a loop of symbolic links: name a file or folder") from None
        raise
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _can_be_replaced(path: Path, target: Path) -> bool:
    """Whether a file may be renamed over it: nothing is there, or a regular file of that name."""
    try:
        there = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    # /dev/stdout may lead to a file that has lost its name, or never had one.
    return stat.S_ISREG(there.st_mode) and target.exists() and target.samefile(path)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A temporary folder in the same file system as `path`, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
