"""USC-HAD: 14 people with a sensor unit at the front right hip, 100 Hz.

Zhang, Sawchuk: USC-HAD: A Daily Activity Dataset for Ubiquitous Activity Recognition Using Wearable
Sensors, UbiComp 2012 Workshops. https://sipi.usc.edu/had/ (no licence is stated; the site asks for
the citation)

A MotionNode with its x axis up, as in UCI HAR. A MATLAB file a person, activity and trial:
acceleration in g, angular rate in **degrees a second**.

- Walking forward, to the left and to the right are WALKING here; sleeping is LAYING.
- Jumping and standing in a moving elevator are none of the activities known here: they are checked
  with the rest, and left out.
- Person, activity and trial are taken from the file's name: inside the files the fields that tell
  them go by several spellings.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from har.data.archive import Archive
from har.data.bouts import even_times, read_published
from har.data.datasets.sources import Sources, fetch_archive
from har.errors import HarError
from har.signals.recordings import ACTIVITIES, RawRecording, Recording

if TYPE_CHECKING:
    from hashlib import _Hash

TITLE = "USC-HAD"
CITATION = (
    "Zhang, Sawchuk: USC-HAD: A Daily Activity Dataset for Ubiquitous Activity Recognition Using "
    "Wearable Sensors, UbiComp 2012 Workshops"
)
LICENCE = "none stated; its site asks for the citation"
SUBJECTS = range(201, 215)
ARCHIVES: tuple[Archive, ...] = (
    Archive(url="https://sipi.usc.edu/had/USC-HAD.zip", file="USC-HAD.zip"),
)

ACTIVITY_OF = {
    1: "WALKING",
    2: "WALKING",
    3: "WALKING",
    4: "WALKING_UPSTAIRS",
    5: "WALKING_DOWNSTAIRS",
    6: "RUNNING",
    8: "SITTING",
    9: "STANDING",
    10: "LAYING",
}
"""By the number in a file's name; 7 is jumping, 11 and 12 are elevators."""

TRIALS = [
    (person, activity, trial)
    for person in range(1, len(SUBJECTS) + 1)
    for activity in range(1, 13)
    for trial in range(1, 6)
]
FILES = tuple(f"Subject{p}/a{activity}t{trial}.mat" for p, activity, trial in TRIALS)

RATE = 100.0
"""Samples a second."""

SHA256 = "19fedb0d989d8ed0321483ad4c85b30d27868abbe1422295271645068022aca2"
"""Of `sensor_readings` in all files, float32, row by row, in the order of `FILES`."""


def fetch(folder: Path, sources: Sources) -> None:
    """As `Dataset.fetch`."""
    fetch_archive(ARCHIVES, FILES, read, folder, sources)


def read(folder: Path) -> tuple[list[Recording], str]:
    """As `Dataset.read`."""
    return read_published(folder, read_raw, SHA256)


def read_raw(folder: Path, digest: "_Hash") -> Iterator[RawRecording]:
    """Read the files in the order of `FILES`; arguments and errors as `motion_sense.read_raw`."""
    for (person, number, _), name in zip(TRIALS, FILES, strict=True):
        values = readings(folder / name)
        digest.update(values.astype("<f4").tobytes())
        if number not in ACTIVITY_OF:
            continue
        yield RawRecording(
            subject=SUBJECTS[person - 1],
            times=even_times(len(values), RATE),
            acceleration=values[:, :3],
            angular_rate=np.deg2rad(values[:, 3:]),
            activity=np.full(len(values), ACTIVITIES.index(ACTIVITY_OF[number])),
            dataset="usc_had",
            placement="hip",
            device="MotionNode",
        )


def readings(path: Path) -> np.ndarray:
    """Acceleration in g and angular rate in degrees a second of one file, (samples, 6).

    Raises:
        HarError: It is missing or damaged.
    """
    from scipy.io import loadmat

    if not path.exists():
        raise HarError(f"{path} is missing: unpack the data set again")
    try:
        values: np.ndarray = loadmat(path, variable_names=["sensor_readings"])["sensor_readings"]
    except Exception as error:  # a damaged file ends loadmat in errors of every kind
        raise HarError(f"{path} is damaged: {' '.join(str(error).split())}") from None
    if values.ndim != 2 or values.shape[1] != 6 or values.dtype.kind != "f":
        raise HarError(f"{path} does not hold readings of 6 columns")
    if not len(values) or not np.isfinite(values).all():
        raise HarError(f"{path} does not hold rows of 6 finite numbers")
    return values
