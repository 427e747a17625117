"""Score the model, person by person: models/ and data/normalized.npz to the tables in reports/."""

import json
from contextlib import ExitStack
from typing import Any

import numpy as np
import pandas as pd
import torch

from har.data import windows
from har.evaluation import metrics
from har.evaluation.scoring import evaluate_model
from har.files import replacing_file
from har.learning.networks import count_parameters
from har.model import bundle
from har.model.hmm import smooth, windows_until_recognised
from har.params import Params
from har.signals.recordings import ACTIVITIES
from har.signals.scaling import Scaling
from stages.common import (
    BUNDLE,
    METRICS,
    NORMALIZED,
    PER_CLASS,
    PER_SUBJECT,
    PREDICTIONS,
    run,
)
from stages.track import record


def main(params: Params) -> None:
    scaled, scaling = windows.load(NORMALIZED)
    trained = bundle.load(BUNDLE)
    bundle.check_fits(trained.description, scaled, Scaling(**scaling))
    torch.set_num_threads(params.train.threads)

    parts = {split: scaled.of(split) for split in ("train", "val", "test")}
    evaluations = {
        split: evaluate_model(
            trained.model,
            *windows.prepare_lstm_data(part),
            temperature=trained.description.temperature,
            device=params.train.device,
        )
        for split, part in parts.items()
        if len(part)
    }
    scores = {split: dict(its.scores) for split, its in evaluations.items()}
    test, of_test = parts["test"], evaluations["test"].probabilities
    predicted = of_test.argmax(axis=1)
    per_class = evaluations["test"].report
    per_subject = metrics.per_subject(test.label, predicted, test.subject)
    scores["test"] |= {
        "accuracy_by_subject_min": float(per_subject["accuracy"].min()),
        "ece": metrics.expected_calibration_error(test.label, of_test),
    }
    report: dict[str, Any] = {
        "dataset": scaled.dataset,
        "parameters": count_parameters(trained.model),
        **{
            split: {name: round(value, 6) for name, value in scores.get(split, {}).items()}
            for split in parts
        },
    }
    if params.evaluation.smoothing:
        report["smoothed"] = {
            name: round(value, 6)
            for name, value in smoothed_scores(test, of_test, trained.description).items()
        }
    names = np.array(ACTIVITIES)
    predictions = pd.DataFrame(
        {
            "subject": test.subject,
            "bout": test.bout,
            "start": test.start,
            "actual": names[test.label],
            "predicted": names[predicted],
        }
    )
    predictions[list(ACTIVITIES)] = of_test

    tables = {PREDICTIONS: predictions, PER_CLASS: per_class, PER_SUBJECT: per_subject}
    with ExitStack() as together:  # all are written before any takes its place
        partial = {
            path: together.enter_context(replacing_file(path)) for path in (METRICS, *tables)
        }
        partial[METRICS].write_text(json.dumps(report, indent=2) + "\n")
        for path, table in tables.items():
            table.to_csv(partial[path], index=False, float_format="%.6f")
    record("evaluate", params)
    accuracy, f1 = scores["test"]["accuracy"], scores["test"]["f1"]
    print(f"{scaled.dataset}: test accuracy {accuracy:.4f}, macro F1 {f1:.4f}")


def smoothed_scores(
    test: windows.Windows, probabilities: np.ndarray, description: bundle.Description
) -> dict[str, float]:
    """Scores of each window in the light of those before it, and what that costs in delay."""
    smoothed = smooth(
        probabilities,
        test.subject,
        np.array(description.transitions),
        np.array(description.priors),
    )
    plain, predicted = probabilities.argmax(axis=1), smoothed.argmax(axis=1)
    per_subject = metrics.per_subject(test.label, predicted, test.subject)
    delays = {
        name: windows_until_recognised(test.label, its, test.subject)
        for name, its in (("change_delay", predicted), ("change_delay_without", plain))
    }
    return {
        **metrics.scores(test.label, smoothed),
        "accuracy_by_subject_min": float(per_subject["accuracy"].min()),
        **{name: float(its.mean()) if len(its) else 0.0 for name, its in delays.items()},
    }


if __name__ == "__main__":
    run(main)
