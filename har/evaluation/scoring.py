"""Scores and tables of windows with known activities, by what a model makes of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from har.data.windows import Windows, step_of
from har.evaluation import metrics
from har.evaluation.streaming_metrics import windows_until_recognised
from har.model.bundle import Smoothing
from har.model.hmm import smooth
from har.signals.recordings import SAMPLING_RATE, UCI_HAR_ACTIVITIES

if TYPE_CHECKING:
    import pandas as pd


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
    report: "pd.DataFrame"
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


def evaluation_of(
    actual: np.ndarray, probabilities: np.ndarray, activities: Sequence[str] = UCI_HAR_ACTIVITIES
) -> Evaluation:
    """Score what a model makes of windows.

    Args:
        actual: Their activities, int (windows,), from 0.
        probabilities: (windows, activities).
        activities: Name of each class.
    """
    predicted = probabilities.argmax(axis=1)
    return Evaluation(
        scores=metrics.scores(actual, probabilities),
        report=metrics.per_class(actual, predicted, activities),
        confusion=metrics.confusion(actual, predicted, len(activities)),
        probabilities=probabilities,
    )


def scores_to_choose_by(parts: Mapping[str, tuple[Windows, Evaluation]]) -> dict[str, Any]:
    """What `reports/metrics.json` says: few scores, side by side for many experiments.

    Args:
        parts: `"train"` and, where there are any, `"val"`: windows and what a model makes of them.

    Returns:
        `train` has `accuracy` alone. `val` has `accuracy`, `f1`, `loss` and `worst`, the lowest
        accuracy of a person.
    """
    keys = {"train": ("accuracy",), "val": ("accuracy", "f1", "loss")}
    report = {
        name: {key: evaluation.scores[key] for key in keys[name]}
        for name, (_, evaluation) in parts.items()
    }
    if "val" in parts:
        windows, evaluation = parts["val"]
        report["val"]["worst"] = _worst(windows, evaluation.predicted)
    return _rounded(report)


def scores_in_the_end(
    test: Windows, evaluation: Evaluation, smoothing: Smoothing | None
) -> dict[str, Any]:
    """What `reports/test.json` says: scores on people by whom nothing is chosen.

    Args:
        test: The test people's windows.
        evaluation: What a model makes of them.
        smoothing: What smoothing over time needs; None to leave out its scores.

    Returns:
        `test`, with the lowest accuracy of a person and the expected calibration error; `smoothed`;
        and `reliability`, a list with `stated`, `right` and `windows` for each range of
        probability.
    """
    actual, probabilities = test.label, evaluation.probabilities
    report = {
        "test": evaluation.scores
        | {
            "accuracy_by_subject_min": _worst(test, evaluation.predicted),
            "ece": metrics.expected_calibration_error(actual, probabilities),
        }
    }
    if smoothing:
        report["smoothed"] = smoothed_scores(test, probabilities, smoothing)
    bins = zip(*metrics.reliability(actual, probabilities), strict=True)
    return _rounded(report) | {
        "reliability": [
            {"stated": round(float(stated), 6), "right": round(float(right), 6), "windows": int(n)}
            for stated, right, n in bins
        ]
    }


def _rounded(report: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
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
        smoothing.together,
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


def prediction_table(test: Windows, probabilities: np.ndarray) -> "pd.DataFrame":
    """A row per window: `subject, bout, start, actual, predicted`, a probability per activity.

    Probabilities have four decimals.
    """
    import pandas as pd

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
    table[names.tolist()] = probabilities.round(4)
    return table
