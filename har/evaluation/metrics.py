"""Scores: overall, per activity, per subject, and how well probabilities are calibrated.

scikit-learn takes longer to import than most of what needs a score here, so it is imported where it
is used.
"""

from collections.abc import Sequence

import numpy as np
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
    from sklearn.metrics import log_loss, precision_recall_fscore_support

    predicted = probabilities.argmax(axis=1)
    precision, recall, _, _ = precision_recall_fscore_support(
        actual, predicted, average="macro", zero_division=0
    )
    f1 = macro_f1(confusion(actual, predicted, probabilities.shape[1]))
    return {
        "accuracy": float((predicted == actual).mean()),
        "loss": float(log_loss(actual, probabilities, labels=range(probabilities.shape[1]))),
        "f1": float(f1),
        "precision": float(precision),
        "recall": float(recall),
    }


def per_class(actual: np.ndarray, predicted: np.ndarray, activities: Sequence[str]) -> pd.DataFrame:
    """A row per activity: `activity, precision, recall, f1, support`."""
    from sklearn.metrics import precision_recall_fscore_support

    precision, recall, f1, support = precision_recall_fscore_support(
        actual, predicted, labels=range(len(activities)), zero_division=0
    )
    return pd.DataFrame(
        {
            "activity": activities,
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "support": support,
        }
    )


def confusion(actual: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Windows, int (classes, classes): rows the actual activity, columns the predicted one."""
    from sklearn.metrics import confusion_matrix

    table: np.ndarray = confusion_matrix(actual, predicted, labels=range(classes))
    return table


def accuracy_of(tables: np.ndarray) -> np.ndarray:
    """Share of windows recognised, of confusion matrices (..., activities, activities)."""
    hits: np.ndarray = np.trace(tables, axis1=-2, axis2=-1)
    share: np.ndarray = hits / tables.sum(axis=(-2, -1))
    return share


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


def per_subject(actual: np.ndarray, predicted: np.ndarray, subject: np.ndarray) -> pd.DataFrame:
    """A row per subject: `subject, accuracy, windows`."""
    table = pd.DataFrame({"subject": subject, "correct": actual == predicted})
    grouped = table.groupby("subject")["correct"].agg(accuracy="mean", windows="size")
    return grouped.reset_index()


def expected_calibration_error(
    actual: np.ndarray, probabilities: np.ndarray, bins: int = 15
) -> float:
    """Mean gap between the probability of the predicted activity and its share of hits.

    Over bins of equal width, weighted by their windows (Naeini et al. 2015; Guo et al. 2017, who
    use 15 bins).
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == actual
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    hits = np.bincount(index, weights=correct, minlength=bins)
    expected = np.bincount(index, weights=confidence, minlength=bins)
    return float(np.abs(hits - expected).sum() / len(actual))
