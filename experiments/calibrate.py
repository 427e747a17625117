"""Find the temperature of the settings of params.yaml, by cross-validation.

Trains as `experiments.crossval` does and puts the probabilities of all people held out together.
Writes reports/calibration.json: the temperature for params.yaml, and what it and smoothing over
time do to the people held out.

    python -m experiments.calibrate
"""

import json
from pathlib import Path

import numpy as np

from experiments.crossval import windows_of
from har.data.windows import Windows, step_of
from har.evaluation import metrics
from har.evaluation.crossval import HeldOut, hold_out_each_once
from har.evaluation.streaming_metrics import windows_until_recognised
from har.files import replacing_file
from har.model.calibration import fit_temperature, with_temperature
from har.model.hmm import learn_durations, smooth
from har.params import Params
from har.signals.recordings import SAMPLING_RATE
from stages.common import run

CALIBRATION = Path("reports/calibration.json")


def main(params: Params) -> None:
    windows = windows_of(params)
    held_out = list(hold_out_each_once(windows, params))
    report = calibrated(windows.of("train"), held_out)
    with replacing_file(CALIBRATION) as partial:
        partial.write_text(json.dumps(report, indent=2) + "\n")
    print(
        f"calibration.temperature: {report['temperature']}; expected calibration error "
        f"{report['ece_before']:.3f} before, {report['ece']:.3f} with it"
    )


def calibrated(training: Windows, held_out: list[HeldOut]) -> dict[str, float]:
    """The temperature, and figures of all people held out together.

    The temperature is fitted on the same people that the other figures are of: one number for
    thousands of windows has little room to fit too well.
    """
    people = {int(person): one for one in held_out for person in np.unique(one.windows.subject)}
    given = np.concatenate(
        [one.probabilities[one.windows.subject == person] for person, one in sorted(people.items())]
    )
    rows = np.concatenate([np.flatnonzero(training.subject == person) for person in sorted(people)])
    actual, subject = training.label[rows], training.subject[rows]
    temperature = round(fit_temperature(given, actual), 2)
    sure = with_temperature(given, temperature)
    seconds = step_of(training.size, training.overlap) / SAMPLING_RATE
    classes = len(training.activities)
    durations = learn_durations(training.label, training.subject, classes, seconds)
    priors = np.bincount(training.label, minlength=classes) / len(training)
    smoothed = smooth(sure, subject, durations, priors, seconds)
    plain, over_time = sure.argmax(axis=1), smoothed.argmax(axis=1)
    figures = {
        "loss_before": metrics.scores(actual, given)["loss"],
        "loss": metrics.scores(actual, sure)["loss"],
        "ece_before": metrics.expected_calibration_error(actual, given),
        "ece": metrics.expected_calibration_error(actual, sure),
        "accuracy": float((plain == actual).mean()),
        "accuracy_smoothed": float((over_time == actual).mean()),
        "change_delay": float(windows_until_recognised(actual, over_time, subject).mean()),
        "change_delay_without": float(windows_until_recognised(actual, plain, subject).mean()),
    }
    return {"temperature": temperature} | {key: round(value, 6) for key, value in figures.items()}


if __name__ == "__main__":
    run(main)
