"""Sensors with times of their own, brought to the times of the fastest one."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from har.data.phone_files.clocks import Rows
from har.errors import HarError
from har.signals.resampling import GAP


class Joiner:
    """Joins sensors' rows as they come.

    Every other sensor is interpolated on straight lines at the times of the leading one. There is
    no sample where one of them did not measure, be it before it began or for longer than `GAP`.

    Args:
        sensors: The leading one first.
        labelled: The sensor whose labels are taken.
        patience: Seconds that rows wait for those of another sensor; inf waits as long as it takes.

    Attributes:
        alone: Rows of the leading sensor that were left out, as another did not measure then.
    """

    def __init__(self, sensors: Sequence[str], labelled: str, patience: float = np.inf) -> None:
        self._sensors, self._labelled, self._patience = sensors, labelled, patience
        nothing = Rows(np.zeros(0), np.zeros((0, 3)), np.zeros(0, int))
        self._waiting = dict.fromkeys(sensors, nothing)
        self._spans: dict[str, tuple[float, float]] = {}
        self._made = 0
        self.alone = 0

    def newest(self, sensor: str) -> float:
        """Time of a sensor's last row so far."""
        return self._spans[sensor][1] if sensor in self._spans else -np.inf

    def join(
        self, new: Mapping[str, Rows], ended: Collection[str] = ()
    ) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
        """Take rows.

        Args:
            new: Some sensors' next rows.
            ended: Sensors of which no more will come.

        Returns:
            What became known: times (samples,) in s, values (samples, 3) of each sensor, and labels
            (samples,).
        """
        for sensor, rows in new.items():
            if len(rows.times):
                self._waiting[sensor] = Rows.together([self._waiting[sensor], rows])
                first = self._spans.get(sensor, rows.times)[0]
                self._spans[sensor] = (float(first), float(rows.times[-1]))
        lead, *others = self._sensors
        known_until = min(
            (self.newest(each) for each in self._sensors if each not in ended), default=np.inf
        )
        known_until = max(known_until, max(map(self.newest, self._sensors)) - self._patience)
        waiting = self._waiting[lead]
        count = int(np.searchsorted(waiting.times, known_until, side="right"))
        ready, self._waiting[lead] = waiting[:count], waiting[count:]
        measured = np.ones(count, bool)
        values, labels = {lead: ready.values}, ready.activity
        for sensor in others:
            other = self._waiting[sensor]
            after = np.searchsorted(other.times, ready.times)
            measured &= _measured(other.times, ready.times, after)
            if count and len(other.times):
                values[sensor] = np.column_stack(
                    [np.interp(ready.times, other.times, each) for each in other.values.T]
                )
                if sensor == self._labelled:
                    labels = other.activity[after.clip(0, len(other.times) - 1)]
            else:
                values[sensor] = np.zeros((count, 3))
            # One row stays, to draw the line from.
            passed = np.searchsorted(other.times, known_until, side="right")
            self._waiting[sensor] = other[max(int(passed) - 1, 0) :]
        self.alone += int(np.count_nonzero(~measured))
        self._made += int(np.count_nonzero(measured))
        return (
            ready.times[measured],
            {sensor: each[measured] for sensor, each in values.items()},
            labels[measured],
        )

    def check(self) -> None:
        """Raise HarError if nothing could be joined."""
        if self._made:
            return
        spans = [
            f"{each} ({self._spans[each][0]:.1f} to {self._spans[each][1]:.1f} s)"
            for each in self._sensors
            if each in self._spans
        ]
        raise HarError(f"{' and '.join(spans)} were never measured at the same time")


def _measured(times: np.ndarray, at: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Whether a sensor with these times measured at others: bool (at,)."""
    if not len(times):
        return np.zeros(len(at), bool)
    upper, lower = times[after.clip(0, len(times) - 1)], times[(after - 1).clip(0)]
    inside: np.ndarray = (at >= lower) & (at <= upper)
    inside &= (upper - lower <= GAP) | (at == upper) | (at == lower)
    return inside
