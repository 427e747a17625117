"""MotionSense: 24 people with a phone in the front pocket of their trousers, 50 Hz.

Malekzadeh, Clegg, Cavallaro, Haddadi: Mobile Sensor Data Anonymization, IoTDI 2019.
https://github.com/mmalekzadeh/motion-sense (its LICENSE file is the MIT licence)

An iPhone 6s; its y axis is vertical, either way up. A file a person and trial, of one activity:
going down and up stairs, walking, jogging, sitting, standing. Jogging is RUNNING here. Columns are
attitude (rad), gravity and userAcceleration (g), and rotationRate (rad/s); there is no time.

- Apple's signs: what Android and UCI HAR call acceleration is -(gravity + userAcceleration). The
  angular rate is as it is.
- `sit_13/sub_1.csv` is a copy of `sit_5/sub_1.csv` and left out.
- The phone is put into the pocket and taken out within a file: 2 s are cut off each end.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from har.data.archive import Archive
from har.data.bouts import even_times, read_published
from har.data.datasets.sources import Sources, fetch_archive
from har.data.datasets.text import read_numbers
from har.errors import HarError
from har.signals.recordings import ACTIVITIES, RawRecording, Recording

if TYPE_CHECKING:
    from hashlib import _Hash

TITLE = "MotionSense"
CITATION = "Malekzadeh, Clegg, Cavallaro, Haddadi: Mobile Sensor Data Anonymization, IoTDI 2019"
LICENCE = "MIT (the licence file of its repository)"
SUBJECTS = range(101, 125)
ARCHIVES: tuple[Archive, ...] = (
    Archive(
        url="https://github.com/mmalekzadeh/motion-sense/raw/master/data/A_DeviceMotion_data.zip",
        file="A_DeviceMotion_data.zip",
    ),
)

TRIALS = {
    "dws": ("WALKING_DOWNSTAIRS", (1, 2, 11)),
    "ups": ("WALKING_UPSTAIRS", (3, 4, 12)),
    "wlk": ("WALKING", (7, 8, 15)),
    "jog": ("RUNNING", (9, 16)),
    "sit": ("SITTING", (5, 13)),
    "std": ("STANDING", (6, 14)),
}
"""Activity and trials of each code in the folders' names."""

COPY = "A_DeviceMotion_data/sit_13/sub_1.csv"

FILES = tuple(
    f"A_DeviceMotion_data/{code}_{trial}/sub_{person}.csv"
    for code, (_, trials) in TRIALS.items()
    for trial in trials
    for person in range(1, len(SUBJECTS) + 1)
)

COLUMNS = (
    "",  # counts the rows
    *(f"attitude.{angle}" for angle in ("roll", "pitch", "yaw")),
    *(f"gravity.{axis}" for axis in "xyz"),
    *(f"rotationRate.{axis}" for axis in "xyz"),
    *(f"userAcceleration.{axis}" for axis in "xyz"),
)
GRAVITY, ROTATION_RATE, USER_ACCELERATION = slice(3, 6), slice(6, 9), slice(9, 12)

RATE = 50.0
"""Samples a second."""

HANDLING = 100
"""Samples at each end while the phone is put in and taken out."""

SHA256 = "b02ce962070f7486bcb6856da80948e41c05ce14d0782d6a7c9752e3f0eb2769"
"""Of all twelve columns, float32, row by row, file after file in the order of `FILES`."""


def fetch(folder: Path, sources: Sources) -> None:
    """As `Dataset.fetch`."""
    fetch_archive(ARCHIVES, FILES, read, folder, sources)


def read(folder: Path) -> tuple[list[Recording], str]:
    """As `Dataset.read`."""
    return read_published(folder, read_raw, SHA256)


def read_raw(folder: Path, digest: "_Hash") -> Iterator[RawRecording]:
    """Read the files in the order of `FILES`.

    Args:
        folder: Where they are.
        digest: Gets their values.

    Raises:
        HarError: A file is missing or damaged.
    """
    for name in FILES:
        values = read_numbers(folder / name, len(COLUMNS), float, ",", COLUMNS)[:, 1:]
        digest.update(values.astype("<f4").tobytes())
        if name == COPY:
            continue
        if len(values) <= 2 * HANDLING:
            raise HarError(f"{folder / name} has only {len(values)} rows: it is cut short")
        values = values[HANDLING:-HANDLING]
        code, person = name.split("/")[1].split("_")[0], name.split("_")[-1].removesuffix(".csv")
        activity = ACTIVITIES.index(TRIALS[code][0])
        yield RawRecording(
            subject=SUBJECTS[int(person) - 1],
            times=even_times(len(values), RATE),
            acceleration=-(values[:, GRAVITY] + values[:, USER_ACCELERATION]),
            angular_rate=values[:, ROTATION_RATE],
            activity=np.full(len(values), activity),
            dataset="motion_sense",
            placement="pocket",
            device="iPhone 6s",
        )
