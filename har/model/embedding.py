"""A window as a point, such that windows of one person's activity lie near each other.

What a network's last layer reads differs between people, and between windows of the same person
doing the same. Linear discriminant analysis (Fisher 1936; Rao 1948) takes the directions in which
the former is large beside the latter, so that distances tell activities of one person apart
(`har.recognition.profile`).
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

DIRECTIONS = 16
"""Directions kept, at most."""

SHRINKAGE = 0.1
"""Share of the mean variance within groups that is added to each direction's own."""

WINDOWS = 24
"""Windows of a group that are looked at, spread evenly over it."""


@dataclass(frozen=True)
class Embedding:
    """A linear map of features.

    Attributes:
        offset: float32 (features,), what is taken off first.
        directions: float32 (features, directions). Windows of a group of the training people lie at
            a mean squared distance of 1 from their mean, or less.
    """

    offset: np.ndarray
    directions: np.ndarray


def group(label: np.ndarray, subject: np.ndarray, placement: np.ndarray) -> np.ndarray:
    """Number of each window's group: a person, a placement and an activity, int (windows,)."""
    each = np.rec.fromarrays([subject, placement, label])
    return np.unique(each, return_inverse=True)[1]


def spread_out(groups: np.ndarray, most: int = WINDOWS) -> np.ndarray:
    """Indices of at most so many windows of each group, evenly spread, in order."""
    kept = []
    for each in np.unique(groups):
        rows = np.flatnonzero(groups == each)
        kept.append(rows[np.unique(np.linspace(0, len(rows) - 1, most).round().astype(int))])
    return np.sort(np.concatenate(kept))


def fit(features: np.ndarray, groups: np.ndarray) -> Embedding:
    """Find the directions in which groups differ most, beside what varies within them.

    Args:
        features: (windows, features), of training people.
        groups: int (windows,), of `group`.
    """
    features = features.astype(np.float64)
    _, groups, counts = np.unique(groups, return_inverse=True, return_counts=True)
    means = np.zeros((len(counts), features.shape[1]))
    np.add.at(means, groups, features)
    means /= counts[:, None]
    # Each group counts alike, however many windows it has.
    apart = (features - means[groups]) / np.sqrt(counts[groups] * len(counts))[:, None]
    within = apart.T @ apart
    level = max(SHRINKAGE * float(within.trace()) / len(within), 1e-9)
    offset = means.mean(axis=0)
    between = (means - offset).T @ (means - offset) / len(means)
    _, directions = eigh(between, within + level * np.eye(len(within)))
    directions = directions[:, ::-1][:, :DIRECTIONS]
    # An eigenvector has no sign of its own.
    directions = directions * np.sign(
        directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])]
    )
    directions = directions / np.sqrt(directions.shape[1])
    return Embedding(offset.astype(np.float32), directions.astype(np.float32))
