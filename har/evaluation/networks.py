"""Scoring a network on windows with known activities."""

from collections.abc import Sequence

import numpy as np
from torch import nn

from har.errors import HarError
from har.evaluation.scoring import Evaluation, evaluation_of
from har.learning.checks import check_labels, check_model, check_signals
from har.learning.networks import choose_device, predict_probabilities
from har.model.calibration import with_temperature
from har.params import Calibration, checked
from har.signals.recordings import UCI_HAR_ACTIVITIES


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
    return evaluation_of(y_test, probabilities, activities)
