"""How well the activities shown live fit those that the person did.

Windows have one label each and are scored by `har.evaluation.metrics`. A live recording has none:
at any moment there is what was shown last, and what was being done.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

NOTHING = -1
"""No activity: none shown yet, or none labelled."""


def shown_at(moments: np.ndarray, times: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """What a person sees at some moments: the last prediction made until then.

    Args:
        moments: (moments,) in s.
        times: (predictions,) in s, increasing.
        predicted: int (predictions,), indices of activities.

    Returns:
        int (moments,), `NOTHING` before the first prediction.
    """
    last = np.searchsorted(times, moments, side="right") - 1
    return np.where(last >= 0, np.concatenate([predicted, [NOTHING]])[last], NOTHING)


@dataclass(frozen=True)
class Bout:
    """An activity from beginning to end, in s; the end is where the next sample would be."""

    activity: int
    begin: float
    end: float


def bouts_of(activity: np.ndarray, rate: float) -> list[Bout]:
    """The bouts of a labelled recording.

    Args:
        activity: int (samples,), index of the activity or `NOTHING`.
        rate: Samples a second; the first is at 0 s.
    """
    edges = [0, *(np.flatnonzero(np.diff(activity)) + 1).tolist(), len(activity)]
    return [
        Bout(int(activity[begin]), begin / rate, end / rate)
        for begin, end in pairwise(edges)
        if activity[begin] != NOTHING
    ]


def delay(bout: Bout, times: np.ndarray, predicted: np.ndarray) -> float:
    """Seconds from a bout's beginning until it is first shown; infinite where it never is."""
    within = (times >= bout.begin) & (times < bout.end) & (predicted == bout.activity)
    if shown_at(np.array([bout.begin]), times, predicted)[0] == bout.activity:
        return 0.0
    return float(times[within][0] - bout.begin) if within.any() else float("inf")


def false_changes(bout: Bout, times: np.ndarray, predicted: np.ndarray) -> int:
    """How often a bout, once shown, gives way to another activity that nobody does."""
    right = predicted[(times >= bout.begin) & (times < bout.end)] == bout.activity
    return int(np.count_nonzero(right[:-1] & ~right[1:]))


def windows_until_recognised(
    actual: np.ndarray, predicted: np.ndarray, subject: np.ndarray
) -> np.ndarray:
    """After each change of activity, the windows that pass before it is first recognised.

    Args:
        actual: int (windows,), in the order of time.
        predicted: int (windows,).
        subject: int (windows,); a person's first window is no change.

    Returns:
        int (changes,); 0 where the first window is recognised at once, and the length of the
        stretch where none is.
    """
    change = (actual[1:] != actual[:-1]) & (subject[1:] == subject[:-1])
    border = (actual[1:] != actual[:-1]) | (subject[1:] != subject[:-1])
    begins = np.flatnonzero(np.r_[True, border])
    changed = np.r_[False, change][begins]
    ends = np.r_[begins[1:], len(actual)]
    delays = []
    for begin, end in zip(begins[changed], ends[changed], strict=True):
        right = predicted[begin:end] == actual[begin:end]
        delays.append(int(right.argmax()) if right.any() else end - begin)
    return np.array(delays, int)
