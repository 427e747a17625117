"""Steps of real walks and runs, counted in three ways; no recording here has counted ones.

`python -m benchmarks.steps [DATASETS]` compares `har.recognition.steps`, which looks at windows,
with two ways that look at a whole bout: peaks of the band-passed acceleration, and its spectrum.
"""

import sys

import numpy as np
from scipy.signal import butter, find_peaks, sosfiltfilt

from har.data.loading import load_recordings
from har.recognition.steps import CADENCES, cadence
from har.signals.channels import TOTAL_ACC
from har.signals.recordings import ACTIVITIES, SAMPLING_RATE

SHORTEST = 20.0
"""Seconds of a bout that is looked at."""


def by_windows(acceleration: np.ndarray, activity: str) -> float:
    """Steps as `har predict` counts them."""
    starts = range(0, len(acceleration) - 127, 64)
    windows = np.stack([acceleration[start : start + 128] for start in starts])
    found = cadence(windows, activity)
    return float(np.nansum(found) / len(found) * len(acceleration) / SAMPLING_RATE)


def by_peaks(acceleration: np.ndarray, activity: str) -> float:
    """Peaks of the acceleration's length, in the band of steps."""
    slowest, fastest = CADENCES[activity]
    band = butter(4, [0.8 * slowest, 1.2 * fastest], "band", fs=SAMPLING_RATE, output="sos")
    length = sosfiltfilt(band, np.linalg.norm(acceleration, axis=1))
    apart = int(0.75 * SAMPLING_RATE / fastest)
    return float(len(find_peaks(length, distance=apart, prominence=0.35 * length.std())[0]))


def by_spectrum(acceleration: np.ndarray, activity: str) -> float:
    """The strongest frequency with its harmonic, over the whole bout."""
    slowest, fastest = CADENCES[activity]
    length = np.linalg.norm(acceleration, axis=1)
    tapered = (length - length.mean()) * np.hanning(len(length))
    size = 8 * len(length)
    power = np.abs(np.fft.rfft(tapered, size)) ** 2
    frequency = np.fft.rfftfreq(size, 1 / SAMPLING_RATE)
    steps = frequency[(frequency >= slowest) & (frequency <= fastest)]
    both = np.interp(steps, frequency, power) + np.interp(2 * steps, frequency, power)
    return float(steps[both.argmax()] * len(acceleration) / SAMPLING_RATE)


def main() -> None:
    """Print a line for each data set and activity."""
    for name in sys.argv[1:] or ["hapt", "motion_sense", "usc_had"]:
        recordings = load_recordings(name)
        for activity in CADENCES:
            counts = []
            for each in recordings:
                acceleration = each.signals[50:, TOTAL_ACC].astype(float)
                long = len(acceleration) >= SHORTEST * SAMPLING_RATE
                if ACTIVITIES[each.activity] == activity and long:
                    ways = (by_windows, by_peaks, by_spectrum)
                    counts.append([way(acceleration, activity) for way in ways])
            if counts:
                windows, peaks, spectrum = np.array(counts).T
                print(
                    f"{name} {activity}: {len(counts)} bouts, {windows.sum():,.0f} steps;",
                    f"{windows.sum() / peaks.sum() - 1:+.1%} against peaks,",
                    f"{windows.sum() / spectrum.sum() - 1:+.1%} against the spectrum;",
                    f"within 3 %: {np.mean(np.abs(windows / peaks - 1) < 0.03):.0%} and",
                    f"{np.mean(np.abs(windows / spectrum - 1) < 0.03):.0%} of bouts",
                    flush=True,
                )


if __name__ == "__main__":
    main()
