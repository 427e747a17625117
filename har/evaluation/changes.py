"""Windows as they would be, measured otherwise: turned, noisy, at other times."""

from collections.abc import Callable

import numpy as np

from har.signals.blocks import by_block
from har.signals.channels import TOTAL_ACC
from har.signals.recordings import SAMPLING_RATE
from har.signals.resampling import Resampler

TOGETHER = 1000
"""Windows that are resampled at once."""

Change = Callable[[np.ndarray], np.ndarray]
"""From windows (windows, size, 9) of the `BASE_CHANNELS` to others."""


def turned(rotations: np.ndarray) -> Change:
    """Each window under a rotation: (windows, 3, 3)."""

    def change(signals: np.ndarray) -> np.ndarray:
        vectors = signals.reshape(len(signals), -1, 3)
        rotated: np.ndarray = vectors @ rotations.transpose(0, 2, 1)
        return rotated.reshape(signals.shape).astype(np.float32)

    return change


def facing(degrees: float) -> Change:
    """Each window with the phone turned about the vertical."""

    def change(signals: np.ndarray) -> np.ndarray:
        up = signals[..., TOTAL_ACC].mean(axis=1)
        up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-9)
        x, y, z = up.T
        zero = np.zeros_like(x)
        cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
        angle = np.radians(degrees)
        rotations = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
        return turned(rotations)(signals)

    return change


def noisy(seed: int, acceleration: float = 0.02, angular_rate: float = 0.05) -> Change:
    """White noise on every sample, of these standard deviations in g and rad/s."""

    def change(signals: np.ndarray) -> np.ndarray:
        size = np.repeat([acceleration, angular_rate, acceleration], 3)
        drawn = np.random.default_rng(seed).normal(size=(*signals.shape[:2], 6))
        return (signals + size * drawn[..., [0, 1, 2, 3, 4, 5, 0, 1, 2]]).astype(np.float32)

    return change


def stamped(times: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]) -> Change:
    """Measured at other times, and brought back to 50 Hz as live recognition does.

    Args:
        times: From the 50 Hz times of a window, in s, to when it is measured, and which times the
            samples are said to have.
    """

    def change(signals: np.ndarray) -> np.ndarray:
        return by_block(signals, again, TOGETHER)

    def again(signals: np.ndarray) -> np.ndarray:
        count, size, channels = signals.shape
        even = np.arange(size) / SAMPLING_RATE
        measured, said = times(even)
        columns = signals.transpose(1, 0, 2).reshape(size, -1)
        before = np.clip(np.searchsorted(even, measured, side="right") - 1, 0, size - 2)
        share = ((measured - even[before]) * SAMPLING_RATE)[:, None]
        samples = columns[before] * (1 - share) + columns[before + 1] * share
        made = Resampler(samples.shape[1]).resample(said, samples)
        made = np.concatenate([made, np.repeat(made[-1:], max(size - len(made), 0), axis=0)])
        return made[:size].reshape(size, count, channels).transpose(1, 0, 2).astype(np.float32)

    return change


def at_rate(rate: float) -> Change:
    """Measured at this many samples a second."""

    def times(even: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        measured = np.arange(0, even[-1] + 1e-9, 1 / rate)
        return measured, measured

    return stamped(times)


def with_gap(seconds: float = 0.2) -> Change:
    """Without the samples of some time in the middle."""

    def times(even: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        kept = even[np.abs(even - even.mean()) > seconds / 2]
        return kept, kept

    return stamped(times)


def in_bursts(samples: int = 5) -> Change:
    """Stamped in bursts: samples that come together, a millisecond apart."""

    def times(even: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        index = np.arange(len(even))
        first = index // samples * samples
        return even, even[first] + (index - first) / 1000

    return stamped(times)
