"""SensorLog (https://sensorlog.berndthomas.net), an iPhone's app: one CSV file of all sensors."""

from har.data.phone_files.logger import ACCELERATION, ANGULAR_RATE, GRAVITY, LINEAR, Logger

LOGGER = Logger(
    name="SensorLog",
    marks="accelerometeraccelerationx|motionuseraccelerationx|motionrotationratex",
    sensors={
        "^accelerometeracceleration$": ACCELERATION,
        "^motionuseracceleration$": LINEAR,
        "^motiongravity$": GRAVITY,
        "^gyrorotation(rate)?$|^motionrotationrate$": ANGULAR_RATE,
    },
    units={ACCELERATION: "g", LINEAR: "g", GRAVITY: "g", ANGULAR_RATE: "rad/s"},
    apple=True,
)
