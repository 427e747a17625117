"""Scores: overall, per activity, per subject, and how far probabilities can be believed."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_fscore_support


def scores(actual: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Accuracy, mean cross-entropy and macro F1, precision and recall.

    Args:
        actual: int (windows,), indices of activities.
        probabilities: (windows, activities).

    Returns:
        `accuracy`, `loss`, `f1`, `precision`, `recall`; the last three are plain means over the
        activities that occur.
    """
    predicted = probabilities.argmax(axis=1)
    precision, recall, f1, _ = precision_recall_fscore_support(
        actual, predicted, labels=np.unique(actual), average="macro", zero_division=0
    )
    of_actual = probabilities[np.arange(len(actual)), actual]
    return {
        "accuracy": float((predicted == actual).mean()),
        "loss": float(-np.log(np.maximum(of_actual, np.finfo(float).tiny)).mean()),
        "f1": float(f1),
        "precision": float(precision),
        "recall": float(recall),
    }


def per_class(actual: np.ndarray, predicted: np.ndarray, activities: Sequence[str]) -> pd.DataFrame:
    """A row per activity: `activity, precision, recall, f1, support`."""
    precision, recall, f1, support = precision_recall_fscore_support(
        actual, predicted, labels=np.arange(len(activities)), zero_division=0
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
    pairs = np.bincount(actual * classes + predicted, minlength=classes**2)
    return pairs.reshape(classes, classes)


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
