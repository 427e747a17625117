"""CSV of any other origin: what its headings say, in some languages."""

from har.data.phone_files.logger import ACCELERATION, ANGULAR_RATE, GRAVITY, LINEAR, Logger

LOGGER = Logger(
    name="CSV",
    sensors={
        "watch|wrist|headph|airpod|magn|attitude|quat|orient|euler|location": None,
        "gyr|giro|rot(ation)?rate|ang(ular)?(rate|vel)|winkelg|drehr": ANGULAR_RATE,
        "^(w|omega|rot|rotation)$": ANGULAR_RATE,
        "(incl|including|with|total|mit|avec|con)g": ACCELERATION,
        "linear|linacc|lineal|user|body|without|ohne|sans|nograv|excl": LINEAR,
        "grav|schwer": GRAVITY,
        "acc|acel|beschl|versnell|gforce|^(a|gf)$": ACCELERATION,
    },
)
