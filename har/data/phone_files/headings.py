"""What a table's headings say: which columns are a sensor's axes, in which unit, and which is time.

Headings are split into words, so that `acc_x_g`, `Acceleration x (m/s^2)`, `gFx` and
`motionRotationRateX(rad/s)` all say what they are.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from har.data.phone_files import (
    androsensor,
    core_motion,
    matlab_mobile,
    own,
    phyphox,
    physics_toolbox,
    plain,
    sensor_logger,
    sensorlog,
)
from har.data.phone_files.logger import ACCELERATION, ANGULAR_RATE, GRAVITY, LINEAR, Logger
from har.signals.sensors import ACCELERATION_UNITS, ANGULAR_RATE_UNITS, STANDARD_GRAVITY

LOGGERS = [
    each.LOGGER
    for each in (
        own,
        sensor_logger,
        sensorlog,
        core_motion,
        physics_toolbox,
        androsensor,
        matlab_mobile,
        phyphox,
        plain,  # last: it takes what the others do not
    )
]
"""Who may have written a table; the first that knows a sensor in it counts."""

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""What one of each unit of time is in s."""

UNITS = {
    "acceleration": {
        **ACCELERATION_UNITS,
        "mg": 1e-3,
        "cm/s2": 0.01 / STANDARD_GRAVITY,
        "mm/s2": 1e-3 / STANDARD_GRAVITY,
    },
    "angular rate": {
        **ANGULAR_RATE_UNITS,
        "mrad/s": 1e-3,
        "mdeg/s": ANGULAR_RATE_UNITS["deg/s"] / 1000,
    },
    "time": SECONDS,
}
"""What one of each unit is in g, rad/s and s, by quantity."""

_QUANTITIES = {
    ACCELERATION: "acceleration",
    LINEAR: "acceleration",
    GRAVITY: "acceleration",
    ANGULAR_RATE: "angular rate",
}

_SPELLINGS = {
    spelling: unit
    for unit, spellings in {
        "g": "g g0 gn gforce",
        "mg": "mg millig",
        "m/s2": "m/s2 m/s/s ms2 ms-2 mps2 m/s/2",
        "cm/s2": "cm/s2 cms-2 gal",
        "mm/s2": "mm/s2 mms-2",
        "rad/s": "rad/s rad rad-1 rads-1 radps rps",
        "mrad/s": "mrad/s mrad-1 millirad/s",
        "deg/s": "deg/s deg deg-1 degs-1 degps dps",
        "mdeg/s": "mdeg/s mdeg-1 mdps millideg/s",
        "s": "s",
        "ms": "ms millis",
        "us": "us micros",
        "ns": "ns nanos",
    }.items()
    for spelling in spellings.split()
}
_WORDS_OF_UNITS = {
    "deg(ree)?s?": "deg",
    "rad(ian)?s": "rad",
    "met(er|re)s?": "m",
    "sec(ond)?s?": "s",
    "per": "/",
}

_TIME = (
    r"time|zeit|temps|tiempo|tempo|tijd|czas|epoch|elapsed|clock|stamp|datum|date"
    r"|^(t|s|ms|us|ns|seconds?|millis|hora|heure)$"
)
_AXES = (
    ("x", "y", "z"),
    ("alpha", "beta", "gamma"),  # https://www.w3.org/TR/orientation-event/
    ("0", "1", "2"),
    ("1", "2", "3"),
)
_TURNS = {"yaw", "pitch", "roll"}
"""Axes whose names loggers do not agree on: x, y and z are taken in the order of the columns."""

_NO_WORDS = re.compile("(axis|attr|attribute|values?|val|v|data|sensor|reading|component|axes)*")


@dataclass(frozen=True)
class Heading:
    """A heading taken apart.

    Attributes:
        words: In lower case, run together, without the axis and the unit.
        axis: One of x, y, z, or what stands for it, or empty.
        unit: A key of one of `UNITS`, or empty.
    """

    words: str
    axis: str
    unit: str


@dataclass(frozen=True)
class Columns:
    """A sensor's axes in a table.

    Attributes:
        axes: Columns of x, y and z.
        unit: As the headings or the logger state it, or empty.
        logger: Who wrote them.
        words: What the sensor is called.
        others: What others of its kind are called, such as those of a second device.
    """

    axes: tuple[int, int, int]
    unit: str
    logger: Logger
    words: str
    others: tuple[str, ...] = ()


def sensors(headings: Sequence[str], name: str) -> dict[str, Columns]:
    """The sensors whose three axes are among the columns.

    Args:
        headings: Of all columns.
        name: Of the file or the sensor, for columns that are headed by an axis alone.
    """
    groups: dict[str, dict[str, int]] = {}
    parsed = [parse(each) for each in headings]
    for column, each in enumerate(parsed):
        if each.axis:
            groups.setdefault(each.words, {}).setdefault(each.axis, column)
    line = ",".join(headings).lower()
    for logger in LOGGERS:
        if not re.search(logger.marks, line):
            continue
        found: dict[str, Columns] = {}
        taken: set[str] = set()
        # What a logger does not name in its own way may be named in a plain one.
        for names in (logger, plain.LOGGER):
            for words, by_axis in groups.items():
                called = words_of(name) if _NO_WORDS.fullmatch(words) else words
                sensor = names.sensor(called)
                if words == "g" and "a" in groups:  # ax ... gz; alone it might be g-force
                    sensor = ANGULAR_RATE
                axes = _three(by_axis)
                if not sensor or not axes or words in taken:
                    continue
                taken.add(words)
                if sensor in found:
                    others = (*found[sensor].others, called)
                    found[sensor] = replace(found[sensor], others=others)
                else:
                    unit = stated_unit([parsed[column].unit for column in axes], sensor)
                    unit = unit or logger.units.get(sensor, "")
                    found[sensor] = Columns(axes, unit, logger, called)
            if not found:
                break
        if found:
            return found
    return {}


def _three(by_axis: Mapping[str, int]) -> tuple[int, int, int] | None:
    if set(by_axis) == _TURNS:
        x, y, z = sorted(by_axis.values())
        return x, y, z
    for first, second, third in _AXES:
        if {first, second, third} <= set(by_axis):
            return by_axis[first], by_axis[second], by_axis[third]
    return None


def stated_unit(stated: Sequence[str], sensor: str) -> str:
    """The unit that a sensor's headings state, in one place or in all, or empty."""
    units = {each for each in stated if each in UNITS[_QUANTITIES[sensor]]}
    return units.pop() if len(units) == 1 else ""


def factor(sensor: str, unit: str) -> float:
    """What one of a unit is in g or rad/s."""
    return UNITS[_QUANTITIES[sensor]][unit]


def is_bare(heading: str) -> bool:
    """Whether it names an axis, and not the sensor."""
    parsed = parse(heading)
    return bool(parsed.axis) and _NO_WORDS.fullmatch(parsed.words) is not None


def are_times(heading: str) -> bool:
    """Whether a column of this heading may hold times."""
    parsed = parse(heading)
    return not parsed.axis and re.search(_TIME, parsed.words) is not None


def words_of(text: str) -> str:
    """Its letters in lower case, without accents, run together."""
    plain_text = unicodedata.normalize("NFKD", text).lower()
    return "".join(re.findall("[a-zωαβγ]+", plain_text)).replace("ω", "omega")


def parse(heading: str) -> Heading:
    """A heading's words, axis and unit."""
    name, unit = re.sub(r"\[(\d)\]$", r" \1", heading.strip()), ""
    if match := re.fullmatch(r"(.*?)[\s_]*[(\[{]([^)\]}]*)[)\]}]\s*", name):
        name, unit = match[1], unit_in(match[2])
    else:
        words = re.split(r"[_\s/]+", name)
        for count in (3, 2, 1):
            if len(words) > count and (found := unit_in("/".join(words[-count:]))):
                name, unit = " ".join(words[:-count]), found
                break
    spelt = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", _plain(name))
    words = [each.lower() for each in spelt]
    for axis in [*"xyz", "yaw", "pitch", "roll", "alpha", "beta", "gamma"]:
        if words.count(axis) == 1:
            words.remove(axis)
            return Heading("".join(words), axis, unit)
    joined = "".join(words)
    before = joined[:-1]
    if re.fullmatch(r"\D+[xyz]", joined) and (before == "g" or plain.LOGGER.sensor(before)):
        return Heading(before, joined[-1], unit)
    if re.fullmatch(r"[xyz]\D+", joined) and plain.LOGGER.sensor(joined[1:]):
        return Heading(joined[1:], joined[0], unit)
    if len(words) > 1 and words[-1] in ("0", "1", "2", "3"):
        return Heading("".join(words[:-1]), words[-1], unit)
    if not unit and joined in ("seconds", "secondselapsed", "millis"):
        unit = "ms" if joined == "millis" else "s"
    return Heading(joined, "", unit)


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.replace("ω", "omega").replace("Ω", "Omega"))
    return "".join(each for each in decomposed if not unicodedata.combining(each))


def unit_in(text: str) -> str:
    """The key of one of `UNITS` that a text spells, or empty."""
    spelt = re.sub(r"[\s_^*·⋅.]", "", text.lower())
    spelt = spelt.replace("°", "deg").translate(str.maketrans("²⁻¹µμ", "2-1uu"))
    for words, short in _WORDS_OF_UNITS.items():
        spelt = re.sub(words, short, spelt)
    return _SPELLINGS.get(spelt, "")
