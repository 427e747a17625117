"""HAPT: the raw recordings that UCI HAR's windows were cut from, whole, transitions included.

Reyes-Ortiz, Oneto, Samà, Parra, Anguita: Transition-Aware Human Activity Recognition Using
Smartphones, Neurocomputing 171, 2016. https://archive.ics.uci.edu/dataset/341
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from har.data.archive import Archive, obtain, unpack
from har.data.datasets.text import read_numbers
from har.errors import HarError
from har.signals.recordings import ACTIVITIES

ARCHIVES = (
    Archive(
        url="https://archive.ics.uci.edu/static/public/341/smartphone+based+recognition+of+"
        "human+activities+and+postural+transitions.zip",
        file="smartphone+based+recognition+of+human+activities+and+postural+transitions.zip",
        size=79_596_192,
        sha256="4ac4ae064227c07045a99551876b54d204837e995e298b6488559e209b3deb09",
    ),
)

SUBJECTS = (
    *(1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 10, 11, 11, 12, 12, 13, 13),
    *(14, 14, 15, 15, 16, 16, 17, 17, 18, 18, 19, 19, 20, 20, 21, 21, 22, 22, 23, 23, 24, 24),
    *(25, 25, 26, 26, 27, 27, 28, 28, 29, 29, 30, 30),
)
"""Who is recorded in each experiment, counted from 1."""

LABELS = "RawData/labels.txt"

NO_ACTIVITY = -1
"""Between activities, or changing from one posture to another."""


def _names(experiment: int) -> tuple[str, str]:
    ending = f"exp{experiment:02d}_user{SUBJECTS[experiment - 1]:02d}.txt"
    return f"RawData/acc_{ending}", f"RawData/gyro_{ending}"


FILES = (
    *(name for experiment in range(1, len(SUBJECTS) + 1) for name in _names(experiment)),
    LABELS,
)


@dataclass(frozen=True)
class Session:
    """One experiment: a person's recording from beginning to end, at 50 Hz.

    Attributes:
        experiment: Its number.
        subject: Number of the person, as in UCI HAR.
        acceleration: float64 (samples, 3) in g, gravity included.
        angular_rate: float64 (samples, 3) in rad/s.
        activity: int (samples,), index into `ACTIVITIES`, or `NO_ACTIVITY`.
    """

    experiment: int
    subject: int
    acceleration: np.ndarray
    angular_rate: np.ndarray
    activity: np.ndarray


def fetch(folder: Path, local: Path | None, downloads: Path) -> None:
    """Unpack the recordings; arguments and errors as for `uci_har.fetch`."""
    obtain(ARCHIVES, partial(unpack, files=FILES, folder=folder), local, downloads)


def read_sessions(folder: Path, subjects: Sequence[int] = SUBJECTS) -> Iterator[Session]:
    """Read what `fetch` unpacked, experiment by experiment.

    Args:
        folder: Where it was unpacked to.
        subjects: Whose sessions to read.

    Raises:
        HarError: A file is missing or damaged.
    """
    labels = read_numbers(folder / LABELS, 5, int)
    for experiment, subject in enumerate(SUBJECTS, start=1):
        if subject not in subjects:
            continue
        acceleration, angular_rate = (
            read_numbers(folder / name, 3, float) for name in _names(experiment)
        )
        if len(acceleration) != len(angular_rate):
            raise HarError(f"{folder}: experiment {experiment} has files of different lengths")
        activity = np.full(len(acceleration), NO_ACTIVITY)
        for _, _, number, first, last in labels[labels[:, 0] == experiment]:
            if number <= len(ACTIVITIES):  # the others are transitions
                activity[first - 1 : last] = number - 1
        yield Session(experiment, subject, acceleration, angular_rate, activity)
