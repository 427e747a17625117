"""Recordings in phone loggers' files: found in files, folders and zips, and read a block at a time.

What the headings leave open, such as a unit, is inferred from the numbers where they are clear, and
noted; otherwise an error asks the user to say it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np

from har.data.phone_files import headings
from har.data.phone_files.clocks import LATE, Clock, Days, Judgement, Rows, judge
from har.data.phone_files.joining import Joiner
from har.data.phone_files.logger import ACCELERATION, ANGULAR_RATE, GRAVITY, LINEAR, Metadata
from har.data.phone_files.table import ENOUGH, Choices, Pass, Table
from har.errors import HarError
from har.signals.sensors import STANDARD_GRAVITY

TOO_SLOW, SLOW = 9, 15
"""Samples a second: below the first, steps cannot be recognised; below the second, less well.

Four training subjects' recordings thinned out gave 98 % of windows right down to 17 samples a
second, 95 to 96 % at 10 and 12, 75 % at 5.
"""

FROM_START = "times count from the first sample"

BLOCK = 3000
"""Samples recognised at once, a minute at 50 Hz, so that memory stays bounded."""

_FOLLOWED = 10.0  # s that a sensor waits for another one on standard input
_MOST_TO_JUDGE = 20_000  # rows, by which a clock has to have gone forward


@dataclass(frozen=True)
class Samples:
    """What a phone measured, in one unit and with one choice of signs.

    Attributes:
        times: float64 (samples,) in s.
        acceleration: (samples, 3) in g, gravity included, with the signs of Android: a phone flat
            on a table shows +1 g on z.
        angular_rate: (samples, 3) in rad/s; None where it was not asked for.
        activity: int (samples,), index into `har.signals.recordings.ACTIVITIES`, or `NO_ACTIVITY`.
    """

    times: np.ndarray
    acceleration: np.ndarray
    angular_rate: np.ndarray | None
    activity: np.ndarray

    @staticmethod
    def together(parts: "Sequence[Samples]") -> "Samples":
        """One after the other."""
        rates = [each.angular_rate for each in parts if each.angular_rate is not None]
        return Samples(
            np.concatenate([each.times for each in parts]),
            np.concatenate([each.acceleration for each in parts]),
            np.concatenate(rates) if rates else None,
            np.concatenate([each.activity for each in parts]),
        )

    def blocks(self, size: int = BLOCK) -> "Iterator[Samples]":
        """The same, no more than `size` samples at a time."""
        for start in range(0, len(self.times), size):
            block = slice(start, start + size)
            yield Samples(
                self.times[block],
                self.acceleration[block],
                None if self.angular_rate is None else self.angular_rate[block],
                self.activity[block],
            )


class Recording:
    """One recording, in one or several tables, that is read a block at a time.

    Args:
        name: For the user.
        tables: Of its sensors.
        choices: What the user says about them.
        gyroscope: Whether angular rate is needed; if not, it is not looked at.
        metadata: What the logger says about the phone.
        again: Whether it can be read more than once, which standard input cannot.
        problem: Why it cannot be read, or empty.

    Attributes:
        name: As given.
        tables: As given.
        size: Bytes that are to be read, 0 if it is not known.
        done: Bytes that have been read.
        problem: As given.
        flipped: Whether the acceleration's signs are inverted; known once it was read.
        decided: What was inferred, in words, as soon as it is.
        notes: What was inferred or left out, in words; complete once all was read.
    """

    def __init__(
        self,
        name: str,
        tables: Mapping[str, Table],
        choices: Choices,
        gyroscope: bool,
        metadata: Metadata | None = None,
        again: bool = True,
        problem: str = "",
    ) -> None:
        self.name, self.tables = name, tables
        self._choices, self._gyroscope, self._again = choices, gyroscope, again
        self._metadata, self.problem = metadata or {}, problem
        self.flipped = False
        self._sensors = _chosen(tables, gyroscope)
        used = {each.name: each.size for each in self._used}
        self.size = sum(used.values()) if all(used.values()) else 0
        self.done = 0
        self._counts: Counter[str] = Counter()
        self._said: list[str] = []

    @property
    def files(self) -> frozenset[str]:
        """Names of the files that are read."""
        return frozenset(each.name for each in self._used)

    @property
    def places(self) -> frozenset[str]:
        """Where these are, whatever the recording was found by."""
        return frozenset(each.place for each in self._used)

    @property
    def _used(self) -> list[Table]:
        return [self.tables[each] for each in self._sensors if each in self.tables]

    @property
    def notes(self) -> tuple[str, ...]:
        """See the class."""
        counted = [
            each.replace("{}", f"{count:,}", 1) for each, count in self._counts.items() if count
        ]
        return (*self.decided, *counted)

    def blocks(self) -> Iterator[Samples]:
        """Its samples.

        Raises:
            HarError: It lacks a sensor, or leaves something necessary open.
        """
        with in_a_line(self.name):
            self._said = []
            if self.problem:
                raise HarError(self.problem)
            flip = self.flipped = self._flip()
            factors = {sensor: self._factor(sensor) for sensor in self._sensors}
            for sensor in self._sensors:
                found = self.tables[sensor].sensors[sensor]
                if found.others:
                    names = ", ".join(found.others)
                    self._said.append(f"{sensor} taken from {found.words}; left out: {names}")
            if None in (both := [factors.get(LINEAR), factors.get(GRAVITY)]) and any(both):
                factors[LINEAR] = factors[GRAVITY] = both[0] or both[1]
            inferred: dict[str, float] = {}
            if self._again and None in factors.values():
                inferred = self._inferred(factors, self._joined())
            first = True
            for times, values, labels in self._joined():
                if not len(times):
                    continue
                acceleration, turning = _summed(values, factors)
                if None in factors.values() and not inferred:
                    inferred = self._inferred(factors, [(times, values, labels)])
                if first:
                    self._check_rate(times)
                    first = False
                sign = -1.0 if flip else 1.0
                yield Samples(
                    times=times,
                    acceleration=acceleration * (sign * inferred.get(ACCELERATION, 1.0)),
                    angular_rate=turning * inferred.get(ANGULAR_RATE, 1.0)
                    if self._gyroscope
                    else None,
                    activity=labels,
                )

    @property
    def decided(self) -> tuple[str, ...]:
        """See the class."""
        return tuple(dict.fromkeys(self._said))

    def read(self) -> Samples:
        """All of its samples; errors as for `blocks`."""
        return Samples.together(list(self.blocks()))

    def _flip(self) -> bool:
        """Whether to invert the acceleration's signs to those of Android."""
        sensor = ACCELERATION if ACCELERATION in self._sensors else LINEAR
        found = self.tables[sensor].sensors[sensor]
        metadata = self.tables[sensor].metadata or self._metadata
        flip = self._choices.flip
        if flip is None:
            apple = found.logger.apple
            flip = apple if isinstance(apple, bool) else apple(metadata, found.words)
            if flip is None:
                raise HarError(
                    f"{found.logger.name}'s Metadata.csv is not beside it, so the signs of the "
                    "acceleration are unknown: say --flip if it was recorded on an iPhone, "
                    "--no-flip if on Android"
                )
            if flip:
                self._said.append(
                    f"from an iPhone, as {found.logger.name} says: the acceleration's signs are "
                    "inverted, from Apple's to Android's (--no-flip leaves them)"
                )
        elif flip:
            self._said.append("the acceleration's signs are inverted, from Apple's to Android's")
        return flip

    def _factor(self, sensor: str) -> float | None:
        """What one of a sensor's unit is in g or rad/s, or None if nothing says it."""
        choices = self._choices
        told = choices.angular_rate_unit if sensor == ANGULAR_RATE else choices.acceleration_unit
        unit = told or self.tables[sensor].sensors[sensor].unit
        return headings.factor(sensor, unit) if unit else None

    def _inferred(
        self,
        factors: dict[str, float | None],
        joined: Iterable[tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]],
    ) -> dict[str, float]:
        """What one is in g and rad/s where no unit is stated, by all that is given."""
        parts = [_summed(values, factors, every=5) for _, values, _ in joined]
        acceleration = np.concatenate([each for each, _ in parts])
        turning = np.concatenate([each for _, each in parts])
        found = {}
        if None in (factors.get(ACCELERATION, 1.0), factors.get(LINEAR, 1.0)):
            unit = self._acceleration_unit(acceleration)
            found[ACCELERATION] = headings.factor(ACCELERATION, unit)
        if factors.get(ANGULAR_RATE, 1.0) is None:
            unit = self._angular_rate_unit(turning)
            found[ANGULAR_RATE] = headings.factor(ANGULAR_RATE, unit)
        return found

    def _acceleration_unit(self, values: np.ndarray) -> str:
        lengths = np.linalg.norm(values, axis=1)
        length = float(np.median(lengths))
        for unit, gravity in (("g", 1.0), ("m/s2", STANDARD_GRAVITY), ("mg", 1000.0)):
            if 0.8 < length / gravity < 1.25:
                self._said.append(
                    f"acceleration taken to be in {unit}: its median length is {length:.2f}"
                )
                return unit
        varied = length < 0.8 and np.quantile(lengths, 0.1) < length / 2
        if varied or np.linalg.norm(np.median(values, axis=0)) < 0.3 * length:
            raise HarError(
                f"gravity is left out of the acceleration: its mean is about zero, its median "
                f"length {length:.2g}; record acceleration with gravity, which tells postures apart"
            )
        raise HarError(
            f"the median length of the acceleration is {length:.3g}, so neither in g (1) nor in "
            "m/s2 (9.8) with gravity; say --acc-unit if it has gravity"
        )

    def _angular_rate_unit(self, values: np.ndarray) -> str:
        fast = float(np.quantile(np.linalg.norm(values, axis=1), 0.9))
        if fast > 10:  # nobody turns like this in rad/s, and who walks does in deg/s
            self._said.append(
                f"angular rate taken to be in deg/s: a tenth of it is above {fast:.0f}"
            )
            return "deg/s"
        self._said.append(
            "angular rate taken to be in rad/s, since nothing says its unit (--gyro-unit)"
        )
        return "rad/s"

    def _check_rate(self, times: np.ndarray) -> None:
        each = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
        if each > 1 / TOO_SLOW:
            raise HarError(
                f"only {1 / each:.2g} samples a second: {SLOW} or more are needed, 50 are best; "
                "say --rate HZ if its times are wrong"
            )
        if each > 1 / SLOW:
            self._said.append(
                f"only {1 / each:.0f} samples a second: expect worse predictions than at 50"
            )

    def _joined(self) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]]:
        """Times in s, the sensors' values as they are written, and labels."""
        self._counts.clear()
        self.done = 0
        days, rate = Days(), self._choices.rate
        of_table: dict[str, list[str]] = {}
        for sensor in self._sensors:
            of_table.setdefault(self.tables[sensor].name, []).append(sensor)
        passes = [
            Pass(self._counted(self.tables[sensors[0]]), sensors, days, rate, self._counts)
            for sensors in of_table.values()
        ]
        sources = [iter(each) for each in passes]
        heads = [_head(each, source) for each, source in zip(passes, sources, strict=True)]
        clocks, spacings = self._clocks(passes, heads)
        main = ACCELERATION if ACCELERATION in self._sensors else LINEAR
        # Where both are as fast, there is a sample where there is an acceleration.
        spacings[main] *= 0.95
        lead = min(self._sensors, key=lambda each: spacings[each] or np.inf)
        order = [lead, *(each for each in self._sensors if each != lead)]
        joiner = Joiner(order, main, np.inf if self._again else _FOLLOWED)
        for one, head in zip(passes, heads, strict=True):
            new = {each: clocks[each].forward(head[each]) for each in one.sensors}
            yield joiner.join(new)
        ended: set[str] = set()
        while len(ended) < len(order):
            at = min(
                (n for n, each in enumerate(passes) if each.sensors[0] not in ended),
                key=lambda n: min(joiner.newest(each) for each in passes[n].sensors),
            )
            rows = next(sources[at], None)
            sensors = passes[at].sensors
            if rows is None:
                ended.update(sensors)
                rows = dict.fromkeys(sensors, _NONE)
            yield joiner.join(
                {each: clocks[each].forward(rows[each], each in ended) for each in sensors}, ended
            )
        joiner.check()
        for clock in clocks.values():
            for said, count in clock.counts.items():
                self._counts[said] = max(self._counts[said], count)
        self._counts["rows left out: {} at which only one of the sensors measured"] = joiner.alone

    def _which(self, table: Table) -> str:
        """Of its tables, in an error; nothing where its own name, which comes first, says it."""
        return "" if self.name.endswith(table.name) or not table.place else f"{table.name} "

    def _counted(self, table: Table) -> Table:
        if not (table.times or self._choices.rate):
            raise HarError(
                f"{self._which(table)}has no column of times: say --rate HZ if you know how many "
                "samples a second it has, or --time HEADING"
            )

        def blocks() -> Iterator[bytes]:
            for block in table.blocks():
                self.done += len(block)
                yield block

        return replace(table, blocks=blocks)

    def _clocks(
        self, passes: Sequence[Pass], heads: Sequence[Mapping[str, Rows]]
    ) -> tuple[dict[str, Clock], dict[str, float]]:
        found: dict[str, tuple[Judgement, float, bool, float]] = {}
        for one, head in zip(passes, heads, strict=True):
            for sensor in one.sensors:
                if not len(head[sensor].times):
                    raise HarError(
                        f"{self._which(self.tables[sensor])}has no samples of {sensor}: no row "
                        "with times and numbers that are not zero"
                    )
                unit, dates, period = one.clock(sensor)
                times = head[sensor].times
                if period:
                    times = times - period * np.cumsum(
                        np.round(np.diff(times, prepend=times[0]) / period)
                    )
                if self._choices.rate:
                    judgement = Judgement("s", 1 / self._choices.rate, False)
                else:
                    judgement = judge(times, head[sensor].values, unit)
                if not unit and judgement.unit != "s":
                    self._said.append(f"times taken to be in {judgement.unit}, as their steps say")
                if judgement.clumped:
                    self._said.append(
                        "several samples have one time, as of a clock that is coarse: spread "
                        f"evenly, {1 / judgement.spacing:.0f} a second"
                    )
                found[sensor] = judgement, float(times[0]), dates, period
        seconds = {
            sensor: first * headings.SECONDS[judgement.unit]
            for sensor, (judgement, first, _, _) in found.items()
        }
        start = min(seconds.values())
        late = abs(start) > LATE or any(dates for _, _, dates, _ in found.values())
        periodic = any(period for _, _, _, period in found.values())
        if late and max(seconds.values()) - start > 1e5 and not periodic:
            raise HarError("accelerometer and gyroscope count their times from different events")
        if late:
            self._said.append(FROM_START)
        clocks = {
            sensor: Clock(
                judgement, start / headings.SECONDS[judgement.unit] if late else 0.0, period
            )
            for sensor, (judgement, _, _, period) in found.items()
        }
        return clocks, {sensor: judgement.spacing for sensor, (judgement, *_) in found.items()}


_NONE = Rows(np.zeros(0), np.zeros((0, 3)), np.zeros(0, int))


def _head(one: Pass, source: Iterator[dict[str, Rows]]) -> dict[str, Rows]:
    """A table's first rows, enough to judge its clock and the sensors' units."""
    parts: dict[str, list[Rows]] = {each: [_NONE] for each in one.sensors}
    for rows in source:
        for sensor, each in rows.items():
            parts[sensor].append(each)
        times = [np.concatenate([each.times for each in part]) for part in parts.values()]
        if all(
            len(each) >= ENOUGH and (len(np.unique(each)) > 2 or len(each) > _MOST_TO_JUDGE)
            for each in times
        ):
            break
    return {sensor: Rows.together(part) for sensor, part in parts.items()}


def _summed(
    values: Mapping[str, np.ndarray], factors: Mapping[str, float | None], every: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Acceleration with gravity, and angular rate; in g and rad/s where the factors are known."""
    scaled = {sensor: each[::every] * (factors[sensor] or 1.0) for sensor, each in values.items()}
    acceleration = sum(each for sensor, each in scaled.items() if sensor != ANGULAR_RATE)
    assert isinstance(acceleration, np.ndarray)
    return acceleration, scaled.get(ANGULAR_RATE, np.zeros_like(acceleration))


def _chosen(tables: Mapping[str, Table], gyroscope: bool) -> list[str]:
    """The sensors to read: acceleration, or its two parts, and angular rate."""
    total = [ACCELERATION]
    if {LINEAR, GRAVITY} <= set(tables) and (
        ACCELERATION not in tables or "uncalibrated" in tables[ACCELERATION].name.lower()
    ):
        total = [LINEAR, GRAVITY]  # the sum of the calibrated ones is better
    return [*total, ANGULAR_RATE] if gyroscope else total


@contextmanager
def in_a_line(name: str) -> Iterator[None]:
    """Name the file in an error, and make one of what is wrong with a zip."""
    try:
        yield
    except HarError as error:
        raise HarError(f"{name}: {error}") from None
    except (BadZipFile, NotImplementedError, EOFError, ZlibError, RuntimeError) as error:
        raise HarError(f"{name}: cannot be unpacked ({' '.join(str(error).split())})") from None
    except OSError as error:  # of gzip, which names no file
        if error.filename is not None or error.errno is not None:
            raise
        raise HarError(f"{name}: cannot be unpacked ({error})") from None
