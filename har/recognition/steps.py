"""Steps, counted from the rhythm of the acceleration in windows of walking and running.

Each step, left or right, lifts the body and sets it down: the length of the acceleration repeats
from step to step, and more exactly from stride to stride, which is two. The cadence of a window is
where its autocorrelation peaks within the activity's range, at a step and at a stride together; so
it needs to know no axis, and neither where nor how the phone is worn.
"""

import numpy as np

from har.signals.recordings import SAMPLING_RATE

CADENCES = {
    "WALKING": (1.25, 2.5),
    "RUNNING": (2.0, 3.6),
}
"""Steps a second that people take, slowest and fastest, by activity: an octave at most, so that a
stride is not taken for a step. Steps on stairs are not counted: three ways to count them in real
recordings differ by a tenth, where on the level they agree within one in a hundred."""

WEAKEST = 0.2
"""Autocorrelation at a step or a stride below which there is no rhythm."""


def cadence(acceleration: np.ndarray, activity: str) -> np.ndarray:
    """Steps a second in windows.

    Args:
        acceleration: (windows, size, 3) at 50 Hz, gravity included, in any unit, along any axes.
        activity: A key of `CADENCES`.

    Returns:
        (windows,); NaN where there is no rhythm.
    """
    slowest, fastest = CADENCES[activity]
    length = np.linalg.norm(acceleration, axis=2)
    size = length.shape[1]
    likeness = _autocorrelation(length - length.mean(axis=1, keepdims=True))
    lags = np.arange(int(SAMPLING_RATE / fastest), int(np.ceil(SAMPLING_RATE / slowest)) + 1)
    lags = lags[(lags > 1) & (lags < size - 2)]
    if not len(lags):
        return np.full(len(length), np.nan)
    at_step = likeness[:, lags]
    # The shoulder of a peak outside the range is none.
    summit = (at_step >= likeness[:, lags - 1]) & (at_step >= likeness[:, lags + 1])
    strides = np.minimum(2 * lags, likeness.shape[1] - 1)
    # The stride's peak may lie a sample beside twice the step's.
    at_stride = np.max([likeness[:, (strides + by).clip(0, size - 1)] for by in (-1, 0, 1)], axis=0)
    together = np.where(summit, at_step + at_stride, -np.inf)
    best = lags[together.argmax(axis=1)]
    rows = np.arange(len(length))
    before, peak, after = (likeness[rows, best + by] for by in (-1, 0, 1))
    curve = before - 2 * peak + after
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(curve < 0, (before - after) / 2 / curve, 0.0).clip(-0.5, 0.5)
    found: np.ndarray = SAMPLING_RATE / (best + shift)
    strongest = np.maximum(peak, at_stride.max(axis=1))
    found[~(summit.any(axis=1) & (strongest > WEAKEST))] = np.nan
    return found


def _autocorrelation(signals: np.ndarray) -> np.ndarray:
    """(windows, size) by lag, each at most 1, without a bias to short lags."""
    size = signals.shape[1]
    spectrum = np.fft.rfft(signals, 2 * size, axis=1)
    sums = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :size]
    squares = np.cumsum(np.pad(signals**2, ((0, 0), (1, 0))), axis=1)
    lags = np.arange(size)
    first = squares[:, size - lags]  # of all but the last ones
    last = squares[:, -1:] - squares[:, lags]  # of all but the first ones
    likeness: np.ndarray = sums / np.maximum(np.sqrt(first * last), 1e-12)
    return likeness
