"""A person's own recording: read from what phone loggers write, or written in the project's form.

It reads CSV files, and zips and folders of them, as Sensor Logger, phyphox and Physics Toolbox
Sensor Suite export them. What the headings leave open, such as a unit, is inferred from the numbers
where they are clear, and noted; otherwise an error asks the user to say it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo
from zlib import error as ZlibError

import numpy as np
import pandas as pd

from har.data.sensor_tables import (
    ACCELERATION,
    ANGULAR_RATE,
    CLOCK,
    GRAVITY,
    LINEAR,
    MAX_HEADING_LINE,
    SECONDS,
    Choices,
    Layout,
    Rows,
    Unwrapper,
    find_layout,
    headings_of,
    read_rows,
    unit_of_times,
)
from har.errors import HarError
from har.files import replacing_file
from har.signals.recordings import ACTIVITIES
from har.signals.resampling import GAP
from har.signals.sensors import NO_ANGULAR_RATE, STANDARD_GRAVITY

COLUMNS = (
    "time_s",
    *(f"acc_{axis}_g" for axis in "xyz"),
    *(f"gyro_{axis}_rad_s" for axis in "xyz"),
    "activity",
)
"""Headings of the project's own form: g and rad/s along UCI HAR's axes, labels or nothing."""


def columns(gyroscope: bool) -> tuple[str, ...]:
    """The `COLUMNS`, or those of a recording of the accelerometer alone."""
    return COLUMNS if gyroscope else (*COLUMNS[:4], COLUMNS[-1])


MAX_BYTES = 1 << 30
"""What a file may hold, unpacked: days of recording."""

TOO_SLOW, SLOW = 9, 15
"""Samples a second: below the first, steps cannot be recognised; below the second, less well.

Four training subjects' recordings thinned out gave 98 % of windows right down to 17 samples a
second, 95 to 96 % at 10 and 12, 75 % at 5.
"""

ENOUGH = 50
"""Samples from which to infer what no heading says."""

FROM_START = "times count from the first sample"

_BEGINNING = 1 << 16
_LONGEST_LINE = 1 << 20
_LATE = 1e6  # s; times beyond it count from another event than the recording's start


@dataclass(frozen=True)
class Samples:
    """What a phone measured.

    Attributes:
        times: float64 (samples,) in s.
        acceleration: (samples, 3), gravity included, in `acceleration_unit`, with the signs of
            Android: a phone flat on a table shows +1 g on z.
        angular_rate: (samples, 3) in `angular_rate_unit`; None where it was not asked for.
        activity: (samples,) names out of `ACTIVITIES` or empty; None if the file has no labels.
        acceleration_unit: A key of `har.signals.sensors.ACCELERATION_UNITS`.
        angular_rate_unit: A key of `har.signals.sensors.ANGULAR_RATE_UNITS`.
        notes: What was inferred or left out, in words.
    """

    times: np.ndarray
    acceleration: np.ndarray
    angular_rate: np.ndarray | None
    activity: np.ndarray | None
    acceleration_unit: str
    angular_rate_unit: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Table:
    name: str
    layout: Layout
    content: Callable[[], bytes]


@dataclass(frozen=True)
class _Found:
    """A sensor, in a table."""

    sensor: str
    table: _Table


def write(
    path: Path,
    times: np.ndarray,
    acceleration: np.ndarray,
    angular_rate: np.ndarray | None,
    activity: np.ndarray | None = None,
) -> None:
    """Write a recording in the project's own form; the file appears only once it is complete.

    Args:
        path: Where to.
        times: (samples,) in s.
        acceleration: (samples, 3) in g, gravity included, along UCI HAR's axes.
        angular_rate: (samples, 3) in rad/s, likewise; None leaves its columns out.
        activity: (samples,) names out of `ACTIVITIES`, or empty where it is not known.
    """
    signals = [acceleration] if angular_rate is None else [acceleration, angular_rate]
    table = pd.DataFrame(
        np.column_stack([np.round(times, 6), *(np.round(each, 8) for each in signals)]),
        columns=list(columns(angular_rate is not None)[:-1]),
    )
    table[COLUMNS[-1]] = "" if activity is None else activity
    with replacing_file(path) as partial_path:
        table.to_csv(partial_path, index=False)


def read(path: Path, choices: Choices | None = None, gyroscope: bool = True) -> Samples:
    """Read a recording.

    Args:
        path: A CSV file, or a zip or folder of them.
        choices: What the user says about the tables, rather than their headings.
        gyroscope: Whether angular rate is needed; if not, it is not looked at.

    Raises:
        HarError: It is not a recording, lacks a sensor, or leaves something necessary open.
    """
    choices = choices or Choices()
    try:
        contents = _contents(path)
        tables = _tables(contents, choices)
        if path.is_file() and len(contents) == 1:
            tables = _beside(path, tables, choices, gyroscope) or tables
        if not tables:
            raise HarError(_what_is_there(contents, choices))
        return _samples(tables, contents, choices, gyroscope)
    except HarError as error:
        raise HarError(f"{path}: {error}") from None
    except (BadZipFile, NotImplementedError, EOFError, ZlibError, RuntimeError) as error:
        raise HarError(f"{path}: cannot be read as a zip ({error})") from None


class LineReader:
    """Makes samples of a CSV that comes in parts, such as on standard input.

    Units that the headings leave open are decided from the first second's samples and kept. Times
    of day go on past midnight.

    Args:
        choices: What the user says about the table, rather than its headings.
        gyroscope: As for `read`.

    Attributes:
        unreadable: Lines left out so far, since a cell is no number or they are longer than 1 MiB.
    """

    def __init__(self, choices: Choices | None = None, gyroscope: bool = True) -> None:
        self._choices, self._gyroscope = choices or Choices(), gyroscope
        self._needed = [ACCELERATION, ANGULAR_RATE] if gyroscope else [ACCELERATION]
        self._pending = b""
        self._skipping = False  # the rest of a line that is too long
        self._clocks = Unwrapper(), Unwrapper()
        self._layout: Layout | None = None
        self._first: list[tuple[Rows, Rows]] = []
        self._decided: tuple[float, float, str, str] | None = None
        self.unreadable = 0

    def feed(self, content: bytes, last: bool = False) -> Samples | None:
        """Take the next bytes.

        Args:
            content: Of the CSV, from its headings on, as many as you like; may end within a line.
            last: No more will come, so that the line has ended.

        Returns:
            Samples that became known, or None.

        Raises:
            HarError: No line heads the columns that are needed, or a unit is not plain.
        """
        lines = self._whole_lines(content, last)
        if self._layout is None:
            lines = self._past_headings(lines, last)
        if self._layout is None or not lines.strip():
            return self._made([], last)
        rows = read_rows(lines, self._layout, self._needed)
        self.unreadable += max(each.unreadable for each in rows)
        if not self._gyroscope:
            rows.append(_no_turning(rows[0]))
        acceleration, angular_rate = (
            clock.unwrap(each) for clock, each in zip(self._clocks, rows, strict=True)
        )
        return self._made([(acceleration, angular_rate)], last)

    def _whole_lines(self, content: bytes, last: bool) -> bytes:
        """What was kept, with `content`, up to the last line's end; lines too long are left out."""
        if self._skipping:
            _, end, content = content.partition(b"\n")
            self._skipping = not end
        content = self._pending + content
        end_of_lines = len(content) if last else content.rfind(b"\n") + 1
        lines, self._pending = content[:end_of_lines], content[end_of_lines:]
        if len(self._pending) > _LONGEST_LINE:  # its end is not awaited: memory stays bounded
            self._pending, self._skipping = b"", True
            self.unreadable += 1
        if len(lines) > _LONGEST_LINE:
            each = lines.splitlines(keepends=True)
            kept = [line for line in each if len(line) <= _LONGEST_LINE]
            self.unreadable += len(each) - len(kept)
            lines = b"".join(kept)
        return lines

    def _past_headings(self, lines: bytes, last: bool) -> bytes:
        text = _text(lines)
        layout = find_layout(text, "-", self._choices)
        if layout is None:
            if last or text.count("\n") > MAX_HEADING_LINE:
                contents: dict[str, Callable[[int], bytes]] = {"-": lambda count: lines[:count]}
                raise HarError(_what_is_there(contents, self._choices))
            self._pending = lines + self._pending
            return b""
        if not set(self._needed) <= set(layout.sensors):
            lacking = (
                NO_ANGULAR_RATE
                if ACCELERATION in layout.sensors
                else "the model needs acceleration with gravity"
            )
            raise HarError(f"has columns of {' and '.join(layout.sensors)} alone: {lacking}")
        after = _after_line(lines, layout.lines)
        if not after.strip() and not last:  # the numbers' decimal point is not known yet
            self._pending = lines + self._pending
            return b""
        self._layout = layout
        return after

    def _made(self, rows: list[tuple[Rows, Rows]], last: bool) -> Samples | None:
        notes: list[str] = []
        if self._decided is None:
            self._first += rows
            if sum(len(each.times) for each, _ in self._first) < (1 if last else ENOUGH):
                return None
            acceleration, angular_rate = (
                replace(
                    parts[0],
                    times=np.concatenate([each.times for each in parts]),
                    values=np.concatenate([each.values for each in parts]),
                )
                for parts in zip(*self._first, strict=True)
            )
            self._decided = self._decisions(acceleration, angular_rate, notes)
            self._first = []
        elif rows:
            acceleration, angular_rate = rows[0]
        else:
            return None
        scale, start, acceleration_unit, angular_rate_unit = self._decided
        sign = -1.0 if self._choices.flip else 1.0
        return Samples(
            times=acceleration.times * scale - start,
            acceleration=sign * acceleration.values,
            angular_rate=angular_rate.values if self._gyroscope else None,
            activity=None,
            acceleration_unit=acceleration_unit,
            angular_rate_unit=angular_rate_unit,
            notes=tuple(notes),
        )

    def _decisions(
        self, acceleration: Rows, angular_rate: Rows, notes: list[str]
    ) -> tuple[float, float, str, str]:
        assert self._layout is not None
        units = {sensor: columns.unit for sensor, columns in self._layout.sensors.items()}
        if not self._gyroscope:
            units[ANGULAR_RATE] = "rad/s"
        in_seconds = _in_seconds(acceleration, notes)
        _check_rate(in_seconds.times, notes)
        late = in_seconds.time_unit == CLOCK or abs(in_seconds.times[0]) > _LATE
        if late:
            notes.append(FROM_START)
        scale = 1.0 if in_seconds.time_unit == CLOCK else SECONDS[in_seconds.time_unit]
        return (
            scale,
            float(in_seconds.times[0]) if late else 0.0,
            _acceleration_unit(
                acceleration.values, self._choices.acceleration_unit or units[ACCELERATION], notes
            ),
            _angular_rate_unit(
                angular_rate.values, self._choices.angular_rate_unit or units[ANGULAR_RATE], notes
            ),
        )


def _contents(path: Path) -> dict[str, Callable[[int], bytes]]:
    """What can be read, by name: each gives its first bytes, as many as it is asked for."""
    if path.is_dir():
        files = [each for each in sorted(path.iterdir()) if each.is_file()]
        return {each.name: partial(_first_bytes, each) for each in files if _is_table(each.name)}
    if path.exists() and not path.is_file():
        raise HarError("is not a regular file; from a pipe, - reads standard input")
    if path.suffix.lower() in (".xls", ".xlsx"):
        raise HarError("is for Excel: let the logger export CSV")
    with path.open("rb") as file:
        magic = file.read(4)
    if magic != b"PK\x03\x04":
        return {path.name: partial(_first_bytes, path)}
    with ZipFile(path) as archive:
        members = [each for each in archive.infolist() if _is_table(each.filename)]
    return {each.filename: partial(_first_bytes_of_member, path, each) for each in members}


def _is_table(name: str) -> bool:
    *folders, file = name.lower().split("/")
    # phyphox puts meta/time.csv and meta/device.csv beside its data.
    other = {"meta", "__macosx"} & set(folders) or file.startswith(
        (".", "watch", "wrist", "headph")
    )
    return not other and file.endswith((".csv", ".tsv", ".txt"))


def _first_bytes(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        return file.read(count)


def _first_bytes_of_member(path: Path, member: ZipInfo, count: int) -> bytes:
    # Never more than asked for, whatever the zip says that the member unpacks to.
    with ZipFile(path) as archive, archive.open(member) as file:
        return file.read(count)


def _tables(contents: dict[str, Callable[[int], bytes]], choices: Choices) -> list[_Table]:
    tables = []
    for name, first_bytes in contents.items():
        layout = find_layout(_text(first_bytes(_BEGINNING)), name, choices)
        if layout is not None:
            tables.append(_Table(name, layout, partial(_whole, name, first_bytes)))
    return tables


def _whole(name: str, first_bytes: Callable[[int], bytes]) -> bytes:
    content = first_bytes(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise HarError(f"{name} holds more than {MAX_BYTES >> 30} GiB")
    return content


def _text(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    return content.decode("utf-8-sig", errors="replace")


def _beside(path: Path, tables: list[_Table], choices: Choices, gyroscope: bool) -> list[_Table]:
    """The folder's tables, if this one has only one of the sensors, as loggers write them."""
    if len(tables) != 1 or choices.time or not _lacking(tables, gyroscope):
        return []
    siblings = _tables(_contents(path.parent), choices)
    kinds = [sensor for table in siblings for sensor in table.layout.sensors]
    # Files of several recordings in one folder must not be mixed.
    return siblings if len(kinds) == len(set(kinds)) and not _lacking(siblings, gyroscope) else []


def _lacking(tables: list[_Table], gyroscope: bool) -> bool:
    sensors = {sensor for table in tables for sensor in table.layout.sensors}
    return (gyroscope and ANGULAR_RATE not in sensors) or not (
        ACCELERATION in sensors or {LINEAR, GRAVITY} <= sensors
    )


def _what_is_there(contents: dict[str, Callable[[int], bytes]], choices: Choices) -> str:
    if not contents:
        return "holds no CSV file"
    beginnings = {name: first_bytes(_BEGINNING) for name, first_bytes in contents.items()}
    if not any(content.strip() for content in beginnings.values()):
        return "is empty"
    if all(b"\0" in content for content in beginnings.values()) and not any(
        content.startswith((b"\xff\xfe", b"\xfe\xff")) for content in beginnings.values()
    ):
        return "is neither CSV nor zip"
    if choices.time or choices.acceleration or choices.angular_rate:
        named = [choices.time, *(choices.acceleration or ()), *(choices.angular_rate or ())]
        wanted = ", ".join(each for each in named if each)
        problem = f"no line has columns of the names {wanted}"
    else:
        problem = "no line heads columns of time and of x, y, z of a sensor (--time, --acc, --gyro)"
    first = headings_of(_text(next(iter(beginnings.values()))))
    return f"{problem}; it begins with: {first}" if first else problem


def _samples(
    tables: list[_Table],
    contents: dict[str, Callable[[int], bytes]],
    choices: Choices,
    gyroscope: bool,
) -> Samples:
    needed = {ACCELERATION, ANGULAR_RATE} if gyroscope else {ACCELERATION}
    whole = [each for each in tables if needed <= set(each.layout.sensors)]
    if not gyroscope:  # two files of the same acceleration are one recording
        whole = [each for each in whole if "uncalibrated" not in each.name.lower()]
    if len(whole) > 1:
        names = ", ".join(each.name for each in whole[:3])
        raise HarError(f"holds {len(whole)} recordings ({names}): name one of them")
    found = {
        sensor: _best(sensor, whole or tables) or _best(sensor, tables)
        for sensor in (ACCELERATION, LINEAR, GRAVITY, ANGULAR_RATE)
    }
    if not gyroscope:
        found[ANGULAR_RATE] = None
    total, linear, gravity, turning = found.values()
    if total is not None and "uncalibrated" in total.table.name.lower() and linear and gravity:
        total = None  # the sum of the calibrated ones is better
    if total is None and not (linear and gravity):
        raise HarError(
            f"the acceleration of {linear.table.name} is without gravity, which tells postures "
            "apart: record gravity too, or acceleration with gravity"
            if linear
            else "no acceleration in it: the model needs acceleration with gravity"
            + (" and angular rate" if gyroscope else "")
        )
    if turning is None and gyroscope:
        raise HarError(f"no angular rate in it: {NO_ANGULAR_RATE}")
    metadata = _sensor_logger_metadata(contents)
    main = total or linear
    assert main is not None
    flip = _flip(main, total is not None, metadata, choices)
    cache: dict[str, list[Rows]] = {}
    angular_rate = _rows(turning, found, cache) if turning else None
    if total is not None:
        acceleration = _rows(total, found, cache)
        unit = _unit(total, metadata)
    else:
        assert linear is not None and gravity is not None
        unit = _unit(linear, metadata)
        if _unit(gravity, metadata) != unit:
            raise HarError("gravity and the acceleration without it are in different units")
        acceleration = _sum(_rows(linear, found, cache), _rows(gravity, found, cache))
    angular_rate_unit = _unit(turning, metadata) if turning else "rad/s"
    return _finished(acceleration, angular_rate, unit, angular_rate_unit, flip, choices)


def _best(sensor: str, tables: list[_Table]) -> _Found | None:
    having = [each for each in tables if sensor in each.layout.sensors]
    having.sort(key=lambda each: "uncalibrated" in each.name.lower())
    return _Found(sensor, having[0]) if having else None


def _rows(found: _Found, all_found: dict[str, _Found | None], cache: dict[str, list[Rows]]) -> Rows:
    """A sensor's samples; a table is read once for all the sensors that are taken from it."""
    table = found.table
    sensors = [each.sensor for each in all_found.values() if each and each.table is table]
    if table.name not in cache:
        content = table.content()
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            content = _text(content).encode()
        rows_of_all = read_rows(_after_line(content, table.layout.lines), table.layout, sensors)
        cache[table.name] = [Unwrapper().unwrap(each) for each in rows_of_all]
    rows = cache[table.name][sensors.index(found.sensor)]
    if not len(rows.times):
        raise HarError(f"{table.name} has no samples: no row with times and numbers")
    return rows


def _after_line(content: bytes, number: int) -> bytes:
    end = 0
    for _ in range(number):
        # As str.splitlines has it, of which \r alone is a line's end too.
        ends = [at for at in (content.find(b"\n", end), content.find(b"\r", end)) if at >= 0]
        if not ends:
            return b""
        end = min(ends) + 1
        if content[end - 1 : end + 1] == b"\r\n":
            end += 1
    return content[end:]


def _sensor_logger_metadata(contents: dict[str, Callable[[int], bytes]]) -> dict[str, str]:
    """What Sensor Logger says of the phone in Metadata.csv, if it is there."""
    for name, first_bytes in contents.items():
        if name.lower().rpartition("/")[2] == "metadata.csv":
            lines = _text(first_bytes(_BEGINNING)).splitlines()
            if len(lines) >= 2:
                keys, values = (line.lower().split(",") for line in lines[:2])
                return dict(zip(keys, values, strict=False))
    return {}


def _apples_own(metadata: dict[str, str]) -> bool | None:
    """Whether Sensor Logger left Apple's signs and units as they are; None if it does not say."""
    if "platform" not in metadata:
        return None
    return metadata["platform"] == "ios" and metadata.get("standardisation") != "true"


def _unit(found: _Found, metadata: dict[str, str]) -> str:
    layout = found.table.layout
    stated = layout.sensors[found.sensor].unit
    if stated or not layout.sensor_logger:
        return stated
    # https://github.com/tszheichoi/awesome-sensor-logger/blob/main/UNITS.md
    if found.sensor == ANGULAR_RATE:
        return "rad/s"
    if "uncalibrated" not in found.table.name.lower():
        return "m/s2"
    apples_own = _apples_own(metadata)
    return "" if apples_own is None else "g" if apples_own else "m/s2"


def _flip(main: _Found, total: bool, metadata: dict[str, str], choices: Choices) -> bool:
    """Whether to invert the acceleration's signs to those of Android.

    Sensor Logger leaves them as the phone has them
    (https://github.com/tszheichoi/awesome-sensor-logger/blob/main/COORDINATES.md); phyphox inverts
    those of Apple itself (kG = -9.81 in phyphox-ios' ExperimentSensorInput.swift).
    """
    if choices.flip is not None:
        return choices.flip
    if not main.table.layout.sensor_logger:
        return False
    apples_own = _apples_own(metadata)
    if apples_own is not None:
        return apples_own
    if total and "uncalibrated" not in main.table.name.lower():
        return False  # TotalAcceleration.csv is written on Android only
    raise HarError(
        "Sensor Logger's Metadata.csv is not beside it, so the signs of the acceleration are "
        "unknown: say --flip if it was recorded on an iPhone, --no-flip if on Android"
    )


def _no_turning(acceleration: Rows) -> Rows:
    """In place of an angular rate that is not needed."""
    return replace(acceleration, values=np.zeros_like(acceleration.values))


def _finished(
    acceleration: Rows,
    angular_rate: Rows | None,
    acceleration_unit: str,
    angular_rate_unit: str,
    flip: bool,
    choices: Choices,
) -> Samples:
    """One recording of both sensors: common times in s, units, signs."""
    notes: list[str] = []
    gyroscope = angular_rate is not None
    angular_rate = angular_rate or _no_turning(acceleration)
    if unreadable := max(acceleration.unreadable, angular_rate.unreadable):
        notes.append(f"rows left out: {unreadable:,} in which a cell is no number")
    acceleration, angular_rate = _in_seconds(acceleration, notes), _in_seconds(angular_rate, notes)
    acceleration, angular_rate = _from_start(acceleration, angular_rate, notes)
    # Loggers of several sensors write zeros until one has measured something.
    silent = (acceleration.values == 0).all(axis=1)
    if silent.any() and not silent.all():
        notes.append(f"rows left out: {np.count_nonzero(silent):,} without an acceleration yet")
    both = _joined(acceleration, angular_rate, ~silent)
    if not len(both[0].times):
        raise HarError("accelerometer and gyroscope never measured at the same time")
    _check_rate(both[0].times, notes)
    times, labels = both[0].times, both[0].activity if acceleration.activity is not None else None
    acceleration_unit = _acceleration_unit(
        both[0].values, choices.acceleration_unit or acceleration_unit, notes
    )
    angular_rate_unit = _angular_rate_unit(
        both[1].values, choices.angular_rate_unit or angular_rate_unit, notes
    )
    if flip:
        notes.append("the acceleration's signs are inverted, from Apple's to Android's")
    return Samples(
        times=times,
        acceleration=-both[0].values if flip else both[0].values,
        angular_rate=both[1].values if gyroscope else None,
        activity=_known_activities(labels, notes),
        acceleration_unit=acceleration_unit,
        angular_rate_unit=angular_rate_unit,
        notes=tuple(dict.fromkeys(notes)),
    )


def _in_seconds(rows: Rows, notes: list[str]) -> Rows:
    if rows.time_unit == CLOCK:
        return rows
    unit = rows.time_unit or unit_of_times(rows.times)
    if not rows.time_unit and unit != "s":
        notes.append(f"times taken to be in {unit}, as their steps say")
    return replace(rows, times=rows.times * SECONDS[unit], time_unit=unit)


def _from_start(acceleration: Rows, angular_rate: Rows, notes: list[str]) -> tuple[Rows, Rows]:
    """Times of day and since 1970 are made to begin at zero; both sensors' by the same shift."""
    first = min(acceleration.times[0], angular_rate.times[0])
    if abs(first) < _LATE and CLOCK not in (acceleration.time_unit, angular_rate.time_unit):
        return acceleration, angular_rate
    if abs(acceleration.times[0] - angular_rate.times[0]) > 1e5:
        raise HarError("accelerometer and gyroscope count their times from different events")
    notes.append(FROM_START)
    return (
        replace(acceleration, times=acceleration.times - first),
        replace(angular_rate, times=angular_rate.times - first),
    )


def _joined(acceleration: Rows, angular_rate: Rows, keep: np.ndarray) -> tuple[Rows, Rows]:
    """Both sensors at common times: those of the one that measures more often."""
    same = len(acceleration.times) == len(angular_rate.times) and np.array_equal(
        acceleration.times, angular_rate.times
    )
    if same:
        if not keep.all() and keep.any():
            return _selected(acceleration, keep), _selected(angular_rate, keep)
        return acceleration, angular_rate
    start = max(acceleration.times[0], angular_rate.times[0])
    end = min(acceleration.times[-1], angular_rate.times[-1])
    if not end > start:
        spans = [
            f"{each.times[0]:.1f} to {each.times[-1]:.1f} s"
            for each in (acceleration, angular_rate)
        ]
        raise HarError(
            f"accelerometer ({spans[0]}) and gyroscope ({spans[1]}) were not recorded at the same "
            "time"
        )
    rates = [
        np.count_nonzero((each.times >= start) & (each.times <= end))
        for each in (acceleration, angular_rate)
    ]
    if rates[0] >= rates[1]:
        kept, values = _at_times_of(acceleration, angular_rate)
        return kept, replace(angular_rate, times=kept.times, values=values)
    kept, values = _at_times_of(angular_rate, acceleration)
    labels = None
    if acceleration.activity is not None:
        following = np.searchsorted(acceleration.times, kept.times).clip(
            0, len(acceleration.times) - 1
        )
        labels = acceleration.activity[following]
    return replace(acceleration, times=kept.times, values=values, activity=labels), kept


def _selected(rows: Rows, which: np.ndarray) -> Rows:
    activity = None if rows.activity is None else rows.activity[which]
    return replace(rows, times=rows.times[which], values=rows.values[which], activity=activity)


def _at_times_of(rows: Rows, other: Rows) -> tuple[Rows, np.ndarray]:
    """`rows` where `other` was measuring too, and `other` there, on straight lines between."""
    later = np.concatenate([[True], other.times[1:] > np.maximum.accumulate(other.times)[:-1]])
    times, values = other.times[later], other.values[later]
    after = np.searchsorted(times, rows.times)
    inside = (rows.times >= times[0]) & (rows.times <= times[-1])
    after = after.clip(1, max(len(times) - 1, 1))
    if len(times) > 1:
        exact = (rows.times == times[after]) | (rows.times == times[after - 1])
        inside &= (times[after] - times[after - 1] <= GAP) | exact
    kept = _selected(rows, inside)
    between = [np.interp(kept.times, times, values[:, axis]) for axis in range(3)]
    return kept, np.column_stack(between)


def _sum(linear: Rows, gravity: Rows) -> Rows:
    if len(linear.times) == len(gravity.times) and np.array_equal(linear.times, gravity.times):
        return replace(linear, values=linear.values + gravity.values)
    kept, at_times = _at_times_of(linear, gravity)
    if not len(kept.times):
        raise HarError("accelerometer and gravity were not recorded at the same time")
    return replace(kept, values=kept.values + at_times)


def _check_rate(times: np.ndarray, notes: list[str]) -> None:
    each = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    if each > 1 / TOO_SLOW:
        raise HarError(
            f"only {1 / each:.2g} samples a second: {SLOW} or more are needed, 50 are best"
        )
    if each > 1 / SLOW:
        notes.append(f"only {1 / each:.0f} samples a second: expect worse predictions than at 50")


def _acceleration_unit(values: np.ndarray, stated: str, notes: list[str]) -> str:
    if stated:
        return stated
    length = float(np.median(np.linalg.norm(values, axis=1)))
    for unit, gravity in (("g", 1.0), ("m/s2", STANDARD_GRAVITY)):
        if 0.8 < length / gravity < 1.25:
            notes.append(f"acceleration taken to be in {unit}: its median length is {length:.2f}")
            return unit
    raise HarError(
        f"the median length of the acceleration is {length:.3g}, so neither in g (1) nor in m/s2 "
        "(9.8) with gravity; say --acc-unit if it has gravity"
    )


def _angular_rate_unit(values: np.ndarray, stated: str, notes: list[str]) -> str:
    if stated:
        return stated
    fast = float(np.quantile(np.linalg.norm(values, axis=1), 0.9))
    if fast > 10:  # nobody turns like this in rad/s, and who walks does in deg/s
        notes.append(f"angular rate taken to be in deg/s: a tenth of it is above {fast:.0f}")
        return "deg/s"
    notes.append("angular rate taken to be in rad/s, since nothing says its unit (--gyro-unit)")
    return "rad/s"


def _known_activities(labels: np.ndarray | None, notes: list[str]) -> np.ndarray | None:
    if labels is None:
        return None
    names = np.char.replace(np.char.upper(np.char.strip(labels)), " ", "_")
    known = np.isin(names, ACTIVITIES)
    if other := sorted(set(names[~known]) - {""}):
        notes.append(f"labels left out: {', '.join(other[:5])}")
    if not known.any():
        return None
    return np.where(known, names, "")
