"""HAPT: the raw recordings that UCI HAR's windows were cut from, whole, transitions included.

Reyes-Ortiz, Oneto, Samà, Parra, Anguita: Transition-Aware Human Activity Recognition Using
Smartphones, Neurocomputing 171, 2016. https://archive.ics.uci.edu/dataset/341 (CC BY 4.0)

The same thirty people and sessions as UCI HAR, so that the two are never used together: a Samsung
Galaxy S II at the waist, 50 Hz, raw readings in g and rad/s, 61 experiments. UCI HAR's division of
the people into training and test is kept. What is labelled as changing from one posture to another,
or not at all, has no activity here.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from har.data.archive import Archive
from har.data.bouts import even_times, read_published
from har.data.datasets import uci_har
from har.data.datasets.sources import Sources, fetch_archive
from har.data.datasets.text import read_numbers
from har.errors import HarError
from har.signals.recordings import (
    NO_ACTIVITY,
    SAMPLING_RATE,
    UCI_HAR_ACTIVITIES,
    RawRecording,
    Recording,
)

if TYPE_CHECKING:
    from hashlib import _Hash

TITLE = "HAPT"
CITATION = (
    "Reyes-Ortiz, Oneto, Samà, Parra, Anguita: Transition-Aware Human Activity Recognition Using "
    "Smartphones, Neurocomputing 171, 2016"
)
LICENCE = "CC BY 4.0; its README rules out commercial use"
SUBJECTS = uci_har.SUBJECTS

ARCHIVES: tuple[Archive, ...] = (
    Archive(
        url="https://archive.ics.uci.edu/static/public/341/smartphone+based+recognition+of+"
        "human+activities+and+postural+transitions.zip",
        file="smartphone+based+recognition+of+human+activities+and+postural+transitions.zip",
        size=79_596_192,
        sha256="4ac4ae064227c07045a99551876b54d204837e995e298b6488559e209b3deb09",
    ),
)

SUBJECT_OF = (
    *(1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 10, 11, 11, 12, 12, 13, 13),
    *(14, 14, 15, 15, 16, 16, 17, 17, 18, 18, 19, 19, 20, 20, 21, 21, 22, 22, 23, 23, 24, 24),
    *(25, 25, 26, 26, 27, 27, 28, 28, 29, 29, 30, 30),
)
"""Who is recorded in each experiment, counted from 1."""

LABELS = "RawData/labels.txt"

SHA256 = "f2adc4d29f4e1fc64b8e200ff6ec5e44d92e4b7972bc686fa8b6d39fb20713f6"
"""Of the labels, then of each experiment's acceleration and angular rate, float32, row by row."""


def _names(experiment: int) -> tuple[str, str]:
    ending = f"exp{experiment:02d}_user{SUBJECT_OF[experiment - 1]:02d}.txt"
    return f"RawData/acc_{ending}", f"RawData/gyro_{ending}"


FILES = (
    *(name for experiment in range(1, len(SUBJECT_OF) + 1) for name in _names(experiment)),
    LABELS,
)


def fetch(folder: Path, sources: Sources) -> None:
    """As `Dataset.fetch`."""
    fetch_archive(ARCHIVES, FILES, read, folder, sources)


def read(folder: Path) -> tuple[list[Recording], str]:
    """As `Dataset.read`."""
    return read_published(folder, partial(read_raw, subjects=SUBJECTS), SHA256)


def read_raw(
    folder: Path, digest: "_Hash | None" = None, subjects: Sequence[int] = SUBJECTS
) -> Iterator[RawRecording]:
    """Read the sessions, experiment by experiment.

    Args:
        folder: Where they were unpacked to.
        digest: Gets their values, if it is there.
        subjects: Whose sessions to read.

    Raises:
        HarError: A file is missing or damaged.
    """
    labels = read_numbers(folder / LABELS, 5, int)
    if digest is not None:
        digest.update(labels.astype("<f4").tobytes())
    for experiment, subject in enumerate(SUBJECT_OF, start=1):
        if subject not in subjects:
            continue
        acceleration, angular_rate = (
            read_numbers(folder / name, 3, float) for name in _names(experiment)
        )
        if len(acceleration) != len(angular_rate):
            raise HarError(f"{folder}: experiment {experiment} has files of different lengths")
        if digest is not None:
            digest.update(acceleration.astype("<f4").tobytes())
            digest.update(angular_rate.astype("<f4").tobytes())
        activity = np.full(len(acceleration), NO_ACTIVITY)
        for _, _, number, first, last in labels[labels[:, 0] == experiment]:
            if number <= len(UCI_HAR_ACTIVITIES):  # the others are transitions
                activity[first - 1 : last] = number - 1
        yield RawRecording(
            subject=subject,
            times=even_times(len(activity), SAMPLING_RATE),
            acceleration=acceleration,
            angular_rate=angular_rate,
            activity=activity,
            split="test" if subject in uci_har.OFFICIAL_TEST_SUBJECTS else "train",
            dataset="hapt",
            placement=uci_har.PLACEMENT,
            device=uci_har.DEVICE,
        )
