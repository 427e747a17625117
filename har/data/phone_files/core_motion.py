"""The names of Core Motion, Apple's interface to an iPhone's sensors, as in MotionSense's files.

Apps that write `userAcceleration.x` write what `CMDeviceMotion` gives them: g and rad/s, with
Apple's signs (https://developer.apple.com/documentation/coremotion/cmdevicemotion).
"""

from har.data.phone_files.logger import ACCELERATION, ANGULAR_RATE, GRAVITY, LINEAR, Logger

LOGGER = Logger(
    name="Core Motion",
    marks=r"\buser_?acc(el|eleration)?[._ ]?x\b",
    sensors={
        "useracc(eleration|el)?$": LINEAR,
        "grav(ity)?$": GRAVITY,
        "rotationrate$|rotrate$|gyro(scope)?$": ANGULAR_RATE,
        "^(raw)?acceleration$|accelerometer$": ACCELERATION,
    },
    units={ACCELERATION: "g", LINEAR: "g", GRAVITY: "g", ANGULAR_RATE: "rad/s"},
    apple=True,
)
