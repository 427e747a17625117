"""Getting a published archive, from a local copy or its publisher; checked and unpacked safely."""

import errno
import logging
import lzma
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar
from zipfile import BadZipFile, ZipFile, ZipInfo

import requests
from filelock import FileLock
from tqdm import tqdm

from har.errors import HarError
from har.files import sha256

logger = logging.getLogger(__name__)

MAX_UNPACKED = 1 << 30
"""Bytes that an archive may unpack to; UCI HAR, the largest here, has 283 million."""

TIMEOUT = 20
"""Seconds to wait for a server's first or next bytes."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
"""What the system says when something cannot be written."""

T = TypeVar("T")


class ArchiveUnavailable(HarError):
    """The archive is neither here nor available from its publisher."""


class WrongArchive(HarError):
    """A sound zip, but of something else."""


@dataclass(frozen=True)
class Archive:
    """A published archive.

    Attributes:
        url: Where it is.
        file: Name it is kept under.
        size: Its bytes, None where the publisher may pack it anew.
        sha256: Their digest, None likewise; what it holds is verified by whoever uses it.
    """

    url: str
    file: str
    size: int | None = None
    sha256: str | None = None


def obtain(
    archives: Sequence[Archive],
    use: Callable[[Path], T],
    local: Path | None,
    downloads: Path,
    pause: float = 1.0,
) -> T:
    """Give `use` the first archive that it accepts: local ones first, then each publisher's.

    Args:
        archives: Where to download from, in order.
        use: Called with the path of a zip; raises HarError where the zip will not do.
        local: Folder of the person's own copies, whatever their names, or None.
        downloads: Folder that keeps what was downloaded, finished or not.
        pause: Seconds before the first retry; doubles with each.

    Returns:
        What `use` returned.

    Raises:
        ArchiveUnavailable: No archive would do; the message names each with its reason.
        OSError: What an archive holds cannot be written, such as to a full disk.
    """
    reasons = []

    def attempt(path: Path) -> tuple[T] | None:
        try:
            return (use(path),)
        except HarError as error:
            reasons.append(str(error))
            if not isinstance(error, WrongArchive):
                logger.warning("%s; trying the next source", error)
            return None

    if local is not None and not local.is_dir():
        reasons.append(f"HAR_ARCHIVE_DIR: {local} is not a folder")
    elif local is not None and not any(local.glob("*.zip")):
        reasons.append(f"HAR_ARCHIVE_DIR: {local} holds no file that ends in .zip")
    for path in sorted(local.glob("*.zip")) if local is not None else ():
        if not path.is_file():
            continue
        published = next((one for one in archives if one.size == path.stat().st_size), None)
        if published and published.sha256 not in (None, sha256(path)):
            reasons.append(f"{path} has the published size but not the published SHA-256")
        elif result := attempt(path):
            return result[0]

    downloads.mkdir(parents=True, exist_ok=True)
    with FileLock(downloads / ".lock"):
        for archive in archives:
            try:
                path = download(archive, downloads, pause)
            except HarError as error:
                reasons.append(str(error))
            else:
                if result := attempt(path):
                    return result[0]
                if archive.sha256 is None:  # what is in it was the only check
                    path.unlink()
    raise ArchiveUnavailable("; ".join(reasons))


def download(archive: Archive, folder: Path, pause: float = 1.0, retries: int = 3) -> Path:
    """Download an archive, going on where a broken transfer stopped.

    The bytes go to a name ending in `.part` until they are complete and their SHA-256 is the
    published one, where one is known. A failure is retried after 1, 2, 4 ... times `pause` seconds;
    progress starts the count anew.

    Raises:
        HarError: The publisher cannot be reached, refuses, or sends something else.
        OSError: The file cannot be written.
    """
    path, part = folder / archive.file, folder / f"{archive.file}.part"
    if path.exists():
        if archive.sha256 in (None, sha256(path)):
            return path
        path.unlink()
    if archive.sha256 is None:  # nothing would tell that the rest is of another file
        part.unlink(missing_ok=True)
    resumed, failures = part.exists(), 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _transfer(archive, part)
            break
        except requests.RequestException as error:
            status = error.response.status_code if error.response is not None else 0
            refused = 400 <= status < 500 and status not in (408, 416, 429)
            if status == 416:
                part.unlink(missing_ok=True)
            progress = part.exists() and part.stat().st_size > before
            failures = 1 if progress else failures + 1
            if refused or failures > retries:
                raise HarError(f"{archive.url}: {_in_words(error)}") from error
            time.sleep(pause * 2 ** (failures - 1))
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(part)) from None
    if archive.sha256 not in (None, sha256(part)):
        part.unlink()
        if resumed:  # what an earlier run left may have been the fault
            return download(archive, folder, pause, retries)
        raise HarError(f"{archive.url}: what came has not the published SHA-256")
    part.replace(path)
    return path


def _transfer(archive: Archive, part: Path) -> None:
    """Fetch what is missing of `part`, once."""
    have = part.stat().st_size if part.exists() else 0
    if have == archive.size:
        return
    headers = {"Range": f"bytes={have}-"} if have else {}
    with requests.get(archive.url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        response.raise_for_status()
        if response.status_code != 206:  # the server sends the whole file, asked or not
            have = 0
        size = archive.size
        if size is None and "Content-Encoding" not in response.headers:
            announced = response.headers.get("Content-Length", "")
            size = have + int(announced) if announced.isdecimal() else None
        with (
            part.open("ab" if have else "wb") as file,
            tqdm(total=size, initial=have, unit="B", unit_scale=True, desc="download") as bar,
        ):
            for block in response.iter_content(1 << 16):
                file.write(block)
                have += len(block)
                bar.update(len(block))
                # Not what was published, and perhaps without an end.
                if have > (MAX_UNPACKED if size is None else size):
                    break
    if size is not None and have < size:
        raise requests.ConnectionError(f"the transfer broke off after {have:,} bytes")


def _in_words(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    text = str(error)
    return text if text.startswith("the transfer") else "cannot be reached"


def unpack(path: Path, files: Sequence[str], folder: Path) -> None:
    """Write the members `files` of a zip, or of a zip inside it, below `folder`.

    Args:
        path: The zip. Its members may lie in one or more folders of their own.
        files: Paths relative to that place, and to `folder`.
        folder: Where to write.

    Raises:
        HarError: The zip is damaged, lacks a file, holds a name that leaves its folder, or unpacks
            to more than `MAX_UNPACKED`.
    """
    with _opened(path, files) as (archive, members):
        for name, member in zip(files, members, strict=True):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as stream, target.open("wb") as file:
                try:
                    shutil.copyfileobj(stream, file, 1 << 20)
                except OSError as error:
                    raise OSError(error.errno, error.strerror, str(target)) from None


@contextmanager
def _opened(path: Path, files: Sequence[str]) -> Iterator[tuple[ZipFile, list[ZipInfo]]]:
    """The zip that holds `files`, which may be one inside `path`, and their members in order."""
    try:
        with ZipFile(path) as outer:
            _refuse_dangerous(outer, path)
            inner = [one for one in outer.infolist() if _is_zip_in_zip(one.filename)]
            if len(inner) != 1:
                yield outer, _members(outer, files, path)
                return
            with tempfile.TemporaryFile() as copy:
                with outer.open(inner[0]) as stream:
                    shutil.copyfileobj(stream, copy, 1 << 20)
                with ZipFile(copy) as archive:
                    _refuse_dangerous(archive, path)
                    yield archive, _members(archive, files, path)
    except OSError as error:
        if error.errno in NO_ROOM:  # the fault of the disk, not of the archive
            raise
        raise HarError(f"{path} cannot be read as a zip archive: {error}") from error
    # RuntimeError: an encrypted member, or a compression that this Python lacks.
    except (BadZipFile, EOFError, RuntimeError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise HarError(f"{path} cannot be read as a zip archive: {error}") from error


def _is_zip_in_zip(name: str) -> bool:
    return name.endswith(".zip") and not name.startswith("__MACOSX/")


def _refuse_dangerous(archive: ZipFile, path: Path) -> None:
    for name in archive.namelist():
        pure = PurePosixPath(name.replace("\\", "/"))
        if pure.is_absolute() or ".." in pure.parts or ":" in name.split("/")[0]:
            raise HarError(f"{path}: refused, its member {name!r} would leave the folder")
    total = sum(one.file_size for one in archive.infolist())
    if total > MAX_UNPACKED:
        raise HarError(f"{path}: refused, it would unpack to {total:,} bytes")


def _members(archive: ZipFile, files: Sequence[str], path: Path) -> list[ZipInfo]:
    """The members that are `files` below the folder in which the last of them lies."""
    ends = [name for name in archive.namelist() if f"/{name}".endswith(f"/{files[-1]}")]
    if not ends:
        raise WrongArchive(f"{path} does not hold {files[-1]}")
    top = min(ends, key=len).removesuffix(files[-1])
    missing = [name for name in files if top + name not in archive.NameToInfo]
    if missing:
        raise HarError(f"{path} lacks {missing[0]}")
    return [archive.getinfo(top + name) for name in files]
