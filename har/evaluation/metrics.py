"""Scores: overall, per activity, per subject, and how well probabilities are calibrated.

All follow from the confusion matrix and are scikit-learn's by another road: importing that takes
longer than most of what needs a score here.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def scores(actual: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Accuracy, mean cross-entropy and macro F1, precision and recall.

    Args:
        actual: int (windows,), indices of activities.
        probabilities: (windows, activities).

    Returns:
        `accuracy`, `loss`, `f1`, `precision`, `recall`; the last three are means over the
        activities that occur, as `macro_f1` has them.
    """
    table = confusion(actual, probabilities.argmax(axis=1), probabilities.shape[1])
    occur = _occurrences(table) > 0
    precision, recall = precision_of(table), recall_of(table)
    given = probabilities[np.arange(len(actual)), actual]
    return {
        "accuracy": float(accuracy_of(table)),
        # Of a probability of 0 the logarithm is infinite; the least that counts is scikit-learn's.
        "loss": float(-np.log(np.maximum(given, np.finfo(given.dtype).eps)).mean()),
        "f1": float(macro_f1(table)),
        "precision": float(precision[occur].mean()),
        "recall": float(recall[occur].mean()),
    }


def per_class(
    actual: np.ndarray, predicted: np.ndarray, activities: Sequence[str]
) -> "pd.DataFrame":
    """A row per activity: `activity, precision, recall, f1, support`."""
    import pandas as pd

    table = confusion(actual, predicted, len(activities))
    return pd.DataFrame(
        {
            "activity": activities,
            "precision": precision_of(table),
            "recall": recall_of(table),
            "f1": f1_of(table),
            "support": table.sum(axis=1),
        }
    )


def confusion(actual: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Windows, int (classes, classes): rows the actual activity, columns the predicted one."""
    counts: np.ndarray = np.bincount(actual * classes + predicted, minlength=classes**2)
    return counts.reshape(classes, classes)


def accuracy_of(tables: np.ndarray) -> np.ndarray:
    """Share of windows recognised, of confusion matrices (..., activities, activities)."""
    hits: np.ndarray = np.trace(tables, axis1=-2, axis2=-1)
    share: np.ndarray = hits / tables.sum(axis=(-2, -1))
    return share


def precision_of(tables: np.ndarray) -> np.ndarray:
    """Precision of each activity, of confusion matrices; 0 where nothing was taken for it."""
    hits: np.ndarray = np.diagonal(tables, axis1=-2, axis2=-1)
    precision: np.ndarray = hits / np.maximum(tables.sum(axis=-2), 1)
    return precision


def recall_of(tables: np.ndarray) -> np.ndarray:
    """Recall of each activity, of confusion matrices; 0 where nobody did it."""
    hits: np.ndarray = np.diagonal(tables, axis1=-2, axis2=-1)
    recall: np.ndarray = hits / np.maximum(tables.sum(axis=-1), 1)
    return recall


def f1_of(tables: np.ndarray) -> np.ndarray:
    """F1 of each activity, of confusion matrices (..., activities, activities).

    0 for an activity that does not occur.
    """
    hits: np.ndarray = np.diagonal(tables, axis1=-2, axis2=-1)
    f1: np.ndarray = 2 * hits / np.maximum(_occurrences(tables), 1)
    return f1


def macro_f1(tables: np.ndarray) -> np.ndarray:
    """Mean F1 of the activities that occur, of confusion matrices (..., activities, activities).

    An activity occurs where it was done or predicted: one that nobody did and nothing was taken for
    does not count, one that was predicted though nobody did it counts as 0. It is scikit-learn's
    `f1_score(average="macro")`.
    """
    occur = (_occurrences(tables) > 0).sum(axis=-1)
    mean: np.ndarray = f1_of(tables).sum(axis=-1) / occur
    return mean


def _occurrences(tables: np.ndarray) -> np.ndarray:
    """How often each activity was done and predicted, together."""
    count: np.ndarray = tables.sum(axis=-1) + tables.sum(axis=-2)
    return count


def per_subject(actual: np.ndarray, predicted: np.ndarray, subject: np.ndarray) -> "pd.DataFrame":
    """A row per subject: `subject, accuracy, windows`."""
    import pandas as pd

    table = pd.DataFrame({"subject": subject, "correct": actual == predicted})
    grouped = table.groupby("subject")["correct"].agg(accuracy="mean", windows="size")
    return grouped.reset_index()


def reliability(
    actual: np.ndarray, probabilities: np.ndarray, bins: int = 15
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How often predictions of about the same probability are right.

    Args:
        actual: int (windows,), indices of activities.
        probabilities: (windows, activities).
        bins: Of equal width, 0 to 1; those without windows are left out.

    Returns:
        Of each bin the mean probability of the predicted activity, the share of hits, and the
        number of windows.
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == actual
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    windows = np.bincount(index, minlength=bins)
    used = windows > 0
    stated, right = (
        np.bincount(index, weights=each, minlength=bins)[used] / windows[used]
        for each in (confidence, correct)
    )
    return stated, right, windows[used]


def expected_calibration_error(
    actual: np.ndarray, probabilities: np.ndarray, bins: int = 15
) -> float:
    """Mean gap between the probability of the predicted activity and its share of hits.

    Over bins of equal width, weighted by their windows (Naeini et al. 2015; Guo et al. 2017, who
    use 15 bins).
    """
    stated, right, windows = reliability(actual, probabilities, bins)
    return float(np.average(np.abs(right - stated), weights=windows))
