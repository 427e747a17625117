"""Sensor Logger (https://www.tszheichoi.com/sensorlogger): a CSV file a sensor, or JSON of all."""

from har.data.phone_files.logger import (
    ACCELERATION,
    ANGULAR_RATE,
    GRAVITY,
    LINEAR,
    Logger,
    Metadata,
)


def _apple(metadata: Metadata, words: str) -> bool | None:
    # It leaves signs as the phone has them, unless told to standardise them:
    # https://github.com/tszheichoi/awesome-sensor-logger/blob/main/COORDINATES.md
    if "platform" in metadata:
        return metadata["platform"] == "ios" and metadata.get("standardisation") != "true"
    # TotalAcceleration.csv is written on Android only.
    return False if words.endswith("totalacceleration") else None


LOGGER = Logger(
    name="Sensor Logger",
    marks="seconds_elapsed",
    sensors={
        "watch|wrist|headphone": None,
        "totalacceleration$": ACCELERATION,
        "accelerometeruncalibrated$": ACCELERATION,
        "accelerometer$": LINEAR,
        "gravity$": GRAVITY,
        "gyroscope(uncalibrated)?$": ANGULAR_RATE,
    },
    # https://github.com/tszheichoi/awesome-sensor-logger/blob/main/UNITS.md: the uncalibrated
    # acceleration is in g on an iPhone and in m/s2 on Android.
    units={LINEAR: "m/s2", GRAVITY: "m/s2", ANGULAR_RATE: "rad/s"},
    apple=_apple,
)
