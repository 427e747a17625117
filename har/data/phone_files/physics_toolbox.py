"""Physics Toolbox Sensor Suite (https://www.vieyrasoftware.net): one CSV file of all sensors.

`gFx` is of its g-force meter, `ax` of its linear accelerometer, which leaves gravity out;
https://github.com/fourMs/micromotion reads them so too.
"""

from har.data.phone_files.logger import ACCELERATION, ANGULAR_RATE, LINEAR, Logger

LOGGER = Logger(
    name="Physics Toolbox",
    marks=r"\bgfx\b",
    sensors={"^gf$": ACCELERATION, "^a$": LINEAR, "^w$": ANGULAR_RATE},
    units={ACCELERATION: "g", LINEAR: "m/s2", ANGULAR_RATE: "rad/s"},
)
