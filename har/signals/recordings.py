"""Recordings: what a phone measured on one person, with the activity of each stretch."""

from dataclasses import dataclass

import numpy as np

SAMPLING_RATE = 50.0
"""Samples a second of every recording in this project (UCI HAR's rate)."""

ACTIVITIES = (
    "WALKING",
    "WALKING_UPSTAIRS",
    "WALKING_DOWNSTAIRS",
    "SITTING",
    "STANDING",
    "LAYING",
    "RUNNING",
)
"""Every activity known here: the six of UCI HAR in the order of its labels, then the others.

Files, messages and JSON hold these names; `in_words` makes of them what a person reads. Windows and
models have those that occur in their data, in this order.
"""

UCI_HAR_ACTIVITIES = ACTIVITIES[:6]
"""The activities of UCI HAR, in the order of its labels 1 to 6."""

STILL = ("SITTING", "STANDING", "LAYING")
"""The postures: alike for a phone of which nobody knows where it is worn, and which way up."""

SOME_POSTURE = "STILL"
"""What recognition answers where the postures together are likely, and none of them alone."""

NO_ACTIVITY = -1
"""Between activities, changing from one posture to another, or doing something else."""

BASE_CHANNELS = tuple(
    f"{sensor}_{axis}" for sensor in ("body_acc", "body_gyro", "total_acc") for axis in "xyz"
)
"""The nine measured signals, in this order: acceleration in g, angular rate in rad/s."""


def in_words(activity: str) -> str:
    """An activity as a person reads it, such as `walking upstairs`; UCI HAR's LAYING is `lying`."""
    return "lying" if activity == "LAYING" else activity.replace("_", " ").lower()


@dataclass(frozen=True)
class RawRecording:
    """What the sensors measured on one person, from beginning to end, as often as they did.

    Attributes:
        subject: Number of the person.
        times: float64 (samples,) in s, each later than the one before.
        acceleration: (samples, 3) in g, gravity included, with the signs of Android and UCI HAR:
            an axis that points up shows +1 g.
        angular_rate: (samples, 3) in rad/s.
        activity: int (samples,), index into `ACTIVITIES`, or `NO_ACTIVITY`.
        split: `"train"` or `"test"`, the data set's own division by person.
        dataset: Name of the data set.
        placement: Where the sensors are worn.
        device: What measured.
    """

    subject: int
    times: np.ndarray
    acceleration: np.ndarray
    angular_rate: np.ndarray
    activity: np.ndarray
    split: str = "train"
    dataset: str = "own"
    placement: str = ""
    device: str = ""


@dataclass(frozen=True)
class Recording:
    """A bout: one person doing one activity without interruption.

    Attributes:
        subject: Number of the person.
        activity: Index into `ACTIVITIES`.
        split: `"train"` or `"test"`, the data set's own division by person.
        signals: float32 (samples, 9), the `BASE_CHANNELS` at `SAMPLING_RATE`, in g and rad/s.
        dataset: Name of the data set.
        placement: Where the sensors are worn.
        device: What measured.
    """

    subject: int
    activity: int
    split: str
    signals: np.ndarray
    dataset: str = "own"
    placement: str = ""
    device: str = ""
