"""From raw recordings to bouts at 50 Hz, by the code that live recognition uses."""

import hashlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from har.errors import HarError
from har.signals.filters import ArchiveFilter
from har.signals.recordings import NO_ACTIVITY, SAMPLING_RATE, RawRecording, Recording
from har.signals.resampling import GAP, Resampler

if TYPE_CHECKING:
    from hashlib import _Hash


def bouts_of(raw: RawRecording) -> list[Recording]:
    """Bring a raw recording to 50 Hz, filter it, and divide it by activity.

    As in live recognition, everything begins anew after a gap of more than `GAP` seconds, and the
    filters begin as if the phone had long been held as it is found.

    Args:
        raw: At any rate.

    Returns:
        The bouts, in order of time. What has no activity is left out.
    """
    gaps = np.flatnonzero(np.diff(raw.times) > GAP) + 1
    return [
        bout
        for first, last in pairwise([0, *gaps.tolist(), len(raw.times)])
        for bout in _bouts_without_gap(raw, slice(first, last))
    ]


def _bouts_without_gap(raw: RawRecording, part: slice) -> Iterator[Recording]:
    times, activity = raw.times[part], raw.activity[part]
    even = Resampler(columns=6).resample(
        times, np.hstack([raw.acceleration[part], raw.angular_rate[part]])
    )
    # The last sample has no median of three, for which live recognition waits.
    signals = ArchiveFilter(settled=True).filter(even[:, :3], even[:, 3:]).astype(np.float32)
    middle = (times[:-1] + times[1:]) / 2
    nearest = np.searchsorted(middle, times[:1] + np.arange(len(signals)) / SAMPLING_RATE)
    labels = activity[nearest]
    edges = np.flatnonzero(np.diff(labels)) + 1
    for first, last in pairwise([0, *edges.tolist(), len(labels)]):
        if last > first and labels[first] != NO_ACTIVITY:
            yield Recording(
                subject=raw.subject,
                activity=int(labels[first]),
                split=raw.split,
                signals=signals[first:last],
                dataset=raw.dataset,
                placement=raw.placement,
                device=raw.device,
            )


def read_published(
    folder: Path, read_raw: Callable[[Path, "_Hash"], Iterator[RawRecording]], sha256: str
) -> tuple[list[Recording], str]:
    """The bouts of a data set that must be the one that was published.

    Args:
        folder: Where its files are.
        read_raw: Reads them in a fixed order, and feeds the published values as float32,
            little-endian, to the digest that it is given.
        sha256: What that digest must be.

    Returns:
        The bouts, and the digest.

    Raises:
        HarError: A file is missing or damaged, or the values are others.
    """
    digest = hashlib.sha256()
    recordings = [bout for raw in read_raw(folder, digest) for bout in bouts_of(raw)]
    if digest.hexdigest() != sha256:
        raise HarError(f"{folder}: the values are not those that were published")
    return recordings, sha256


def even_times(samples: int, rate: float) -> np.ndarray:
    """Times in s of samples at an even rate, float64 (samples,)."""
    return np.arange(samples) / rate
