"""Scoring a model on windows with known activities."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from har.data.windows import Windows, step_of
from har.errors import HarError
from har.evaluation import metrics
from har.evaluation.streaming_metrics import windows_until_recognised
from har.learning.checks import check_labels, check_model, check_signals
from har.learning.networks import choose_device, predict_probabilities
from har.model.bundle import Smoothing
from har.model.calibration import with_temperature
from har.model.hmm import smooth
from har.params import Calibration, checked
from har.signals.recordings import SAMPLING_RATE, UCI_HAR_ACTIVITIES


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

    @property
    def predicted(self) -> np.ndarray:
        """The likeliest activity of each window, int (windows,)."""
        predicted: np.ndarray = self.probabilities.argmax(axis=1)
        return predicted

    def __iter__(self) -> Iterator[Any]:
        return iter((self.accuracy, self.report, self.confusion))


def evaluate_model(
    model: nn.Module,
    X_test: np.ndarray,
    y_test: np.ndarray,
    *,
    activities: Sequence[str] = UCI_HAR_ACTIVITIES,
    temperature: float = 1.0,
    device: str = "auto",
) -> Evaluation:
    """Score a model, as in `accuracy, report, confusion = evaluate_model(...)`.

    Args:
        model: From (batch, size, channels) to logits (batch, classes).
        X_test: Scaled windows of people that the model was not trained on, float32 (windows, size,
            channels).
        y_test: Their activities, int (windows,), from 0.
        activities: Name of each class, such as `load_har_dataset().activities`; UCI HAR's by
            default.
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


def metrics_report(
    evaluations: Mapping[str, Evaluation], test: Windows, smoothing: Smoothing | None
) -> dict[str, dict[str, float]]:
    """What `reports/metrics.json` says of each part.

    Args:
        evaluations: Of `"train"`, `"val"` and `"test"`, as far as they have windows.
        test: The windows of the last.
        smoothing: What smoothing over time needs; None to leave out its scores.

    Returns:
        `train`, `val` and `test`, empty where there is no evaluation, and `smoothed`.
    """
    report = {
        split: dict(evaluations[split].scores) if split in evaluations else {}
        for split in ("train", "val", "test")
    }
    evaluation = evaluations["test"]
    report["test"] |= {
        "accuracy_by_subject_min": _worst(test, evaluation.predicted),
        "ece": metrics.expected_calibration_error(test.label, evaluation.probabilities),
    }
    if smoothing:
        report["smoothed"] = smoothed_scores(test, evaluation.probabilities, smoothing)
    return {
        part: {name: round(value, 6) for name, value in scores.items()}
        for part, scores in report.items()
    }


def smoothed_scores(
    test: Windows, probabilities: np.ndarray, smoothing: Smoothing
) -> dict[str, float]:
    """Scores of each window in the light of those before it, and what that costs in delay.

    Args:
        test: The windows.
        probabilities: (windows, activities), each window's for itself.
        smoothing: What smoothing over time needs.
    """
    smoothed = smooth(
        probabilities,
        test.subject,
        np.array(smoothing.durations),
        np.array(smoothing.priors),
        step_of(test.size, test.overlap) / SAMPLING_RATE,
    )
    delays = {
        name: windows_until_recognised(test.label, each.argmax(axis=1), test.subject)
        for name, each in (("change_delay", smoothed), ("change_delay_without", probabilities))
    }
    return {
        **metrics.scores(test.label, smoothed),
        "accuracy_by_subject_min": _worst(test, smoothed.argmax(axis=1)),
        **{name: float(each.mean()) if len(each) else 0.0 for name, each in delays.items()},
    }


def _worst(test: Windows, predicted: np.ndarray) -> float:
    return float(metrics.per_subject(test.label, predicted, test.subject)["accuracy"].min())


def prediction_table(test: Windows, probabilities: np.ndarray) -> pd.DataFrame:
    """A row per window: `subject, bout, start, actual, predicted`, a probability per activity."""
    names = test.activities
    table = pd.DataFrame(
        {
            "subject": test.subject,
            "bout": test.bout,
            "start": test.start,
            "actual": names[test.label],
            "predicted": names[probabilities.argmax(axis=1)],
        }
    )
    table[names.tolist()] = probabilities
    return table
