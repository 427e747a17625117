"""Times as loggers write them, made seconds that go forward: dates, times of day, coarse clocks."""

import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from dateutil import parser as date_parser

from har.data.phone_files.headings import SECONDS
from har.data.phone_files.text import Dialect, numbers
from har.errors import HarError
from har.signals.resampling import GAP

PAUSE = 1.0
"""Seconds put between what comes before and after a clock's jump back: nothing joins over it."""

JUMP = 50
"""Rows in turn that come too late, after which the clock is taken to have jumped back."""

LATE = 1e6
"""Seconds; times beyond it count from another event than the recording's start."""

FASTEST = 600.0
"""Samples a second that no phone writes; such times are in another unit, or numbers of samples."""

_FORMS = tuple(
    re.compile(rf"^(?P<date>.*?)[\sT_,-]*{clock}\s*(?P<rest>.*)$", re.IGNORECASE)
    for clock in (
        r"(?<!\d)(?P<h>\d\d?):(?P<m>\d\d):(?P<s>\d\d)((?P<mark>[.,:_])(?P<f>\d+))?",
        r"(?<![\d:])(?P<h>)(?P<m>\d\d?):(?P<s>\d\d)((?P<mark>[.,_])(?P<f>\d+))?",
        r"(?<=\d{4}-\d\d-\d\d.)(?P<h>\d\d)-(?P<m>\d\d)-(?P<s>\d\d)((?P<mark>[.,:_-])(?P<f>\d+))?",
        r"(?<=\d{8})[T_ -]?(?P<h>\d\d)(?P<m>\d\d)(?P<s>\d\d)((?P<mark>[.,:_-]?)(?P<f>\d+))?",
    )
)
_ZONE = re.compile(r"(?:^|GMT|UTC)([+-])(\d\d):?(\d\d)")
_DATE_AS_NUMBER = ((2.0e13, 2.1e13), (2.0e16, 2.1e16))
"""Where 20240305142311 and 20240305142311120 lie; no time since 1970 does."""


@dataclass(frozen=True)
class Rows:
    """A sensor's rows of a table.

    Attributes:
        times: float64 (samples,).
        values: float64 (samples, 3).
        activity: int (samples,), index into `har.signals.recordings.ACTIVITIES`, or `NO_ACTIVITY`.
    """

    times: np.ndarray
    values: np.ndarray
    activity: np.ndarray

    def __getitem__(self, which: np.ndarray | slice) -> "Rows":
        return Rows(self.times[which], self.values[which], self.activity[which])

    @staticmethod
    def together(parts: "list[Rows]") -> "Rows":
        """One after the other."""
        if len(parts) == 1:
            return parts[0]
        return Rows(
            np.concatenate([each.times for each in parts]),
            np.concatenate([each.values for each in parts]),
            np.concatenate([each.activity for each in parts]),
        )


class Stamps:
    """A column of times, read as it comes.

    Args:
        days: Of the recording.

    Attributes:
        text: Whether its cells are dates or times of day, read in seconds, or numbers; None before
            the first.
        period: Seconds after which the clock begins again: those of a day or of an hour for times
            without a date or an hour, else 0.
    """

    def __init__(self, days: "Days") -> None:
        self.text: bool | None = None
        self.period = 0.0
        self._days = days
        self._form = _FORMS[0]
        self._whole_milliseconds = False

    def read(self, column: pd.Series, dialect: Dialect) -> np.ndarray:
        """Its cells as float64, NaN where they are no time."""
        values = numbers(column, dialect)
        first = self.text is None
        if first:
            known = values[np.isfinite(values)]
            as_number = len(known) > 0 and any(
                bool(low < known.min() and known.max() < high) for low, high in _DATE_AS_NUMBER
            )
            self.text = bool(as_number or len(known) < len(values) / 2)
        if not self.text:
            return values
        cells = column.dropna().astype("str").str.strip()
        if pd.api.types.is_float_dtype(column):
            cells = column.dropna().map("{:.0f}".format)
        times = self._clock(cells.to_list(), first)
        values = np.full(len(column), np.nan)
        values[column.notna().to_numpy()] = times
        return values

    def _clock(self, cells: list[str], first: bool) -> np.ndarray:
        if first and cells:
            self._form = max(_FORMS, key=lambda form: sum(map(bool, map(form.match, cells[:50]))))
        found = [self._form.match(cell) for cell in cells]
        parts = [
            match.group("h", "m", "s", "f", "mark", "date", "rest") if match else None
            for match in found
        ]
        if first:
            known = [each for each in parts if each]
            if known and not any(each[0] for each in known):
                self.period = 3600.0
            elif known and not any(re.search(r"\d", each[5]) for each in known):
                self.period = 86400.0
            # Milliseconds that are not filled up with zeros, as after 14:23:11: in C#.
            lengths = {len(each[3]) for each in known if each[3]}
            if len(lengths) > 1 and max(lengths) == 3:
                backward = []
                for self._whole_milliseconds in (True, False):
                    seconds = np.array([self._seconds(each) for each in known])
                    backward.append(int((np.diff(seconds) < 0).sum()))
                self._whole_milliseconds = backward[0] < backward[1]
        return np.array([np.nan if each is None else self._seconds(each) for each in parts], float)

    def _seconds(self, parts: tuple[str | None, ...]) -> float:
        hours, minutes, seconds, fraction, mark, date, rest = (each or "" for each in parts)
        hour = int(hours or 0)
        zone = 0.0
        if rest:
            half = rest[:4].replace(".", "").upper()
            if half.startswith(("AM", "PM")):
                hour = hour % 12 + (12 if half[0] == "P" else 0)
            if offset := _ZONE.search(rest.upper()):
                zone = float(offset[1] + "1") * (int(offset[2]) * 3600 + int(offset[3]) * 60)
        since = hour * 3600.0 + int(minutes) * 60 + int(seconds) - zone
        if fraction:
            thousandths = self._whole_milliseconds or (mark == ":" and len(fraction) <= 3)
            since += int(fraction) / (1000 if thousandths else 10 ** len(fraction))
        if not self.period:
            year = re.search(r"\b\d{4}\b", rest) if rest else None
            since += self._days(f"{date} {year[0]}" if year else date) * 86400
        return since


class Days:
    """Numbers of dates' days, shared by all times of a recording."""

    def __init__(self) -> None:
        self._numbers: dict[str, float] = {}

    def __call__(self, text: str) -> float:
        """The number of a date's day; where day and month are open, the one nearest to the last."""
        if text not in self._numbers:
            newest = next(reversed(self._numbers), None)
            steps = [] if newest is None else _days_between(newest, text)
            # A month in a language that is not known here: each date is the day after the last.
            step = 0.0 if newest is None else min(steps, key=abs, default=1.0)
            self._numbers[text] = step + (0.0 if newest is None else self._numbers[newest])
        return self._numbers[text]


def _days_between(first: str, second: str) -> list[float]:
    found = []
    for day_first in (False, True):
        with suppress(ValueError, OverflowError):
            days = [
                # dateutil takes the year's place for granted where the day comes first.
                date_parser.parse(each, dayfirst=day_first and not re.match(r"\d{4}", each))
                for each in (first.strip(" T_,"), second.strip(" T_,"))
            ]
            found.append(float(days[1].toordinal() - days[0].toordinal()))
    return found


@dataclass(frozen=True)
class Judgement:
    """What the first times of a sensor say about its clock.

    Attributes:
        unit: A key of `SECONDS`.
        spacing: Seconds between samples, on average; 0 for a single one.
        clumped: Whether several samples share a time, or nearly, and the next comes much later.
    """

    unit: str
    spacing: float
    clumped: bool


def judge(times: np.ndarray, values: np.ndarray, unit: str) -> Judgement:
    """What times say about their clock.

    Args:
        times: (samples,) as they are written, or in s.
        values: (samples, 3), what was measured then.
        unit: A key of `SECONDS`, or empty if it is not stated.

    Raises:
        HarError: They say nothing about when a sample was taken.
    """
    if len(times) < 2:
        return Judgement(unit or "s", 0.0, False)
    steps = np.diff(times)
    changes = np.flatnonzero(steps) + 1
    if not len(changes):
        raise HarError(
            f"all rows have the same time, {times[0]:.6g}, as where a spreadsheet has rounded it; "
            "export it again, or say --rate HZ"
        )
    if (steps < 0).sum() > len(steps) / 2:
        raise HarError("its times run backwards: sort its rows by time")
    sizes = np.abs(steps)
    each = float(np.median(sizes))
    if each > 0 and (sizes < each / 4).mean() < 0.2:
        known = unit or _unit(times, each)
        if each * SECONDS[known] >= 1 / FASTEST:
            return Judgement(known, each * SECONDS[known], False)
    # Many share a time, or nearly: what matters is how many come in longer stretches.
    span = min(max(len(times) // 4, 1), 200)
    each = float(np.median(np.abs(times[span:] - times[:-span]))) / span
    if not each or len(changes) < len(times) / 8:
        if len(changes) < 2:
            raise HarError("too few rows have a time of their own; say --rate HZ if you know it")
        first, last = changes[0], changes[-1]
        each = abs(float(times[last] - times[first])) / (last - first)
    unit = unit or _unit(times, each)
    small = sizes < each / 4
    same = (values[1:][small] == values[:-1][small]).all(axis=1)
    # Rows that repeat a sample, time and all, are no samples.
    repeated = len(same) > 0 and same.mean() > 0.9
    return Judgement(unit, each * SECONDS[unit], not repeated)


def _unit(times: np.ndarray, each: float) -> str:
    """The unit that times since 1970 have, or else the time between them says."""
    for unit, scale in SECONDS.items():
        if 1e9 < times[0] * scale < 2.5e9 and each * scale < 0.5:
            return unit
    for unit, scale in SECONDS.items():
        if each * scale < 0.5:
            if each * scale < 1 / FASTEST:
                raise HarError(
                    f"its times go up by {each:g} a row, which is no phone's time in s, ms, us or "
                    "ns; say --rate HZ if you know how many samples a second there are"
                )
            return unit
    raise HarError(f"its times go up by {each:g} a row: too slow for a phone, in any unit")


class Clock:
    """One sensor's times in s, made to go forward, as rows come.

    Several samples of one time, as of a clock of whole seconds or of a phone that stamps them in
    bursts, are spread evenly until the next time. Times of day go on past midnight. What comes
    after a jump back goes on `PAUSE` later; a few rows whose times are out of place are left out.

    Args:
        judgement: About its first times.
        origin: The time that becomes zero, as it is written.
        period: As for `Stamps`.

    Attributes:
        counts: Rows that were left out or moved, by what is to be said of them.
    """

    def __init__(self, judgement: Judgement, origin: float, period: float) -> None:
        self._scale, self._spacing = SECONDS[judgement.unit], judgement.spacing
        self._clumped, self._origin, self._period = judgement.clumped, origin, period
        self._last: float | None = None  # as the clock showed it
        self._shift = 0.0
        self._newest = -np.inf
        self._late = 0  # rows in turn that came too late
        self._held: Rows | None = None
        self._begun = False
        self.counts: Counter[str] = Counter()

    def forward(self, rows: Rows, last: bool = False) -> Rows:
        """The rows that are complete with these; of a clumped clock the last burst waits."""
        rows = replace(rows, times=(rows.times - self._origin) * self._scale)
        if len(rows.times):
            rows = self._in_order(self._continuous(rows))
        return self._spread(rows, last) if self._clumped else rows

    def _continuous(self, rows: Rows) -> Rows:
        """Past midnight, and without a single time far off, between two that belong together."""
        times = rows.times
        first = times[0] if self._last is None else self._last
        if self._period:
            before = np.concatenate([[0.0 if self._last is None else first], times[:-1]])
            times = times - self._period * np.cumsum(np.round((times - before) / self._period))
            first = times[0] if self._last is None else first
        steps = np.diff(times, prepend=first)
        off = np.zeros(len(times), bool)
        off[:-1] = (np.abs(steps[:-1]) > 10) & (np.abs(steps[:-1] + steps[1:]) < 10)
        if off.any() and (count := int(off.sum())):
            self.counts["rows left out: {} whose time is far from that of their neighbours"] += (
                count
            )
        self._last = float(times[~off][-1]) if not off.all() else first
        return replace(rows, times=times)[~off]

    def _in_order(self, rows: Rows) -> Rows:
        """Without rows that come too late; where all that follow do, the clock has jumped back."""
        times = rows.times + self._shift
        numbers = np.arange(len(times))
        while True:
            top = np.maximum.accumulate(np.concatenate([[self._newest], times]))[:-1]
            late = times < top if self._clumped else times <= top
            run = numbers - np.maximum.accumulate(np.where(late, -1 - self._late, numbers))
            jumps = np.flatnonzero((run >= JUMP) & (times < top - GAP))
            if not len(jumps):
                break
            at = jumps[0]
            step = float(top[at] - times[at]) + PAUSE
            times[at:] += step
            self._shift += step
            self.counts["jumps back of the clock: {}; what follows goes on a second later"] += 1
        if late.any():
            self.counts["rows left out: {} that are not later than the row before"] += int(
                late.sum()
            )
        if len(times):
            self._late = int(run[-1])
            self._newest = max(self._newest, float(times.max()))
        return replace(rows, times=times)[~late]

    def _spread(self, rows: Rows, last: bool) -> Rows:
        rows = rows if self._held is None else Rows.together([self._held, rows])
        times, spacing = rows.times, self._spacing
        if not len(times):
            return rows
        starts = np.flatnonzero(np.diff(times, prepend=-np.inf) > spacing / 2)
        if not last:
            self._held = rows[starts[-1] :]
            rows, starts, ends = rows[: starts[-1]], starts[:-1], starts[1:]
        else:
            self._held, ends = None, np.append(starts[1:], len(times))
        if not len(starts):
            return rows
        sizes = ends - starts
        begin = times[starts]
        following = np.append(times[ends[:-1]], times[ends[-1]] if not last else np.nan)
        usual = sizes * spacing
        span = following - begin
        if last:
            span[-1] = usual[-1]
        pause = span > 2 * usual  # less than half of the samples that fit: not spread over it
        if not self._begun:  # the first samples of a recording that began within a second
            begin[0] = begin[0] + (span[0] - usual[0] if usual[0] < span[0] < 2 else 0.0)
            span[0] = usual[0] if pause[0] or usual[0] < span[0] else span[0]
            pause[0], self._begun = False, True
        step = np.where(pause, usual, span) / sizes
        within = np.arange(len(rows.times)) - np.repeat(starts, sizes)
        return replace(rows, times=np.repeat(begin, sizes) + within * np.repeat(step, sizes))
