"""MATLAB Mobile's timetables, written as `Acceleration.csv` and `AngularVelocity.csv`."""

from har.data.phone_files.logger import ACCELERATION, ANGULAR_RATE, Logger

LOGGER = Logger(
    name="MATLAB Mobile",
    marks="^timestamp,x,y,z$",
    sensors={"^acceleration$": ACCELERATION, "^angularvelocity$": ANGULAR_RATE},
    units={ANGULAR_RATE: "rad/s"},
)
