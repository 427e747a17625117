"""Score the model, person by person: models/ and data/normalized.npz to the tables in reports/."""

import json

import numpy as np
import pandas as pd
import torch

from har import bundle, metrics, windows
from har.errors import HarError
from har.files import replacing_file
from har.models import choose_device, count_parameters, predict_probabilities
from har.params import Params
from har.recordings import ACTIVITIES
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
    scaled, _ = windows.load(NORMALIZED)
    trained = bundle.load(BUNDLE)
    if trained.description.channels != scaled.channels.tolist():
        raise HarError(f"{BUNDLE} was trained on other channels than {NORMALIZED} has; train again")
    torch.set_num_threads(params.train.threads)
    device = choose_device(params.train.device)

    scores: dict[str, dict[str, float]] = {}
    for split in ("train", "val", "test"):
        part = scaled.of(split)
        probabilities = predict_probabilities(trained.model, part.signals, device)
        scores[split] = metrics.scores(part.label, probabilities) if len(part) else {}
    # The last part is the test subjects', of which the tables tell more.
    predicted = probabilities.argmax(axis=1)
    per_class = metrics.per_class(part.label, predicted, ACTIVITIES)
    per_subject = metrics.per_subject(part.label, predicted, part.subject)
    scores["test"]["accuracy_by_subject_min"] = float(per_subject["accuracy"].min())
    scores["test"]["ece"] = metrics.expected_calibration_error(part.label, probabilities)
    report = {
        "dataset": scaled.dataset,
        "parameters": count_parameters(trained.model),
        **{
            split: {name: round(value, 6) for name, value in of_split.items()}
            for split, of_split in scores.items()
        },
    }
    names = np.array(ACTIVITIES)
    predictions = pd.DataFrame(
        {
            "subject": part.subject,
            "bout": part.bout,
            "start": part.start,
            "actual": names[part.label],
            "predicted": names[predicted],
        }
    )
    predictions[list(ACTIVITIES)] = probabilities

    with replacing_file(METRICS) as partial:
        partial.write_text(json.dumps(report, indent=2) + "\n")
    tables = {PREDICTIONS: predictions, PER_CLASS: per_class, PER_SUBJECT: per_subject}
    for path, table in tables.items():
        with replacing_file(path) as partial:
            table.to_csv(partial, index=False, float_format="%.6f")
    record("evaluate", params)
    test = scores["test"]
    print(f"{scaled.dataset}: test accuracy {test['accuracy']:.4f}, macro F1 {test['f1']:.4f}")


if __name__ == "__main__":
    run(main)
