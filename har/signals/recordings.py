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
)
"""The six activities in the order of UCI HAR's labels 1 to 6; a label here is the index, from 0.

Files, messages and JSON hold these names; `in_words` makes of them what a person reads.
"""

STILL = ("SITTING", "STANDING", "LAYING")
"""The postures: alike for a phone of which nobody knows where it is worn, and which way up."""

BASE_CHANNELS = tuple(
    f"{sensor}_{axis}" for sensor in ("body_acc", "body_gyro", "total_acc") for axis in "xyz"
)
"""The nine measured signals, in this order: acceleration in g, angular rate in rad/s."""


def in_words(activity: str) -> str:
    """An activity as a person reads it, such as `walking upstairs`; UCI HAR's LAYING is `lying`."""
    return "lying" if activity == "LAYING" else activity.replace("_", " ").lower()


@dataclass(frozen=True)
class Recording:
    """A bout: one person doing one activity without interruption.

    Attributes:
        subject: Number of the person.
        activity: Index into `ACTIVITIES`.
        split: `"train"` or `"test"`, the data set's own division by person.
        signals: float32 (samples, 9), the `BASE_CHANNELS` at `SAMPLING_RATE`, in g and rad/s.
    """

    subject: int
    activity: int
    split: str
    signals: np.ndarray
