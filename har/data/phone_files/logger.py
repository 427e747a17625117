"""What an app writes, as a table: which headings are which sensor, in which unit, whose signs."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

ACCELERATION, LINEAR, GRAVITY, ANGULAR_RATE = (
    "acceleration",
    "acceleration without gravity",
    "gravity",
    "angular rate",
)

Metadata = Mapping[str, str]
"""What a logger says about phone and recording in a file of its own, in lower case."""


@dataclass(frozen=True)
class Logger:
    """How one app, or one kind of file, names what it measures.

    A heading is compared as its words in lower case, run together, without axis and unit:
    `Linear Acceleration x (m/s^2)` is `linearacceleration`. Where a heading is an axis alone, the
    words are those of the file's name or of the column that names the sensor.

    Attributes:
        name: As people know it.
        sensors: Regular expressions to search for in the words, with the sensor that each means,
            or None for what is not of the phone; the first that is found counts.
        units: Of each sensor, where no heading states one; a key of `headings.UNITS`. What neither
            states is inferred from the numbers.
        marks: Regular expression to find in the headings, in lower case with commas between.
        apple: Whether signs of acceleration are Apple's, which are the opposite of Android's; or
            what tells it from the metadata and the sensor's words, None if nothing does.
    """

    name: str
    sensors: Mapping[str, str | None]
    units: Mapping[str, str] = field(default_factory=dict)
    marks: str = ""
    apple: bool | Callable[[Metadata, str], bool | None] = False

    def sensor(self, words: str) -> str | None:
        """The sensor that these words mean."""
        return next((each for form, each in self.sensors.items() if re.search(form, words)), None)
