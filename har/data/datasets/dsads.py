"""Daily and Sports Activities: 8 people with sensor units at torso, arms and legs, 25 Hz.

Barshan, Yüksek: Recognizing Daily and Sports Activities in Two Open Source Machine Learning
Environments Using Body-Worn Sensor Units, The Computer Journal 57(11), 2014; Altun, Barshan,
Tunçel: Comparative Study on Classifying Human Activities with Miniature Inertial and Magnetic
Sensors, Pattern Recognition 43(10), 2010. https://archive.ics.uci.edu/dataset/256 (CC BY 4.0)

Five Xsens MTx, each in axes of its own; each is a recording of its own here. Acceleration is in
**m/s2**, angular rate in rad/s; the magnetometers are not used. Five minutes a person and activity,
published in 60 files of 5 s (125 rows) that follow one another and are joined again.

- Of the nineteen activities nine are read: 1 sitting, 2 standing, 3 and 4 lying on the back and on
  the right side, 5 and 6 up and down stairs, 9 walking in a car park, 10 walking on a level
  treadmill, 12 running on a treadmill. The others (elevators, sports machines, rowing, jumping,
  basketball, a sloping treadmill) are none of those known here.
- Who makes an archive of those nine alone has all that is read.
"""

from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from har.data.archive import Archive
from har.data.bouts import even_times, read_published
from har.data.datasets.sources import Sources, fetch_archive
from har.data.datasets.text import numbers_in, opened
from har.errors import HarError
from har.signals.recordings import ACTIVITIES, RawRecording, Recording
from har.signals.sensors import STANDARD_GRAVITY

if TYPE_CHECKING:
    from hashlib import _Hash

TITLE = "Daily and Sports Activities"
CITATION = (
    "Barshan, Yüksek: Recognizing Daily and Sports Activities in Two Open Source Machine Learning "
    "Environments Using Body-Worn Sensor Units, The Computer Journal 57(11), 2014"
)
LICENCE = "CC BY 4.0"
SUBJECTS = range(301, 309)
ARCHIVES: tuple[Archive, ...] = (
    Archive(
        url="https://archive.ics.uci.edu/static/public/256/daily+and+sports+activities.zip",
        file="daily+and+sports+activities.zip",
    ),
)

ACTIVITY_OF = {
    1: "SITTING",
    2: "STANDING",
    3: "LAYING",
    4: "LAYING",
    5: "WALKING_UPSTAIRS",
    6: "WALKING_DOWNSTAIRS",
    9: "WALKING",
    10: "WALKING",
    12: "RUNNING",
}
"""By the number in a folder's name."""

PLACEMENTS = ("torso", "right_arm", "left_arm", "right_leg", "left_leg")
"""In the order of the columns: nine each, of which the first six are read."""

SEGMENTS, ROWS, COLUMNS = 60, 125, 45
"""Files a person and activity; rows and columns of each."""

RATE = 25.0
"""Samples a second."""

FILES = tuple(
    f"data/a{activity:02d}/p{person}/s{segment:02d}.txt"
    for activity in ACTIVITY_OF
    for person in range(1, len(SUBJECTS) + 1)
    for segment in range(1, SEGMENTS + 1)
)

SHA256 = "403a10209eeb224e044b9ab787114dfa17daae055ce88a7709ca0293ebd5e2f8"
"""Of all 45 columns, float32, row by row, in the order of `FILES`: of the nine activities alone."""


def fetch(folder: Path, sources: Sources) -> None:
    """As `Dataset.fetch`."""
    fetch_archive(ARCHIVES, FILES, read, folder, sources)


def read(folder: Path) -> tuple[list[Recording], str]:
    """As `Dataset.read`."""
    return read_published(folder, read_raw, SHA256)


def read_raw(folder: Path, digest: "_Hash") -> Iterator[RawRecording]:
    """Read the files in the order of `FILES`; arguments and errors as `motion_sense.read_raw`."""
    for first in range(0, len(FILES), SEGMENTS):
        names = FILES[first : first + SEGMENTS]
        _, activity, person, _ = names[0].split("/")
        values = _joined([folder / name for name in names])
        digest.update(values.astype("<f4").tobytes())
        for unit, placement in enumerate(PLACEMENTS):
            own = values[:, 9 * unit : 9 * unit + 6]
            yield RawRecording(
                subject=SUBJECTS[int(person[1:]) - 1],
                times=even_times(len(own), RATE),
                acceleration=own[:, :3] / STANDARD_GRAVITY,
                angular_rate=own[:, 3:],
                activity=np.full(len(own), ACTIVITIES.index(ACTIVITY_OF[int(activity[1:])])),
                dataset="dsads",
                placement=placement,
                device="Xsens MTx",
            )


def _joined(paths: Sequence[Path]) -> np.ndarray:
    """The rows of files that follow one another, parsed at once: by file it takes far longer."""
    texts = []
    for path in paths:
        with opened(path) as file:
            lines = file.readlines()
        if len(lines) != ROWS:
            raise HarError(f"{path} has {len(lines)} rows, not {ROWS}: it is cut short")
        texts += lines
    return numbers_in(StringIO("".join(texts)), paths[0].parent, COLUMNS, float, ",")
