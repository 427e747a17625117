"""Is a window like those that the network was trained on?

A network names one of its activities for anything: a phone on a table, in a bag, worn upside down.
So each window is summed up by posture and amount of movement, and its distance to the nearest of
the summaries that training windows gather around is compared with a limit.
"""

from collections.abc import Iterable

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.cluster.vq import kmeans2
from scipy.spatial import KDTree

from har.data.splits import subject_folds

CENTRES = 100
"""Summaries kept of the training windows."""

SHARE_WITHIN = 0.98
"""Share of the windows of people left out of the fit that are to count as known."""

FOLDS = 7
"""Groups of training people that the limit is found with, each left out once."""

STILLEST = 1e-4
"""Standard deviation, in scaled units, below which all is the same stillness."""


class Novelty(BaseModel):
    """What training windows are like.

    Attributes:
        scale: Per part of a summary, its standard deviation within an activity.
        centres: Summaries that training windows gather around, divided by `scale`.
        limit: Distance to the nearest of them beyond which a window is unlike.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scale: list[float]
    centres: list[list[float]]
    limit: float

    def distances(self, summaries: np.ndarray) -> np.ndarray:
        """How unlike: distance to the nearest centre in units of `limit`, above 1 for unlike.

        Args:
            summaries: (windows, parts), of `summarize`.
        """
        apart = (summaries / self.scale)[:, None] - np.array(self.centres)
        return np.sqrt((apart**2).sum(axis=2)).min(axis=1) / self.limit


def has_gravity(channels: Iterable[str]) -> np.ndarray:
    """Which of these channels tell posture: bool (channels,)."""
    return np.array([name.startswith(("total_acc", "gravity")) for name in channels])


def summarize(signals: np.ndarray, channels: Iterable[str]) -> np.ndarray:
    """Posture and movement of each window.

    Args:
        signals: Scaled windows (windows, size, channels).
        channels: Their names.

    Returns:
        float64 (windows, parts): the mean of each channel that has gravity in it, then the
        logarithm of the standard deviation of each that has not (of all, where all have).
    """
    with_gravity = has_gravity(channels)
    moving = ~with_gravity if not with_gravity.all() else with_gravity
    posture = signals[..., with_gravity].mean(axis=1, dtype=np.float64)
    movement = signals[..., moving].std(axis=1, dtype=np.float64)
    return np.hstack([posture, np.log(np.maximum(movement, STILLEST))])


def fit(summaries: np.ndarray, label: np.ndarray, subject: np.ndarray) -> Novelty:
    """Learn what windows are like from training subjects.

    The limit is found on people left out: seen from windows of their own, everybody is known.

    Args:
        summaries: (windows, parts), of `summarize`.
        label: int (windows,).
        subject: int (windows,).
    """
    within = np.mean([summaries[label == each].var(axis=0) for each in np.unique(label)], axis=0)
    scale = np.where(within > 0, np.sqrt(within), 1.0)
    scaled = summaries / scale
    people = len(np.unique(subject))
    apart = np.zeros(len(scaled))
    for fold in subject_folds(subject, min(FOLDS, people), seed=0) if people > 1 else []:
        held_out = np.isin(subject, fold)
        apart[held_out] = KDTree(_centres(scaled[~held_out])).query(scaled[held_out])[0]
    centres = _centres(scaled)
    if people == 1:  # nobody to leave out
        apart = KDTree(centres).query(scaled)[0]
    limit = max(float(np.quantile(apart, SHARE_WITHIN)), 1e-6)
    # Rounded: what is written is what is compared, and the last digits mean nothing.
    return Novelty(
        scale=scale.round(6).tolist(), centres=centres.round(4).tolist(), limit=round(limit, 6)
    )


def _centres(scaled: np.ndarray) -> np.ndarray:
    if len(scaled) <= CENTRES:
        return scaled
    centres, nearest = kmeans2(scaled, CENTRES, minit="++", rng=np.random.default_rng(0))
    return centres[np.unique(nearest)]  # one that no window is near to stays where it began
