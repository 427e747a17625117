"""Writing files and folders so that a reader never meets half of one."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from har.errors import HarError


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; it takes the place of `path` when the block ends well.

    The temporary name keeps the suffix of `path`, since writers such as `numpy.savez` and
    `Figure.savefig` look at it.

    Raises:
        HarError: `path` is a folder.
    """
    if path.is_dir():
        raise HarError(f"{path} is a folder: name a file")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _beside(path) as folder:
        partial = folder / path.name
        yield partial
        partial.replace(path)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder; it takes the place of `path` when the block ends well.

    Raises:
        HarError: `path` is a file.
    """
    if path.exists() and not path.is_dir():
        raise HarError(f"{path} is a file: name a folder")
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
