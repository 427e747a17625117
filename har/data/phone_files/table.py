"""One file's table: where its headings are, what they head, and its rows as they come."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from har.data.phone_files import headings, text
from har.data.phone_files.clocks import Days, Rows, Stamps
from har.data.phone_files.headings import Columns
from har.data.phone_files.logger import ACCELERATION, ANGULAR_RATE, GRAVITY, Metadata
from har.data.phone_files.plain import LOGGER as PLAIN
from har.data.phone_files.text import Dialect
from har.signals.recordings import ACTIVITIES, NO_ACTIVITY

ENOUGH = 50
"""Rows from which to judge what no heading says."""

HEADING_LINES = 50
"""Lines within which the headings are looked for."""

_HEAD = 500
"""Rows from which how numbers are written is judged."""

_NAMING = re.compile("sensor(name|type|id)?|type|name|source|measurement(type)?")
_ANDROIDS_TYPES = {"1": "accelerometer", "4": "gyroscope", "9": "gravity", "10": "linear"}
"""Numbers of sensors: https://developer.android.com/reference/android/hardware/Sensor"""


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
        rate: Samples a second; times that the file may have are not looked at.
    """

    time: str | None = None
    acceleration: tuple[str, str, str] | None = None
    angular_rate: tuple[str, str, str] | None = None
    acceleration_unit: str | None = None
    angular_rate_unit: str | None = None
    flip: bool | None = None
    rate: float | None = None

    @property
    def headings(self) -> list[str]:
        """Those that are named."""
        named = [self.time, *(self.acceleration or ()), *(self.angular_rate or ())]
        return [each for each in named if each]


@dataclass(frozen=True)
class Table:
    """A file's table, of which the beginning is known.

    Attributes:
        name: Of the file.
        blocks: Reads its bytes, from the beginning.
        headings: Of all columns.
        dialect: How rows are written.
        lines: Up to and with the headings; None for JSON.
        sensors: Those whose three axes are there.
        naming: Column that names each row's sensor, or None.
        names: What it calls them.
        times: Columns that may hold times.
        activity: Column of labels, or None.
        metadata: What it says about the phone.
        place: Of the file, which tells it from all others.
        size: Bytes of the file, 0 if it is not known.
    """

    name: str
    blocks: Callable[[], Iterable[bytes]]
    headings: tuple[str, ...]
    dialect: Dialect
    lines: int | None
    sensors: Mapping[str, Columns]
    naming: int | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    times: tuple[int, ...] = ()
    activity: int | None = None
    metadata: Metadata = field(default_factory=dict)
    place: str = ""
    size: int = 0

    @property
    def named_by_file(self) -> bool:
        """Whether the file's name tells the sensor: others may be in files beside it."""
        bare = (headings.is_bare(self.headings[c]) for s in self.sensors.values() for c in s.axes)
        return self.naming is None and any(bare)

    def frames(self, columns: Iterable[int]) -> Iterator[tuple[pd.DataFrame, int]]:
        """Some columns, a block of rows at a time, and how many of its lines are no rows.

        Raises:
            HarError: It is not a table.
        """
        wanted = sorted(set(columns))
        texts = text.decoded(self.blocks())
        if self.lines is None:
            for found in text.records(texts):
                frame = pd.DataFrame(found, columns=list(self.headings))
                frame.columns = pd.RangeIndex(len(self.headings))
                yield frame[wanted], 0
            return
        passed = 0
        for block, too_long in text.whole_lines(texts):
            lines = block.split("\n")
            headed = min(self.lines - passed, len(lines))
            if headed > 0:
                passed += headed
                lines = lines[headed:]
            rows = sum(1 for line in lines if not line.isspace() and line)
            frame = text.cells(lines, self.dialect, wanted)
            yield frame, too_long + max(rows - len(frame), 0)


class Pass:
    """One reading of some of a table's sensors, from beginning to end.

    Args:
        table: The table.
        sensors: Keys of its `sensors`.
        days: Of the recording.
        rate: Samples a second, where its times are not to be looked at.
        counts: What is left out is added, by what is to be said of it.
    """

    def __init__(
        self,
        table: Table,
        sensors: Sequence[str],
        days: Days,
        rate: float | None,
        counts: Counter[str],
    ) -> None:
        self._table, self.sensors, self._rate, self._counts = table, sensors, rate, counts
        self._stamps = {} if rate else {column: Stamps(days) for column in table.times}
        self._time_of: dict[str, int] = {}
        self._rows = 0

    def clock(self, sensor: str) -> tuple[str, bool, float]:
        """Of a sensor's times: their unit, which may be empty; whether they are dates; the period.

        It is known once there have been rows. For the period see `Stamps`.
        """
        if self._rate:
            return "s", False, 0.0
        column = self._time_of[sensor]
        stamps = self._stamps[column]
        stated = headings.parse(self._table.headings[column]).unit
        unit = "s" if stamps.text else stated if stated in headings.SECONDS else ""
        return unit, bool(stamps.text), stamps.period

    def __iter__(self) -> Iterator[dict[str, Rows]]:
        table = self._table
        axes = {column for each in self.sensors for column in table.sensors[each].axes}
        others = [each for each in (table.naming, table.activity) if each is not None]
        columns = [*axes, *others, *self._stamps]
        for frame, left_out in table.frames(columns):
            if len(frame):
                rows, unreadable = self._read(frame, axes)
                self._counts["rows left out: {} in which a cell is no number"] += unreadable
                yield rows
            self._counts["rows left out: {} in which a cell is no number"] += left_out

    def _read(self, frame: pd.DataFrame, axes: Iterable[int]) -> tuple[dict[str, Rows], int]:
        table, count = self._table, len(frame)
        values = {column: text.numbers(frame[column], table.dialect) for column in axes}
        if self._rate:
            times = {-1: (self._rows + np.arange(count)) / self._rate}
            self._time_of = dict.fromkeys(self.sensors, -1)
        else:
            times = {c: each.read(frame[c], table.dialect) for c, each in self._stamps.items()}
        self._rows += count
        if not self._time_of:
            self._time_of = {each: self._finest(each, times) for each in self.sensors}
            self._stamps = {c: self._stamps[c] for c in set(self._time_of.values())}
        labels = self._labels(frame)
        of = None if table.naming is None else _names(frame[table.naming]).map(table.names)
        wrong, empty = np.zeros(count, bool), np.ones(count, bool)
        silent = np.zeros(count, bool)  # loggers of several sensors write zeros until one measured
        found = {}
        for sensor in self.sensors:
            columns = list(table.sensors[sensor].axes)
            three = np.column_stack([values[column] for column in columns])
            at = times[self._time_of[sensor]]
            good = np.isfinite(three).all(axis=1) & np.isfinite(at)
            blank = frame[columns].isna().to_numpy().all(axis=1)
            if of is not None:
                mine = (of == sensor).to_numpy()
                good, blank = good & mine, blank | ~mine
            wrong |= ~good & ~blank
            empty &= blank
            if sensor in (ACCELERATION, GRAVITY):
                silent |= good & ~three.any(axis=1)
            found[sensor] = at, three, good
        if of is None:
            wrong |= empty
        self._counts["rows left out: {} without an acceleration yet"] += int(silent.sum())
        kept = ~silent & ~wrong
        rows = {
            sensor: Rows(at[good & kept], three[good & kept], labels[good & kept])
            for sensor, (at, three, good) in found.items()
        }
        return rows, int(np.count_nonzero(wrong))

    def _finest(self, sensor: str, times: Mapping[int, np.ndarray]) -> int:
        """The column of a sensor's times: of the finest ones, the nearest on its left.

        Loggers write a sensor's own times before its axes.
        """
        kinds = {c: len(np.unique(each[np.isfinite(each)])) for c, each in times.items()}
        finest = [c for c, count in kinds.items() if count >= 0.9 * max(kinds.values())]
        before = [c for c in finest if c < min(self._table.sensors[sensor].axes)]
        return before[-1] if before else finest[0]

    def _labels(self, frame: pd.DataFrame) -> np.ndarray:
        if self._table.activity is None:
            return np.full(len(frame), NO_ACTIVITY)
        codes, names = pd.factorize(_names(frame[self._table.activity]).str.upper())
        known = np.full(len(names) + 1, NO_ACTIVITY)
        for number, name in enumerate(names):
            label = str(name).replace(" ", "_")
            if label in ACTIVITIES:
                known[number] = ACTIVITIES.index(label)
            elif label and sum(each.startswith("labels") for each in self._counts) < 5:
                self._counts[f"labels left out: {label}"] += 1
        return known[codes]


def _names(column: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(column):
        column = column.map("{:g}".format, na_action="ignore")
    return column.astype("object").where(column.notna(), "").astype("str").str.strip()


def find_table(
    name: str,
    blocks: Callable[[], Iterable[bytes]],
    choices: Choices,
    whole: bool = True,
) -> Table | None:
    """What a file's beginning says, or None where no line heads a sensor's columns.

    Args:
        name: Of the file; says what x, y and z are where the headings do not.
        blocks: Reads its bytes, from the beginning.
        choices: Columns that are named here are taken, and no others.
        whole: Whether to look for sensors further on, where a column names them.

    Raises:
        HarError: It is not a table.
    """
    texts = text.decoded(blocks())
    first = next((each for each in texts if each.strip()), "")
    table = None
    if re.match(r"\s*(\[\s*)?\{", first):
        found: list[dict[str, object]] = []
        for some in text.records(chain([first], texts)):
            found += some
            if len(found) >= ENOUGH:
                break
        frame = pd.DataFrame(found)
        table = _headed(name, blocks, [str(each) for each in frame], choices)
        if table is not None:
            about = next((each for each in found if each.get("sensor") == "Metadata"), {})
            told = {str(key).lower(): str(value).lower() for key, value in about.items()}
            table = replace(table, lines=None, metadata=told)
    else:
        head = ""
        for each, _ in text.whole_lines(chain([first], texts)):
            head += each
            lines = head.split("\n")
            table = _in_lines(name, blocks, lines, choices)
            after = HEADING_LINES if table is None or table.lines is None else table.lines
            if len(lines) > after + ENOUGH:
                break
    if table is not None and table.naming is not None:
        table = _with_names(table, whole)
    return table


def _in_lines(
    name: str, blocks: Callable[[], Iterable[bytes]], lines: Sequence[str], choices: Choices
) -> Table | None:
    for number, line in enumerate(lines[:HEADING_LINES]):
        for separator in sorted(";\t,|", key=line.count, reverse=True) + [" "]:
            heads = text.divided(line.strip().lstrip("#%/ "), separator)
            table = _headed(name, blocks, heads, choices) if len(heads) > 2 else None
            if table is None:
                continue
            rows = [each for each in lines[number + 1 : number + 1 + _HEAD] if each.strip()]
            count = number + 1
            units = text.divided(rows[0], separator) if rows else []
            if any(map(headings.unit_in, units)) and not any(re.search(r"\d\d", u) for u in units):
                stated = [f"{head} [{unit}]" for head, unit in zip(heads, units, strict=False)]
                table = _headed(name, blocks, stated, choices) or table
                count, rows = lines.index(rows[0], number + 1) + 1, rows[1:]
            widths = [len(text.divided(each.rstrip(" ,;|\t"), separator)) for each in rows]
            if widths and np.median(widths) == len(heads) + 1:  # as R numbers rows, unheaded
                table = _headed(name, blocks, ["", *table.headings], choices) or table
            dialect = text.dialect_of(rows, separator, len(table.headings))
            return replace(table, lines=count, dialect=dialect)
    return None


def _headed(
    name: str, blocks: Callable[[], Iterable[bytes]], heads: Sequence[str], choices: Choices
) -> Table | None:
    """A table of these headings, its dialect and lines left open."""
    parsed = [headings.parse(each) for each in heads]
    if choices.time is not None:
        times = [column for column, each in enumerate(heads) if each == choices.time]
    else:
        times = [column for column, each in enumerate(heads) if headings.are_times(each)]
    naming = next(
        (column for column, each in enumerate(parsed)
         if each.words and not each.axis and _NAMING.fullmatch(each.words)
         and not headings.are_times(heads[column])),
        None,
    )  # fmt: skip
    found = _by_file_name(heads, name)
    if naming is not None:
        bare = headings.sensors(heads, "accelerometer")  # or any other name of a sensor
        if bare and all(headings.is_bare(heads[c]) for each in bare.values() for c in each.axes):
            found = bare
        else:
            naming = None
    for sensor, named in (
        (ACCELERATION, choices.acceleration),
        (ANGULAR_RATE, choices.angular_rate),
    ):
        if named is not None:
            found.pop(sensor, None)
            naming = None
            if set(named) <= set(heads):
                x, y, z = (list(heads).index(each) for each in named)
                unit = headings.stated_unit([parsed[each].unit for each in (x, y, z)], sensor)
                found[sensor] = Columns((x, y, z), unit, PLAIN, "")
    if not found or (choices.time is not None and not times):
        return None
    labels = [c for c, each in enumerate(parsed) if each.words in ("activity", "label")]
    return Table(
        name=name,
        blocks=blocks,
        headings=tuple(heads),
        dialect=Dialect(",", len(heads)),
        lines=0,
        sensors=found,
        naming=naming,
        times=tuple(times),
        activity=labels[0] if labels else None,
    )


def _with_names(table: Table, whole: bool) -> Table:
    """With the sensors that the naming column names."""
    assert table.naming is not None
    found: dict[str, Columns] = {}
    names: dict[str, str] = {}
    for frame, _ in table.frames([table.naming]):
        for name in _names(frame[table.naming]).unique():
            if name not in names:
                called = _ANDROIDS_TYPES.get(name, name)
                for sensor, columns in headings.sensors(table.headings, called).items():
                    found.setdefault(sensor, columns)
                    names[name] = sensor
        if not whole or {ACCELERATION, ANGULAR_RATE} <= set(found):
            break
    if found:
        return replace(table, sensors=found, names=names)
    return replace(table, sensors=_by_file_name(table.headings, table.name), naming=None)


def _by_file_name(heads: Sequence[str], name: str) -> dict[str, Columns]:
    """The sensors; where x, y and z are all that the headings say, the file or its folder does."""
    path = PurePosixPath(name)
    stem = path.name.removesuffix(".gz").rpartition(".")[0] or path.name
    return headings.sensors(heads, stem) or headings.sensors(heads, path.parent.name)
