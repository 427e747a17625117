"""AndroSensor, an app for Android: one CSV file of all sensors, in Windows' encoding.

Some versions call the gyroscope's axes Yaw, Pitch and Roll; they are x, y and z in this order.
"""

from har.data.phone_files.logger import ACCELERATION, ANGULAR_RATE, GRAVITY, LINEAR, Logger

LOGGER = Logger(
    name="AndroSensor",
    marks=r"accelerometer x \(",
    sensors={
        "^accelerometer$": ACCELERATION,
        "^linearacceleration$": LINEAR,
        "^gravity$": GRAVITY,
        "^gyroscope$": ANGULAR_RATE,
    },
)
