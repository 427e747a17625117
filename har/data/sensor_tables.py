"""Tables that phone loggers write: which column measures what, in which unit, and when.

Headings are split into words, so that `acc_x_g`, `Acceleration x (m/s^2)`, `gFx` and
`motionRotationRateX(rad/s)` all say what they are.
"""

import csv
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np
import pandas as pd

from har.errors import HarError

ACCELERATION, LINEAR, GRAVITY, ANGULAR_RATE = (
    "acceleration",
    "acceleration without gravity",
    "gravity",
    "angular rate",
)

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""What one of each unit of time is in s."""

CLOCK = "clock"
"""In place of a unit of time: the column held dates or times of day, now in s."""

_UNITS = {
    spelling: unit
    for unit, spellings in {
        "g": "g g0",
        "m/s2": "m/s2 m/s/s ms2 ms-2 mps2 m/sec2",
        "rad/s": "rad/s rads rads-1 radps rad/sec",
        "deg/s": "deg/s degs degs-1 degps deg/sec dps",
        "s": "s sec secs second seconds",
        "ms": "ms msec millis millisecond milliseconds",
        "us": "us usec micros microsecond microseconds",
        "ns": "ns nsec nanos nanosecond nanoseconds",
    }.items()
    for spelling in spellings.split()
}

_SENSORS = (
    # The first that is found in a heading's words, run together without the axis, counts.
    (r"head|watch|wrist|airpod", None),
    (
        r"gyr|rotationrate|rotrate|angularrate|angularvel|angvel|^(w|omega|rotation|rot)$",
        ANGULAR_RATE,
    ),
    (r"(incl|including|with)g", ACCELERATION),
    (r"linear|linacc|user|body|without|nograv|excl", LINEAR),
    (r"grav", GRAVITY),
    (r"acc|gforce|^(a|gf)$", ACCELERATION),
)

_FILES = {
    # What x, y and z are in a file of this name, where the heading says no more.
    "linearaccelerometer": LINEAR,
    "linearacceleration": LINEAR,
    "totalacceleration": ACCELERATION,
    "accelerometeruncalibrated": ACCELERATION,
    "accelerometer": ACCELERATION,
    "acceleration": ACCELERATION,
    "gravity": GRAVITY,
    "gyroscopeuncalibrated": ANGULAR_RATE,
    "gyroscope": ANGULAR_RATE,
}

MAX_HEADING_LINE = 50
"""Lines within which the headings are looked for."""


@dataclass(frozen=True)
class Choices:
    """What a user says about a file; what is None is inferred.

    Attributes:
        time: Heading of the column of times.
        acceleration: Headings of the acceleration's x, y and z.
        angular_rate: Likewise.
        acceleration_unit: A key of `har.signals.sensors.ACCELERATION_UNITS`.
        angular_rate_unit: A key of `har.signals.sensors.ANGULAR_RATE_UNITS`.
        flip: Whether to invert the acceleration's signs: Apple's are the opposite of Android's.
    """

    time: str | None = None
    acceleration: tuple[str, str, str] | None = None
    angular_rate: tuple[str, str, str] | None = None
    acceleration_unit: str | None = None
    angular_rate_unit: str | None = None
    flip: bool | None = None


@dataclass(frozen=True)
class Columns:
    """Where a sensor is in a table.

    Attributes:
        axes: Columns of x, y and z.
        unit: As the headings state it, or empty.
        time: Column of its times.
        time_unit: A key of `SECONDS`, or empty.
    """

    axes: tuple[int, int, int]
    unit: str
    time: int
    time_unit: str


@dataclass(frozen=True)
class Layout:
    """How a table is written.

    Attributes:
        separator: Between cells.
        decimal: The decimal point.
        quoted: Whether cells are in quotation marks.
        lines: Up to and with the headings.
        headings: Of all columns.
        sensors: The columns of `ACCELERATION` and so on, where they are there.
        activity: Column of labels, or None.
        sensor_logger: Whether the app Sensor Logger wrote it.
    """

    separator: str
    decimal: str
    quoted: bool
    lines: int
    headings: tuple[str, ...]
    sensors: dict[str, Columns]
    activity: int | None
    sensor_logger: bool


@dataclass(frozen=True)
class Rows:
    """A sensor's samples out of a table.

    Attributes:
        times: float64 (samples,), in `time_unit`.
        values: float64 (samples, 3).
        activity: (samples,) of str, or None.
        time_unit: A key of `SECONDS`, `CLOCK` (then in s), or empty if it is not stated.
        unreadable: Rows left out since a cell is no number.
        period: Seconds after which the clock starts again at zero: those of a day or an hour for
            times of day, 0 for dates and numbers. `Unwrapper` makes such times continuous.
    """

    times: np.ndarray
    values: np.ndarray
    activity: np.ndarray | None
    time_unit: str
    unreadable: int
    period: float = 0.0


class Unwrapper:
    """Makes times of day continuous past midnight, over all parts of one sensor's rows."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._periods = 0

    def unwrap(self, rows: Rows) -> Rows:
        """The next rows, their times counted from the first row's midnight (or full hour)."""
        if not rows.period or not len(rows.times):
            return rows
        before = rows.times[0] if self._last is None else self._last
        wraps = np.diff(rows.times, prepend=before) < -rows.period / 2
        periods = self._periods + np.cumsum(wraps)
        self._last, self._periods = float(rows.times[-1]), int(periods[-1])
        return replace(rows, times=rows.times + periods * rows.period)


@dataclass(frozen=True)
class _Heading:
    words: str
    axis: str
    unit: str


def find_layout(text: str, file: str, choices: Choices) -> Layout | None:
    """How a table is written, or None where no line heads columns of a sensor.

    Args:
        text: Its beginning.
        file: Its name; says what x, y and z are where the headings do not.
        choices: Columns that are named here are taken, and no others.
    """
    lines = text.splitlines()
    for number, line in enumerate(lines[:MAX_HEADING_LINE]):
        separator = max(";\t,", key=line.count)
        cells = next(csv.reader([line], delimiter=separator), [])
        headings = tuple(cell.strip().strip("'\"") for cell in cells)
        sensors = _sensors(headings, file, choices)
        if not sensors:
            continue
        data = next((each for each in lines[number + 1 :] if each.strip()), "")
        quoted = '"' in data
        decimal_comma = r'"[^",]*\d,\d[^",]*"' if separator == "," else r"\d,\d"
        comma = re.search(decimal_comma, data) is not None
        parsed = [_parsed(each) for each in headings]
        labels = [
            column for column, each in enumerate(parsed) if each.words in ("activity", "label")
        ]
        return Layout(
            separator=separator,
            decimal="," if comma else ".",
            quoted=quoted,
            lines=number + 1,
            headings=headings,
            sensors=sensors,
            activity=labels[0] if labels else None,
            sensor_logger={"seconds_elapsed", "x", "y", "z"} <= set(headings),
        )
    return None


def headings_of(text: str) -> str:
    """The first line that is not blank, to show to the user."""
    line = next((each.strip() for each in text.splitlines() if each.strip()), "")
    return line if len(line) <= 120 else f"{line[:117]}..."


def read_rows(content: bytes, layout: Layout, sensors: Sequence[str]) -> list[Rows]:
    """The samples of some sensors; times of day are as they are written, see `Unwrapper`.

    Sensors with the same column of times have the same rows: a row is left out for all of them.

    Args:
        content: Lines of the table in UTF-8, those up to the headings left out.
        layout: How it is written.
        sensors: Keys of `layout.sensors`.

    Raises:
        HarError: It is not a table.
    """
    # Some loggers write the true minus sign.
    content = content.replace("\N{MINUS SIGN}".encode(), b"-")
    if not layout.quoted:  # one that strayed in would swallow rows
        content = content.replace(b'"', b"")
    wanted = {column for sensor in sensors for column in layout.sensors[sensor].axes}
    wanted |= {layout.sensors[sensor].time for sensor in sensors}
    if layout.activity is not None:
        wanted.add(layout.activity)
    width = len(layout.headings)
    # pandas takes the first line's number of cells for that of all.
    content = (layout.separator * (width - 1)).encode() + b"\n" + content
    try:
        table = pd.read_csv(
            BytesIO(content),
            sep=layout.separator,
            decimal=layout.decimal,
            names=list(range(width)),
            header=None,
            index_col=False,
            usecols=sorted(wanted),
            skipinitialspace=True,
            encoding_errors="replace",
            on_bad_lines="skip",
            low_memory=False,
        ).iloc[1:]
    except (ValueError, OverflowError) as error:  # pandas' ParserError is a ValueError
        raise HarError(f"not a table of numbers ({' '.join(str(error).split()):.100})") from None

    numbers = {
        column: _numbers(table[column], layout.decimal).to_numpy(float, na_value=np.nan)
        for sensor in sensors
        for column in layout.sensors[sensor].axes
    }
    clocks = {layout.sensors[sensor].time: layout.sensors[sensor].time_unit for sensor in sensors}
    times = {column: _times(table[column], unit, layout.decimal) for column, unit in clocks.items()}
    readable = {column: np.isfinite(values) for column, (values, *_) in times.items()}
    for sensor in sensors:
        for column in layout.sensors[sensor].axes:
            readable[layout.sensors[sensor].time] &= np.isfinite(numbers[column])
    labels = None if layout.activity is None else table[layout.activity].astype("object")
    made = []
    for sensor in sensors:
        columns = layout.sensors[sensor]
        values, unit, period = times[columns.time]
        good = readable[columns.time]
        made.append(
            Rows(
                times=values[good],
                values=np.column_stack([numbers[column][good] for column in columns.axes]),
                activity=None if labels is None else labels.fillna("").to_numpy(str)[good],
                time_unit=unit,
                unreadable=int(np.count_nonzero(~good)),
                period=period,
            )
        )
    return made


def unit_of_times(times: np.ndarray) -> str:
    """The unit that the time between samples says: they come 2 to 2,000 times a second."""
    between = float(np.median(np.abs(np.diff(times)))) if len(times) > 1 else 0.0
    return next((unit for unit, scale in SECONDS.items() if between * scale < 0.5), "ns")


def _sensors(headings: Sequence[str], file: str, choices: Choices) -> dict[str, Columns]:
    """The sensors whose three axes and times are there."""
    parsed = [_parsed(each) for each in headings]
    times = _time_columns(headings, parsed, choices)
    if not times:
        return {}
    axes: dict[str, dict[str, int]] = {}
    for column, each in enumerate(parsed):
        if each.axis:
            axes.setdefault(each.words, {}).setdefault(each.axis, column)
    whole = {words: by_axis for words, by_axis in axes.items() if set(by_axis) == set("xyz")}
    found: dict[str, tuple[int, int, int]] = {}
    for words, by_axis in whole.items():
        sensor = _sensor(words, file, headings, whole)
        if sensor is not None:
            found.setdefault(sensor, (by_axis["x"], by_axis["y"], by_axis["z"]))
    for sensor, named in (
        (ACCELERATION, choices.acceleration),
        (ANGULAR_RATE, choices.angular_rate),
    ):
        if named is None:
            continue
        found.pop(sensor, None)
        if set(named) <= set(headings):
            first, second, third = (headings.index(each) for each in named)
            found[sensor] = (first, second, third)
    sensors = {}
    for sensor, columns in found.items():
        time = _time_of(min(columns), times, parsed)
        units = {parsed[column].unit for column in columns}
        unit = units.pop() if len(units) == 1 else ""
        if not unit and parsed[columns[0]].words == "gf":
            unit = "g"
        sensors[sensor] = Columns(columns, unit, time, parsed[time].unit)
    return sensors


def _sensor(words: str, file: str, headings: Sequence[str], whole: Container[str]) -> str | None:
    if words == "":
        return _sensor_of_file(file, headings)
    if words == "a" and "gf" in whole:
        # Physics Toolbox Sensor Suite: gF* from the g-force meter, a* from the linear accelerometer
        # (https://github.com/fourMs/micromotion reads it so too).
        return LINEAR
    if words == "g":  # beside ax, ay, az; alone it might be g-force
        return ANGULAR_RATE if "a" in whole else None
    return _by_words(words)


def _by_words(words: str) -> str | None:
    return next((sensor for pattern, sensor in _SENSORS if re.search(pattern, words)), None)


def _sensor_of_file(file: str, headings: Sequence[str]) -> str | None:
    stem = re.sub(r"[^a-z]", "", file.lower().rpartition("/")[2].rpartition(".")[0] or file.lower())
    sensor = next((found for ending, found in _FILES.items() if stem.endswith(ending)), None)
    # Sensor Logger's Accelerometer.csv leaves gravity out, that of phyphox does not.
    without = stem.endswith("accelerometer") and "seconds_elapsed" in headings
    return LINEAR if without else sensor


def _time_columns(
    headings: Sequence[str], parsed: Sequence[_Heading], choices: Choices
) -> list[int]:
    if choices.time is not None:
        return [column for column, each in enumerate(headings) if each == choices.time]
    return [
        column
        for column, each in enumerate(parsed)
        if not each.axis
        and (
            "time" in each.words
            or re.fullmatch("t|seconds?|secondselapsed|elapsed|millis|epoch", each.words)
        )
    ]


def _time_of(column: int, times: Sequence[int], parsed: Sequence[_Heading]) -> int:
    """The times that belong to a column: those nearest on its left, as phyphox writes them."""
    for time in times:
        if parsed[time].words == "secondselapsed":
            return time
    before = [time for time in times if time < column]
    return before[-1] if before else times[0]


def _parsed(heading: str) -> _Heading:
    name, unit = heading, ""
    if match := re.fullmatch(r"(.*?)\s*[(\[]([^)\]]*)[)\]]\s*", heading):
        name, unit = match[1], _unit(match[2])
    else:
        words = re.split(r"[_\s]+", heading)
        for count in (3, 2, 1):
            if len(words) > count and (found := _unit("".join(words[-count:]))):
                name, unit = " ".join(words[:-count]), found
                break
    words = [each.lower() for each in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]
    joined = "".join(words)
    if joined in ("seconds", "secondselapsed"):
        unit = "s"
    elif joined == "millis":
        unit = "ms"
    axes = [each for each in words if each in ("x", "y", "z")]
    if len(axes) == 1:
        words.remove(axes[0])
        return _Heading("".join(words), axes[0], unit)
    if re.fullmatch("[xyz]", joined[-1:]) and (joined[:-1] == "g" or _by_words(joined[:-1])):
        return _Heading(joined[:-1], joined[-1], unit)
    return _Heading(joined, "", unit)


def _unit(text: str) -> str:
    plain = re.sub(r"[\s_^*·⋅.]", "", text.lower().replace("°", "deg"))
    plain = plain.translate(str.maketrans("²⁻µμ", "2-uu"))
    return _UNITS.get(plain, "")


def _numbers(column: pd.Series, decimal: str) -> pd.Series:
    """Cells as numbers, NaN where they are none."""
    if not pd.api.types.is_numeric_dtype(column) and decimal == ",":
        # Where a single cell is no number, pandas leaves all of the column as it is.
        column = column.astype("string").str.replace(",", ".", regex=False)
    return pd.to_numeric(column, errors="coerce")


def _times(column: pd.Series, unit: str, decimal: str) -> tuple[np.ndarray, str, float]:
    """Times as numbers, their unit, and the period of their clock (see `Rows`)."""
    numbers = _numbers(column, decimal)
    if pd.api.types.is_numeric_dtype(column) or numbers.notna().mean() > 0.5:
        return numbers.to_numpy(float, na_value=np.nan), unit, 0.0
    texts = column.astype("string").str.strip().str.replace(",", ".", regex=False)
    if texts.str.contains(r"\d{4}-\d\d-\d\d|/", regex=True).mean() > 0.5:
        dates = pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True)
        if dates.notna().mean() < 0.5:
            dates = pd.to_datetime(texts, format="mixed", errors="coerce", utc=True)
        since = (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
        return since.to_numpy(float, na_value=np.nan), CLOCK, 0.0
    times, period = _of_day(texts)
    return times, CLOCK, period


def _of_day(texts: pd.Series) -> tuple[np.ndarray, float]:
    """Seconds of 17:23:55.464 or, as some write it, 17:23:55:464; 23:55.464 has no hours.

    Also the period of this clock: a day, or an hour where hours are not written.
    """
    pattern = r"^(?:(?P<h>\d+):)?(?P<m>\d+):(?P<s>\d+)(?:[.](?P<f>\d+))?$"
    texts = texts.str.replace(r"^(\d+:\d+:\d+):(\d+)$", r"\1.\2", regex=True)
    parts = texts.str.extract(pattern)
    whole = parts[["h", "m", "s"]].apply(pd.to_numeric, errors="coerce")
    fraction = pd.to_numeric("0." + parts["f"].fillna("0"), errors="coerce")
    seconds = whole["h"].fillna(0) * 3600 + whole["m"] * 60 + whole["s"] + fraction
    return seconds.to_numpy(float, na_value=np.nan), 86400.0 if parts["h"].notna().any() else 3600.0
