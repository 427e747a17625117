"""How a model does on a data set that it never saw: other people, phones and places.

What such a model can be asked differs from set to set, so each window is scored three ways: among
all activities that the model knows; among those that the data set has, as the literature does; and
the latter with sitting, standing and lying counted as one, since no phone that may be worn anywhere
can tell them apart.
"""

from collections.abc import Callable, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.special import logsumexp

from har.data.windows import Windows
from har.evaluation import metrics, trials
from har.signals.recordings import ACTIVITIES, SAMPLING_RATE, STILL
from har.signals.resampling import Resampler

AS_RECORDED = "as recorded"
"""The condition under which nothing is changed."""

MERGED = (*(name for name in ACTIVITIES if name not in STILL), "STILL")
"""The activities with the postures as one."""


TEMPERATURES = tuple(np.geomspace(0.25, 32, 43).round(3).tolist())
"""Temperatures that `losses` tries."""

SMALLEST = 1e-12
"""Probabilities count as no less where their logarithm is taken."""


class Group(BaseModel):
    """One person with sensors at one place.

    Attributes:
        subject: Number of the person.
        placement: Where the sensors were worn.
        open: Windows by actual activity (rows) and answer (columns), of `ACTIVITIES`.
        restricted: The same, answers among the activities of the data set.
        merged: The same, postures as one: rows and columns of `MERGED`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: int
    placement: str
    open: trials.Confusion
    restricted: trials.Confusion
    merged: trials.Confusion


def groups_of(windows: Windows, probabilities: np.ndarray) -> list[Group]:
    """Score windows by person and placement.

    Args:
        windows: With labels among `ACTIVITIES`, all of them.
        probabilities: (windows, activities), of `ACTIVITIES`.
    """
    here = np.unique(windows.label)
    restricted = np.full(len(ACTIVITIES), -1.0)
    restricted[here] = 0
    to_merged = np.array([MERGED.index(_merged(name)) for name in ACTIVITIES])
    merged = np.stack(
        [probabilities[:, to_merged == index].sum(axis=1) for index in range(len(MERGED))], axis=1
    )
    elsewhere = np.setdiff1d(np.arange(len(MERGED)), to_merged[here])
    merged[:, elsewhere] = -1
    answers = {
        "open": (windows.label, probabilities.argmax(axis=1), len(ACTIVITIES)),
        "restricted": (
            windows.label,
            np.where(restricted < 0, -1, probabilities).argmax(axis=1),
            len(ACTIVITIES),
        ),
        "merged": (to_merged[windows.label], merged.argmax(axis=1), len(MERGED)),
    }
    found = []
    for subject in np.unique(windows.subject):
        for placement in np.unique(windows.placement[windows.subject == subject]):
            rows = (windows.subject == subject) & (windows.placement == placement)
            counts = {
                name: metrics.confusion(actual[rows], answer[rows], classes).tolist()
                for name, (actual, answer, classes) in answers.items()
            }
            found.append(Group(subject=int(subject), placement=str(placement), **counts))
    return found


def losses(windows: Windows, probabilities: np.ndarray) -> dict[str, list[float]]:
    """What each of the `TEMPERATURES` would make of probabilities that were given at 1.

    Args:
        windows: As for `groups_of`.
        probabilities: Likewise.

    Returns:
        `"merged"`: mean negative log-likelihood with postures as one, over all windows;
        `"postures"`: of the posture, for windows of a posture, given that it is one.
    """
    logs = np.log(np.maximum(probabilities.astype(np.float64), SMALLEST))
    still = np.isin(ACTIVITIES, STILL)
    is_still = still[windows.label]
    rows = np.arange(len(windows))
    found: dict[str, list[float]] = {"merged": [], "postures": []}
    for temperature in TEMPERATURES:
        softened = logs / temperature
        softened -= logsumexp(softened, axis=1, keepdims=True)
        together = logsumexp(softened[:, still], axis=1)
        of_truth = softened[rows, windows.label]
        found["merged"].append(float(-np.where(is_still, together, of_truth).mean()))
        of_posture = (of_truth - together)[is_still]
        found["postures"].append(float(-of_posture.mean()) if is_still.any() else 0.0)
    return found


def _merged(activity: str) -> str:
    return "STILL" if activity in STILL else activity


def pooled(groups: Sequence[Group], way: str) -> np.ndarray:
    """All windows by actual activity and answer, scored `"open"`, `"restricted"` or `"merged"`."""
    together: np.ndarray = np.sum([getattr(group, way) for group in groups], axis=0)
    return together


def accuracy(groups: Sequence[Group], way: str) -> float:
    """Share of all windows recognised."""
    return float(metrics.accuracy_of(pooled(groups, way)))


def by_person(groups: Sequence[Group], way: str) -> dict[int, float]:
    """Each person's accuracy, placements together."""
    people = sorted({group.subject for group in groups})
    return {
        person: accuracy([group for group in groups if group.subject == person], way)
        for person in people
    }


def interval(groups: Sequence[Group], way: str) -> tuple[float, float]:
    """A 95 % interval of the accuracy for other people of the same kind (`trials.interval`)."""
    people = {group.subject for group in groups}
    tables = {
        person: pooled([group for group in groups if group.subject == person], way)
        for person in people
    }
    return trials.interval(tables, metrics.accuracy_of)


# ---- what windows would be like, measured otherwise ----

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
        up = signals[..., 6:].mean(axis=1)
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
        parts = [signals[at : at + TOGETHER] for at in range(0, len(signals), TOGETHER)]
        return np.concatenate([again(part) for part in parts])

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
