"""phyphox (https://phyphox.org): a zip of a CSV file a sensor, in the language of the phone.

It gives acceleration Android's signs on an iPhone too (`kG = -9.81` in phyphox-ios'
ExperimentSensorInput.swift).
"""

from har.data.phone_files.logger import ACCELERATION, ANGULAR_RATE, LINEAR, Logger

LOGGER = Logger(
    name="phyphox",
    marks=r"(time|zeit|temps|tiempo|tempo|tijd|czas) \(s\)",
    sensors={
        "^linear.*acc|^linear.*beschl|^acc.*lin|^acel.*lin|^lin.*versnell|^przysp.*lin": LINEAR,
        "^gyro|^giro|^zyrosk|winkelgeschw|angularvel|hoeksnelheid": ANGULAR_RATE,
        "^acc|^acel|^beschl|^versnell|^przysp": ACCELERATION,
    },
)
