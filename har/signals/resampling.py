"""Samples that come when they come, brought to an even rate."""

import numpy as np

from har.signals.recordings import SAMPLING_RATE

SAME_TIME = 1e-6
"""Times closer than this, in seconds, are one: clocks count in floats."""

GAP = 0.25
"""Seconds; over a longer gap of a sensor nothing is interpolated, so that it stays a gap."""


class Resampler:
    """From samples at uneven times to samples at an even rate, in blocks of any length.

    Between samples the signal is taken as a straight line. Where they come more often than the
    rate asks for, its mean over a short while around each new sample is taken, so that movement too
    quick for the rate does not turn up as slow movement: over 1/rate less the time between samples,
    which is nothing for samples that come at the rate itself. These are left as they are.

    Args:
        columns: Signals side by side.
        rate: Samples a second to make, from the time of the first sample on.
    """

    def __init__(self, columns: int, rate: float = SAMPLING_RATE) -> None:
        self._interval = 1 / rate
        self._times = np.zeros(0)
        self._samples = np.zeros((0, columns))
        self._made = 0
        self.start = 0.0

    def resample(self, times: np.ndarray, samples: np.ndarray) -> np.ndarray:
        """The samples that became known with this block.

        Args:
            times: (samples,) in s, each later than the one before, also across blocks.
            samples: (samples, columns).

        Returns:
            (made, columns); the sample number n since the first lies at `start` + n / rate.
        """
        if len(times) == 0:
            return self._samples[:0]
        if self._made == 0 and len(self._times) == 0:
            self.start = float(times[0])
        times = np.concatenate([self._times, times])
        samples = np.concatenate([self._samples, samples])

        last = int((times[-1] - self.start + SAME_TIME) / self._interval)
        grid = self.start + np.arange(self._made, last + 1) * self._interval
        after = np.searchsorted(times, grid - SAME_TIME)
        before = np.maximum(after - 1, 0)
        apart = times[after] - times[before]
        half = np.where(after > 0, np.maximum(self._interval - apart, 0), 0) / 2
        half[half < SAME_TIME] = 0
        known = grid + half <= times[-1] + np.where(half > 0, 0, SAME_TIME)
        count = len(grid) if known.all() else int(known.argmin())
        grid, half = grid[:count], half[:count]

        made = _on_line(times, samples, grid)
        if (wide := half > 0).any():
            area = np.zeros_like(samples)
            steps = np.diff(times)[:, None]
            area[1:] = np.cumsum(steps * (samples[1:] + samples[:-1]) / 2, axis=0)
            upper = _area(times, samples, area, grid[wide] + half[wide])
            lower = _area(times, samples, area, grid[wide] - half[wide])
            made[wide] = (upper - lower) / (2 * half[wide, None])

        self._made += count
        # What the next one may reach back to, and the sample before that.
        oldest = self.start + (self._made - 0.5) * self._interval
        keep = max(int(np.searchsorted(times, oldest)) - 1, 0)
        self._times, self._samples = times[keep:].copy(), samples[keep:].copy()
        return made


def _on_line(times: np.ndarray, samples: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The broken line through the samples, at some times: (at, columns)."""
    after = np.clip(np.searchsorted(times, at), 1, max(len(times) - 1, 1))
    if len(times) == 1:
        return np.repeat(samples, len(at), axis=0)
    before = after - 1
    share = (at - times[before]) / (times[after] - times[before])
    share = np.clip(share, 0, 1)[:, None]
    made: np.ndarray = samples[before] * (1 - share) + samples[after] * share
    return made


def _area(times: np.ndarray, samples: np.ndarray, area: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The area under that line from its first sample to some times: (at, columns)."""
    before = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 1)
    since = np.clip(at, times[0], times[-1]) - times[before]
    areas: np.ndarray = (
        area[before] + since[:, None] * (samples[before] + _on_line(times, samples, at)) / 2
    )
    return areas
