"""Where data sets come from, and how one is fetched from an archive or read piece by piece."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from har.data.archive import Archive, obtain, unpack
from har.errors import HarError
from har.params import OWN, Simulated
from har.signals.recordings import Recording

Piece = Callable[[], tuple[list[Recording], str]]
"""Reads some recordings that belong together, and says their digest."""


@dataclass(frozen=True)
class Sources:
    """Where data sets are taken from.

    Attributes:
        downloads: Folder that keeps what was downloaded.
        local: Folder of the person's own archives, or None.
        simulated: What to simulate.
        recordings: Folder of the person's own recordings.
    """

    downloads: Path
    local: Path | None = None
    simulated: Simulated = field(default_factory=Simulated)
    recordings: Path = OWN


def fetch_archive(
    archives: Sequence[Archive],
    files: Sequence[str],
    read: Callable[[Path], Any],
    folder: Path,
    sources: Sources,
) -> None:
    """Unpack a data set from the first archive that holds what was published.

    Args:
        archives: The published ones.
        files: What to unpack, relative to the data set's top folder.
        read: Raises HarError unless the folder that it is given holds what was published.
        folder: An existing empty folder to unpack to.
        sources: Where to look.

    Raises:
        ArchiveUnavailable: There is none.
    """

    def unpack_and_verify(path: Path) -> None:
        unpack(path, files, folder)
        try:
            read(folder)
        except HarError as error:
            reason = str(error).replace(f"{folder}/", "").replace(f"{folder}: ", "")
            raise HarError(f"{path}: {reason}") from None

    obtain(archives, unpack_and_verify, sources.local, sources.downloads)


def digest_of(digests: Iterable[str]) -> str:
    """One digest for several; a single one stands for itself."""
    digests = list(digests)
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def read_pieces(pieces: Iterable[Piece]) -> tuple[list[Recording], str]:
    """The recordings of all, in order, and their digest."""
    read = [piece() for piece in pieces]
    recordings = [recording for of_one, _ in read for recording in of_one]
    return recordings, digest_of(digest for _, digest in read)
