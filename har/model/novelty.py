"""Is a window like those that the network was trained on?

A network names one of its activities for anything: a phone on a table, in a bag, worn upside down.
So each window is summed up by posture and amount of movement, and its distance to the nearest of
the summaries that training windows gather around is compared with a limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.cluster.vq import kmeans2
from scipy.spatial import KDTree
from torch import Tensor

from har.data.splits import subject_folds
from har.learning.frames import see
from har.signals.channels import has_gravity

CENTRES = 100
"""Summaries kept of the training windows."""

MOST = 200_000
"""Windows that they are fitted to, evenly chosen of more: k-means takes 0.9 kB for each."""

SHARE_WITHIN = 0.98
"""Share of the windows of people left out of the fit that are to count as known."""

FOLDS = 7
"""Groups of training people that the limit is found with, each left out once."""

STILLEST = 1e-4
"""Standard deviation, in scaled units, below which all is the same stillness."""


@dataclass(frozen=True)
class Novelty:
    """What training windows are like.

    Attributes:
        scale: (parts,), per part of a summary, its standard deviation within an activity.
        centres: (centres, parts), summaries that training windows gather around, divided by
            `scale`.
        limit: Distance to the nearest of them beyond which a window is novel.
    """

    scale: np.ndarray
    centres: np.ndarray
    limit: float


def summarize(signals: Tensor, channels: Sequence[str]) -> Tensor:
    """Posture and movement of each window.

    Args:
        signals: Scaled windows (windows, size, channels).
        channels: Their names.

    Returns:
        (windows, parts): the mean of each channel that has gravity in it, then the logarithm of
        the standard deviation of each that has not (of all, where all have).
    """
    with_gravity = has_gravity(channels)
    moving = ~with_gravity if not with_gravity.all() else with_gravity
    means = signals.mean(dim=1)
    deviations = (signals - means[:, None]).square().mean(dim=1).sqrt()
    posture = means[:, np.flatnonzero(with_gravity).tolist()]
    movement = deviations[:, np.flatnonzero(moving).tolist()]
    return torch.cat([posture, movement.clamp(min=STILLEST).log()], dim=1)


def summarize_upright(windows: Tensor) -> Tensor:
    """What `summarize` gives, as no way of wearing the phone changes it.

    Args:
        windows: (windows, size, 3 or 6) in g and rad/s, as for `har.learning.frames.see`.

    Returns:
        (windows, parts): the mean length of the acceleration, then for each sensor the logarithm of
        the standard deviation along the vertical and across it.
    """
    lengths, upright = see(windows, ["lengths"]), see(windows, ["upright"])
    variances = (upright - upright.mean(dim=1, keepdim=True)).square().mean(dim=1)
    by_axis = variances.unflatten(1, (-1, 3))
    directions = torch.stack([by_axis[..., 0], by_axis[..., 1:].sum(dim=2)], dim=2).flatten(1)
    movement = directions.sqrt().clamp(min=STILLEST).log()
    return torch.cat([lengths.mean(dim=1)[:, :1], movement], dim=1)


def distances(summaries: Tensor, scale: Tensor, centres: Tensor, limit: Tensor) -> Tensor:
    """How novel windows are: distance to the nearest centre in units of the limit, (windows,).

    Above 1 a window is novel.

    Args:
        summaries: (windows, parts), of `summarize`.
        scale: As in `Novelty`.
        centres: Likewise.
        limit: Likewise.
    """
    apart = (summaries / scale)[:, None] - centres
    return apart.square().sum(dim=2).amin(dim=1).sqrt() / limit


def fit(summaries: np.ndarray, label: np.ndarray, subject: np.ndarray) -> Novelty:
    """Learn what windows are like from training subjects.

    The limit is found on people left out: seen from windows of their own, everybody is known.

    Args:
        summaries: (windows, parts), of `summarize`.
        label: int (windows,).
        subject: int (windows,).
    """
    summaries = summaries.astype(np.float64)
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
    return Novelty(scale, centres, limit)


def _centres(scaled: np.ndarray) -> np.ndarray:
    if len(scaled) <= CENTRES:
        return scaled
    if len(scaled) > MOST:
        scaled = scaled[np.linspace(0, len(scaled) - 1, MOST).astype(int)]
    rng = np.random.default_rng(0)
    centres, nearest = kmeans2(scaled, _first_centres(scaled, rng), minit="matrix", rng=rng)
    # One that no window is near to has stayed where it began.
    kept: np.ndarray = centres[np.unique(nearest)]
    return kept


def _first_centres(scaled: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """k-means++ (Arthur and Vassilvitskii 2007): each centre is drawn far from those before it.

    SciPy's own (`minit="++"`) draws the same, but measures the distance to all centres each time.
    """
    chosen = [int(rng.integers(len(scaled)))]
    apart = np.full(len(scaled), np.inf)
    while len(chosen) < CENTRES:
        apart = np.minimum(apart, ((scaled - scaled[chosen[-1]]) ** 2).sum(axis=1))
        shares = (apart / apart.sum()).cumsum()
        chosen.append(int(np.searchsorted(shares, rng.uniform())))
    return scaled[chosen]
