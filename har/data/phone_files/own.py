"""The project's own form, in g and rad/s along UCI HAR's axes."""

from pathlib import Path

import numpy as np
import pandas as pd

from har.data.phone_files.logger import ACCELERATION, ANGULAR_RATE, Logger
from har.files import replacing_file
from har.signals.recordings import ACTIVITIES

COLUMNS = (
    "time_s",
    *(f"acc_{axis}_g" for axis in "xyz"),
    *(f"gyro_{axis}_rad_s" for axis in "xyz"),
    "activity",
)
"""Its headings; the last one's cells are names out of `har.signals.recordings.ACTIVITIES`."""


def columns(gyroscope: bool) -> tuple[str, ...]:
    """The `COLUMNS`, or those of a recording of the accelerometer alone."""
    return COLUMNS if gyroscope else (*COLUMNS[:4], COLUMNS[-1])


LOGGER = Logger(
    name="this project",
    sensors={"^acc$": ACCELERATION, "^gyro$": ANGULAR_RATE},
    marks="acc_x_g",
)


def table(
    times: np.ndarray,
    acceleration: np.ndarray,
    angular_rate: np.ndarray | None,
    activity: np.ndarray | None = None,
) -> pd.DataFrame:
    """A recording as the table that is written; arguments as for `write`."""
    signals = [acceleration] if angular_rate is None else [acceleration, angular_rate]
    made = pd.DataFrame(
        np.column_stack([np.round(times, 6), *(np.round(each, 8) for each in signals)]),
        columns=list(columns(angular_rate is not None)[:-1]),
    )
    made[COLUMNS[-1]] = "" if activity is None else np.array([*ACTIVITIES, ""])[activity]
    return made


def write(
    path: Path,
    times: np.ndarray,
    acceleration: np.ndarray,
    angular_rate: np.ndarray | None,
    activity: np.ndarray | None = None,
) -> None:
    """Write a recording in the project's own form; the file appears only once it is complete.

    Args:
        path: Where to.
        times: (samples,) in s.
        acceleration: (samples, 3) in g, gravity included, along UCI HAR's axes.
        angular_rate: (samples, 3) in rad/s, likewise; None leaves its columns out.
        activity: int (samples,), index into `har.signals.recordings.ACTIVITIES`, or `NO_ACTIVITY`.
    """
    with replacing_file(path) as partial_path:
        table(times, acceleration, angular_rate, activity).to_csv(partial_path, index=False)
