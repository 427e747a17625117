"""Writing files and folders so that a reader never meets half of one."""

import errno
import glob
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from har.errors import HarError

LOCK, OLD = ".lock", ".old"
"""Files in a temporary folder, beside what is being written."""


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; it takes the place of `path` when the block ends well.

    The temporary name keeps the suffix of `path`, since writers such as `numpy.savez` and
    `Figure.savefig` look at it. A symbolic link stays, and the file that it points to is replaced.
    A device, FIFO or the like stays too: what was written is copied into it.

    Raises:
        HarError: `path` is a folder, or a loop of symbolic links.
    """
    with replacing_files(path) as (partial,):
        yield partial


@contextmanager
def replacing_files(*paths: Path) -> Iterator[tuple[Path, ...]]:
    """As `replacing_file`, for files that belong together: all take their places, or none does.

    A process that is killed between two of them leaves a mixture, all the same.

    Raises:
        HarError: As `replacing_file`.
    """
    for path in paths:
        if path.is_dir():
            raise HarError(f"{path} is a folder: name a file")
    targets = {path: _target(path) for path in paths}
    renamed = {path: target for path, target in targets.items() if _can_be_replaced(path, target)}
    copied = [path for path in paths if path not in renamed]
    with ExitStack() as stack:
        folders = {}
        for path in paths:
            if path in renamed:
                folders[path] = stack.enter_context(beside(renamed[path]))
            else:
                temporary = tempfile.TemporaryDirectory(prefix="har.")
                folders[path] = Path(stack.enter_context(temporary))
        partials = {path: folder / path.name for path, folder in folders.items()}
        yield tuple(partials.values())
        for partial in partials.values():
            _flush(partial)
        undo = stack.enter_context(ExitStack())
        for path, target in renamed.items():
            if len(paths) > 1:
                undo.callback(_put_back, _keep(target, folders[path] / OLD), target)
            partials[path].replace(target)
        for path in copied:
            with partials[path].open("rb") as written, path.open("wb") as output:
                shutil.copyfileobj(written, output)
        undo.pop_all()


def _flush(path: Path) -> None:
    """To the disk: after a power cut a file that took its place before may be empty."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _keep(path: Path, old: Path) -> Path | None:
    """A second name for a file, or a copy where that cannot be; None if there is no file."""
    try:
        os.link(path, old)
    except FileNotFoundError:
        return None
    except OSError:
        shutil.copy2(path, old)
    return old


def _put_back(old: Path | None, path: Path) -> None:
    if old is None:
        path.unlink(missing_ok=True)
    else:
        old.replace(path)


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
    with beside(path) as folder:
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
def beside(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path`, whose folder is made if need be; gone afterwards.

    A process that was killed leaves its folder: the next one to write here removes it. The lock
    tells that a process is at work in a folder, and ends with it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        with suppress(Timeout, OSError), FileLock(left / LOCK, timeout=0):
            shutil.rmtree(left)
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent))
    try:
        with FileLock(folder / LOCK):
            folder.mkdir(exist_ok=True)  # another process may have taken it for one that was left
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
