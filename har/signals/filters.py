"""The filters that raw readings go through.

They are those of the UCI HAR archive, recovered from the raw recordings of the same sessions
(HAPT). They run forward in time only and carry their state, so a live stream gets the very signals
that a network was trained on.
"""

from functools import cache

import numpy as np
from scipy.signal import butter, sosfilt, sosfilt_zi

from har.signals.recordings import SAMPLING_RATE


@cache
def _low_pass(order: int, cutoff: float, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """A Butterworth low-pass in second-order sections, and their state after ones without end."""
    sections = butter(order, cutoff, fs=rate, output="sos")
    return sections, sosfilt_zi(sections)


class CausalFilter:
    """A Butterworth low-pass over samples that arrive in blocks of any length.

    Args:
        order: Order of the filter.
        cutoff: Cut-off frequency in Hz.
        channels: Number of signals filtered side by side.
        rate: Samples a second.

    Attributes:
        sections: The filter as second-order sections (sections, 6), as SciPy has them.

    The state starts at zero, as it did when the archive was made.
    """

    def __init__(
        self, order: int, cutoff: float, channels: int, rate: float = SAMPLING_RATE
    ) -> None:
        self.sections, self._settled = _low_pass(order, cutoff, rate)
        self._state = np.zeros((len(self.sections), 2, channels))

    def settle(self, level: np.ndarray) -> None:
        """Be as if the signals had long been at these levels (channels,)."""
        self._state = self._settled[..., None] * level

    def filter(self, samples: np.ndarray) -> np.ndarray:
        """Filter (samples, channels), going on from where the last block ended."""
        if len(samples) == 0:
            return np.zeros_like(samples, dtype=float)
        filtered: np.ndarray
        filtered, self._state = sosfilt(self.sections, samples, axis=0, zi=self._state)
        return filtered


class MedianOfThree:
    """Each sample replaced by the median of itself and its two neighbours: one sample of delay.

    Outside the recording the signal counts as zero, as in `scipy.signal.medfilt`.
    """

    def __init__(self, channels: int) -> None:
        self._last_two = np.zeros((2, channels))
        self._waiting = False

    def filter(self, samples: np.ndarray) -> np.ndarray:
        """Medians that became known with this block: one fewer than samples in the first block."""
        if len(samples) == 0:
            return np.zeros_like(samples, dtype=float)
        joined = np.concatenate([self._last_two, samples])
        medians: np.ndarray = np.median(np.stack([joined[:-2], joined[1:-1], joined[2:]]), axis=0)
        self._last_two = joined[-2:]
        if not self._waiting:
            self._waiting = True
            return medians[1:]
        return medians

    def finish(self) -> np.ndarray:
        """The median of the last sample, when no more will come."""
        if not self._waiting:
            return np.zeros((0, self._last_two.shape[1]))
        return self.filter(np.zeros((1, self._last_two.shape[1])))


class ArchiveFilter:
    """Raw accelerometer and gyroscope to the nine signals of UCI HAR, sample by sample or at once.

    Over the whole of a HAPT recording this gives UCI HAR's published windows to within 1e-6. The
    archive's README (Anguita et al. 2013) names the steps; orders and cut-offs here are the ones
    that reproduce its numbers:

    - both sensors: median of 3, then Butterworth of order 10 at 20 Hz (this is `total_acc`);
    - gravity: `total_acc` below 0.3 Hz (order 3); `body_acc` is `total_acc` less gravity;
    - `body_gyro`: the filtered rate less its own part below 0.1 Hz (order 2), so that slow turning,
      as on stairs, is taken out.

    Args:
        settled: Begin as if the phone had long been held as the first sample finds it. The archive
            began at zero, so that its first seconds are those of a phone falling upward.

    Attributes:
        noise: The second step of both sensors.
        gravity: What is taken from `total_acc`.
        drift: What is taken from the angular rate.
    """

    def __init__(self, settled: bool = False) -> None:
        self._unsettled = settled
        self._median = MedianOfThree(channels=6)
        self.noise = CausalFilter(order=10, cutoff=20.0, channels=6)
        self.gravity = CausalFilter(order=3, cutoff=0.3, channels=3)
        self.drift = CausalFilter(order=2, cutoff=0.1, channels=3)

    def filter(self, acceleration: np.ndarray, angular_rate: np.ndarray) -> np.ndarray:
        """Filter a block that follows on from the last.

        Args:
            acceleration: (samples, 3) in g, gravity included.
            angular_rate: (samples, 3) in rad/s.

        Returns:
            float64 (samples, 9), the `BASE_CHANNELS`; one row fewer in the first block, since the
            median waits for the sample after.
        """
        samples = np.hstack([acceleration, angular_rate])
        if self._unsettled and len(samples):
            self._unsettled = False
            level = np.concatenate([samples[0, :3], np.zeros(3)])
            self.noise.settle(level)
            self.gravity.settle(level[:3])
        return self._after_median(self._median.filter(samples))

    def finish(self) -> np.ndarray:
        """The row of the last sample, when no more will come."""
        return self._after_median(self._median.finish())

    def _after_median(self, medians: np.ndarray) -> np.ndarray:
        filtered = self.noise.filter(medians)
        total_acc, rate = filtered[:, :3], filtered[:, 3:]
        body_acc = total_acc - self.gravity.filter(total_acc)
        body_gyro = rate - self.drift.filter(rate)
        return np.hstack([body_acc, body_gyro, total_acc])


def filter_recording(acceleration: np.ndarray, angular_rate: np.ndarray) -> np.ndarray:
    """A whole recording through `ArchiveFilter`: (samples, 3) in g and in rad/s to (samples, 9)."""
    archive_filter = ArchiveFilter()
    first = archive_filter.filter(acceleration, angular_rate)
    return np.concatenate([first, archive_filter.finish()])
