"""Getting a published archive, from a local copy or its publisher; checked and unpacked safely."""

import errno
import logging
import lzma
import os
import re
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
import urllib3
from filelock import FileLock
from tqdm import tqdm

from har.errors import HarError
from har.files import sha256

logger = logging.getLogger(__name__)

MAX_UNPACKED = 1 << 30
"""Bytes that an archive may unpack to; UCI HAR, the largest here, has 283 million."""

TIMEOUT, SLOWEST = 20, 1000
"""Seconds to wait for a server's first or next bytes, and bytes a second that must come."""

ZIP = b"PK"
"""What every zip begins with, and no page that says why there is none."""

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
        if not os.access(path, os.R_OK):
            reasons.append(f"{path} cannot be read: you lack the permission")
        elif published and published.sha256 not in (None, sha256(path)):
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
    resumed, failures, whole = part.exists(), 0, False
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _transfer(archive, part, whole)
            break
        except requests.RequestException as error:
            status = error.response.status_code if error.response is not None else 0
            refused = 400 <= status < 500 and status not in (408, 416, 429)
            whole = status == 416 or isinstance(error, _WrongRange)
            progress = part.exists() and part.stat().st_size > before
            failures = 1 if progress and not isinstance(error, _TooSlow) else failures + 1
            if refused or failures > retries:
                raise HarError(f"{archive.url}: {_in_words(error)}") from error
            time.sleep(pause * 2 ** (failures - 1))
        except OSError as error:
            raise OSError(error.errno, error.strerror or str(error), str(part)) from None
    if archive.sha256 not in (None, sha256(part)):
        part.unlink()
        if resumed:  # what an earlier run left may have been the fault
            return download(archive, folder, pause, retries)
        raise HarError(f"{archive.url}: what came has not the published SHA-256")
    part.replace(path)
    return path


class _WrongRange(requests.RequestException):
    """The server sent another part than the one that was asked for."""


class _TooSlow(requests.RequestException):
    """So little comes that the rest would take days."""


class _BrokenOff(requests.RequestException):
    """Something came, and not all."""


def _transfer(archive: Archive, part: Path, whole: bool) -> None:
    """Fetch what is missing of `part`, once; or all of it, where parts cannot be had.

    What there is of it stays until the answer has brought more: it may be a page about a fault.
    """
    have = part.stat().st_size if part.exists() else 0
    if have == archive.size:
        return
    headers = {"Range": f"bytes={have}-"} if have and not whole else {}
    with requests.get(archive.url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        response.raise_for_status()
        if response.status_code == 206:
            start, size = _range_of(response)
            if start != have or not headers or archive.size not in (None, size):
                raise _WrongRange("another part of the file came than the one asked for")
            _save(response, part, have, size)
            return
        # The server sends the whole file, asked or not.
        size = archive.size
        if size is None and "Content-Encoding" not in response.headers:
            announced = response.headers.get("Content-Length", "")
            size = int(announced) if announced.isdecimal() else None
        new = part.with_name(f"{part.name}.new")
        new.unlink(missing_ok=True)
        try:
            _save(response, new, 0, size)
        except requests.RequestException:
            if not new.exists() or new.stat().st_size <= have:
                new.unlink(missing_ok=True)
                raise
            new.replace(part)
            raise
        new.replace(part)


def _save(response: requests.Response, path: Path, have: int, size: int | None) -> None:
    """Add what comes to a file that has `have` bytes, until it has `size`, if that is known."""
    with (
        path.open("ab") as file,
        tqdm(total=size, initial=have, unit="B", unit_scale=True, desc="download") as bar,
    ):
        for block in _blocks(response):
            if not have and not ZIP.startswith(block[: len(ZIP)]):
                raise _BrokenOff("what came is no zip archive")
            file.write(block)
            have += len(block)
            bar.update(len(block))
            # Not what was published, and perhaps without an end.
            if have > (MAX_UNPACKED if size is None else size):
                break
    if size is not None and have < size:
        raise _BrokenOff(f"the transfer broke off after {have:,} bytes")


def _blocks(response: requests.Response) -> Iterator[bytes]:
    """What comes, as it comes, so that a transfer that breaks off loses nothing of it."""
    since, came = time.monotonic(), 0
    try:
        while block := response.raw.read1(1 << 16, decode_content=True):
            yield block
            came += len(block)
            if (seconds := time.monotonic() - since) > TIMEOUT:
                if came < SLOWEST * seconds:
                    raise _TooSlow(f"fewer than {SLOWEST} bytes a second come")
                since, came = time.monotonic(), 0
    except urllib3.exceptions.ReadTimeoutError:
        raise requests.Timeout from None
    except urllib3.exceptions.HTTPError:
        raise _BrokenOff("the transfer broke off") from None


def _range_of(response: requests.Response) -> tuple[int | None, int | None]:
    """First byte, and bytes of the whole file, that `Content-Range` names (RFC 9110, 14.4)."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if not found:
        return None, None
    return int(found[1]), None if found[2] == "*" else int(found[2])


def _in_words(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, (_BrokenOff, _TooSlow, _WrongRange)):
        return str(error)
    return "cannot be reached"


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
                    if error.errno is None:  # what a decompressor finds wrong
                        raise
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
