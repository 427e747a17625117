"""Find the temperature of the settings of params.yaml, by cross-validation.

Trains as `experiments.crossval` does and puts the probabilities of all people held out together.
Writes reports/calibration.json: the temperature for params.yaml, and what it and smoothing over
time do to the people held out.

    python -m experiments.calibrate
"""

import json
from functools import partial

import numpy as np

from experiments.crossval import refuse_other_windows
from har import metrics, windows
from har.calibration import fit_temperature, with_temperature
from har.crossval import HeldOut, planned, side_by_side, train_and_predict
from har.files import replacing_file
from har.params import Params
from har.recordings import ACTIVITIES
from har.smoothing import learn_transitions, smooth, windows_until_recognised
from stages.common import CALIBRATION, WINDOWS, run


def main(params: Params) -> None:
    cut, _ = windows.load(WINDOWS)
    refuse_other_windows(cut, params)
    folds_alone = params.crossval.model_copy(update={"seeds": 1, "test_seeds": 0})
    plan = planned(cut, params.model_copy(update={"crossval": folds_alone}))
    work = (
        partial(train_and_predict, cut, params, seed, held_out)
        for (_, seed), held_out in plan.items()
    )
    held_out = []
    for one in side_by_side(work, params.crossval):
        held_out.append(one)
        print(f"fold {len(held_out)} of {len(plan)}", flush=True)
    report = calibrated(cut.of("train"), held_out)
    with replacing_file(CALIBRATION) as partial_file:
        partial_file.write_text(json.dumps(report, indent=2) + "\n")
    print(
        f"calibration.temperature: {report['temperature']}; expected calibration error "
        f"{report['ece_before']:.3f} before, {report['ece']:.3f} with it"
    )


def calibrated(training: windows.Windows, held_out: list[HeldOut]) -> dict[str, float]:
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
    transitions = learn_transitions(training.label, training.subject, len(ACTIVITIES))
    priors = np.bincount(training.label, minlength=len(ACTIVITIES)) / len(training)
    smoothed = smooth(sure, subject, transitions, priors)
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
    return {"temperature": temperature} | {key: round(its, 6) for key, its in figures.items()}


if __name__ == "__main__":
    run(main)
