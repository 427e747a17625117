"""The data sets, by name: each module fetches its files and reads them as recordings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from har.data.archive import Archive
from har.data.datasets import dsads, hapt, motion_sense, recordings, simulated, uci_har, usc_had
from har.data.datasets.sources import Piece, Sources
from har.params import Dataset as Settings
from har.params import checked
from har.signals.recordings import Recording


class Dataset(Protocol):
    """What each module in this package has.

    Attributes:
        TITLE: Its name in texts.
        CITATION: What to cite.
        LICENCE: Under what terms it may be used.
        SUBJECTS: The people's numbers here. Other people have others.
        ARCHIVES: As published; none of what is made or recorded here.
    """

    TITLE: str
    CITATION: str
    LICENCE: str
    SUBJECTS: range
    ARCHIVES: tuple[Archive, ...]

    def fetch(self, folder: Path, sources: Sources) -> None:
        """Put the data set's files into an existing empty folder, from the first good source.

        Raises:
            HarError: There is none; `ArchiveUnavailable` where no archive would do.
        """

    def read(self, folder: Path) -> tuple[list[Recording], str]:
        """Read what `fetch` put there.

        Returns:
            The bouts, in a fixed order, and the SHA-256 of all values.

        Raises:
            HarError: A file is missing or damaged, or the values are not those published.
        """


@runtime_checkable
class InPieces(Dataset, Protocol):
    """A data set that can be larger than memory."""

    def pieces(self, folder: Path) -> list[Piece]:
        """What `read` reads, to be read one after the other or side by side.

        Raises:
            HarError: Files are missing.
        """


DATASETS: dict[str, Dataset] = {
    "uci_har": uci_har,
    "hapt": hapt,
    "motion_sense": motion_sense,
    "usc_had": usc_had,
    "dsads": dsads,
    "recordings": recordings,
    "simulated": simulated,
}
"""Every data set that `dataset.names` may name."""


def chosen(names: Sequence[str]) -> dict[str, Dataset]:
    """The data sets of these names.

    Raises:
        HarError: A name is unknown, or two data sets number the same people.
    """
    return {name: DATASETS[name] for name in checked(Settings, names=list(names)).names}
