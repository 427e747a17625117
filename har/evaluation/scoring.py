"""Scoring a model on windows with known activities, and predicting windows without."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from har.errors import HarError
from har.evaluation import metrics
from har.learning.checks import check_labels, check_model, check_signals
from har.learning.networks import choose_device, predict_probabilities
from har.model.bundle import Bundle
from har.model.calibration import with_temperature
from har.params import Calibration, checked
from har.signals.recordings import ACTIVITIES


@dataclass(frozen=True)
class Evaluation:
    """How good a model is on some windows; unpacks into accuracy, report and confusion.

    Attributes:
        scores: `accuracy`, `loss`, `f1`, `precision` and `recall`, as
            `har.evaluation.metrics.scores`.
        report: A row per activity: `activity, precision, recall, f1, support`.
        confusion: int (activities, activities), windows; rows the actual activity, columns the
            predicted one.
        probabilities: (windows, activities).
    """

    scores: dict[str, float]
    report: pd.DataFrame
    confusion: np.ndarray
    probabilities: np.ndarray

    @property
    def accuracy(self) -> float:
        """Share of windows recognised."""
        return self.scores["accuracy"]

    def __iter__(self) -> Iterator[Any]:
        return iter((self.accuracy, self.report, self.confusion))


def evaluate_model(
    model: nn.Module,
    X_test: np.ndarray,
    y_test: np.ndarray,
    *,
    activities: Sequence[str] = ACTIVITIES,
    temperature: float = 1.0,
    device: str = "auto",
) -> Evaluation:
    """Score a model, as in `accuracy, report, confusion = evaluate_model(...)`.

    Args:
        model: From (batch, size, channels) to logits (batch, classes).
        X_test: Scaled windows of people that the model was not trained on, float32 (windows, size,
            channels).
        y_test: Their activities, int (windows,), from 0.
        activities: Name of each class.
        temperature: Logits are divided by it (`har.model.calibration`), 0.05 to 20.
        device: Where to compute: `"auto"`, `"cpu"` or `"cuda"`.

    Raises:
        HarError: An argument has the wrong shape or value.
    """
    check_model("model", model)
    temperature = checked(Calibration, temperature=temperature).temperature
    X_test = check_signals("X_test", X_test, model)
    y_test = check_labels("y_test", y_test, len(X_test), len(activities))
    probabilities = with_temperature(
        predict_probabilities(model, X_test, choose_device(device)), temperature
    )
    if probabilities.shape[1] != len(activities):
        raise HarError(
            f"activities: expected {probabilities.shape[1]} names, one for each of the model's "
            f"classes, got {len(activities)}"
        )
    predicted = probabilities.argmax(axis=1)
    return Evaluation(
        scores=metrics.scores(y_test, probabilities),
        report=metrics.per_class(y_test, predicted, activities),
        confusion=metrics.confusion(y_test, predicted, len(activities)),
        probabilities=probabilities,
    )


def predict_windows(bundle: Bundle, signals: np.ndarray, device: str = "auto") -> np.ndarray:
    """Probability of each activity for windows, each by itself.

    Args:
        bundle: A trained model, from `load_bundle`.
        signals: (windows, size, channels) in g and rad/s, not scaled: `description.window_size`
            samples of `description.channels` at `description.sampling_rate`.
        device: Where to compute: `"auto"`, `"cpu"` or `"cuda"`.

    Returns:
        float64 (windows, activities); `bundle.description.activities` names the columns.

    Raises:
        HarError: `signals` has another shape, or holds numbers that are not finite.
    """
    signals = check_signals("signals", signals, bundle.model)
    size = bundle.description.window_size
    if signals.shape[1] != size:
        raise HarError(
            f"signals: expected windows of {size} samples, as the model was trained on, "
            f"got {signals.shape[1]}"
        )
    scaled = bundle.scaling.apply(signals)
    probabilities = predict_probabilities(bundle.model, scaled, choose_device(device))
    return with_temperature(probabilities, bundle.description.temperature)
