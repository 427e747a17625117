"""UCI HAR: its files, their digests, and the continuous recordings behind its windows.

Anguita, Ghio, Oneto, Parra, Reyes-Ortiz: A Public Domain Dataset for Human Activity Recognition
Using Smartphones, ESANN 2013. https://archive.ics.uci.edu/dataset/240 (CC BY 4.0; the archive's own
README asks for the citation and rules out commercial use)

Thirty people, a Samsung Galaxy S II at the waist, 50 Hz, g and rad/s. Published as windows of 128
samples that were filtered already (`har.signals.filters`): the recordings are put back together
from their overlaps, and are neither resampled nor filtered again.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from har.data.archive import Archive
from har.data.datasets.sources import Sources, fetch_archive
from har.data.datasets.text import read_numbers
from har.data.windows import join_overlapping, restore_stretch
from har.errors import HarError
from har.signals.recordings import BASE_CHANNELS, UCI_HAR_ACTIVITIES, Recording

TITLE = "UCI HAR"
CITATION = (
    "Anguita, Ghio, Oneto, Parra, Reyes-Ortiz: A Public Domain Dataset for Human Activity "
    "Recognition Using Smartphones, ESANN 2013"
)
LICENCE = "CC BY 4.0; its README rules out commercial use"
SUBJECTS = range(1, 31)
PLACEMENT, DEVICE = "waist", "Samsung Galaxy S II"

WINDOW = 128
"""Samples in each published window; neighbours overlap by half."""

OFFICIAL_TEST_SUBJECTS = (2, 4, 9, 10, 12, 13, 18, 20, 24)
"""The nine people of the published test set."""

ARCHIVES: tuple[Archive, ...] = (
    Archive(
        url="https://archive.ics.uci.edu/static/public/240/"
        "human+activity+recognition+using+smartphones.zip",
        file="human+activity+recognition+using+smartphones.zip",
        size=61_005_872,
        sha256="c00b803081a5c797cd5e4b83700a9810b38d53d9d84e01917e090e1fdbc81031",
    ),
    Archive(
        url="https://archive.ics.uci.edu/ml/machine-learning-databases/00240/"
        "UCI%20HAR%20Dataset.zip",
        file="UCI HAR Dataset.zip",
        size=60_999_314,
        sha256="2045e435c955214b38145fb5fa00776c72814f01b203fec405152dac7d5bfeb0",
    ),
)
"""The published archives, the newer address first; the first holds the second one inside."""

SPLITS = ("train", "test")
FILES = (
    "README.txt",
    "activity_labels.txt",
    *(f"{split}/{name}_{split}.txt" for split in SPLITS for name in ("y", "subject")),
    *(
        f"{split}/Inertial Signals/{channel}_{split}.txt"
        for split in SPLITS
        for channel in BASE_CHANNELS
    ),
)
"""What is unpacked, relative to the data set's top folder; the 561 features are not used here."""

DIGESTS = {
    "train": (
        "3454e1b58586f76211ee2d4937fbc4c9c90771da6cd209699dfa6e6ce9a6c6a6",
        "d5a9f4b97adeb07a9f71f6bc47c98ecdc5554cf670f98b8ab722e19cfcc4aae8",
        "2c395e93c9183f14405c7fbca8167fa4cff788d038a352d3d5e426ed1aa58459",
    ),
    "test": (
        "304ef134d8ad3e7f7cab807b1023d6cf8c74f0b9d036d4e21c9be25fe5c5988b",
        "d70e696bffe8cb255e002f1cdd5125f63dff9c510609a9bb8f9c03a4a624aaa0",
        "f6aca869c2a54b67d93c6bdb2e12b7e3bceaab643d231a52b0ade48423f05dfb",
    ),
}
"""SHA-256 of signals (float32, little-endian), labels and subjects (uint8) of each part."""


@dataclass(frozen=True)
class Part:
    """One of the two published parts, as its files say.

    Attributes:
        signals: float32 (windows, 128, 9), the `BASE_CHANNELS` in g and rad/s.
        labels: uint8 (windows,), 1 to 6.
        subjects: uint8 (windows,).
    """

    signals: np.ndarray
    labels: np.ndarray
    subjects: np.ndarray

    @cached_property
    def digests(self) -> tuple[str, str, str]:
        """SHA-256 of signals, labels and subjects, as in `DIGESTS`."""
        return (
            hashlib.sha256(self.signals.astype("<f4").data).hexdigest(),
            hashlib.sha256(self.labels.data).hexdigest(),
            hashlib.sha256(self.subjects.data).hexdigest(),
        )


_read_numbers = partial(read_numbers, dtype=np.float32)


def read_parts(folder: Path) -> dict[str, Part]:
    """Read both parts, `"train"` and `"test"`, from files in UCI HAR's layout."""
    return {split: read_part(folder, split) for split in SPLITS}


def read_part(folder: Path, split: str) -> Part:
    """Read one published part.

    Args:
        folder: The data set's top folder, which holds `train` and `test`.
        split: `"train"` or `"test"`.

    Raises:
        HarError: A file is missing, is not made of numbers, or has another length than it should.
    """
    labels = _read_numbers(folder / split / f"y_{split}.txt", 1)[:, 0]
    subjects = _read_numbers(folder / split / f"subject_{split}.txt", 1)[:, 0]
    signals = np.empty((len(labels), WINDOW, len(BASE_CHANNELS)), np.float32)
    for index, channel in enumerate(BASE_CHANNELS):
        path = folder / split / "Inertial Signals" / f"{channel}_{split}.txt"
        values = _read_numbers(path, WINDOW)
        if len(values) != len(labels):
            raise HarError(f"{path} has {len(values)} windows, the labels {len(labels)}")
        signals[:, :, index] = values
    if len(subjects) != len(labels):
        raise HarError(f"{folder / split}: {len(subjects)} subjects for {len(labels)} labels")
    if not ((labels >= 1) & (labels <= len(UCI_HAR_ACTIVITIES))).all():
        raise HarError(f"{folder / split}: a label is outside 1 to {len(UCI_HAR_ACTIVITIES)}")
    return Part(signals, labels.astype(np.uint8), subjects.astype(np.uint8))


def fetch(folder: Path, sources: Sources) -> None:
    """As `Dataset.fetch`."""
    fetch_archive(ARCHIVES, FILES, read, folder, sources)


def read(folder: Path) -> tuple[list[Recording], str]:
    """Read the published data set.

    The numbers are compared as float32 with the published ones: a re-zip whose text differs beyond
    that precision is as good.

    Args:
        folder: The data set's top folder.

    Returns:
        As `recordings_of`.

    Raises:
        HarError: A file is missing or damaged, or its numbers are not the published ones.
    """
    parts = read_parts(folder)
    for split, part in parts.items():
        names = ("signals", "labels", "subjects")
        for name, found, published in zip(names, part.digests, DIGESTS[split], strict=True):
            if found != published:
                raise HarError(f"{folder}: the {split} {name} are not those that were published")
    return recordings_of(parts, "uci_har", PLACEMENT, DEVICE)


def recordings_of(
    parts: dict[str, Part], dataset: str, placement: str, device: str
) -> tuple[list[Recording], str]:
    """Put windows back together into the continuous stretches they were cut from.

    Args:
        parts: As `read_parts` gives them.
        dataset: Name of the data set.
        placement: Where the sensors were worn.
        device: What measured.

    Returns:
        The bouts in the order of the windows, train first (857 for UCI HAR), and a digest of
        signals, labels and subjects.
    """
    recordings = [
        Recording(
            subject=int(part.subjects[rows.start]),
            activity=int(part.labels[rows.start]) - 1,
            split=split,
            signals=restore_stretch(part.signals[rows]),
            dataset=dataset,
            placement=placement,
            device=device,
        )
        for split, part in parts.items()
        for rows in join_overlapping(part.signals, part.labels, part.subjects)
    ]
    digests = "".join(digest for part in parts.values() for digest in part.digests)
    return recordings, hashlib.sha256(digests.encode()).hexdigest()
