"""Score the model, person by person: models/ and data/normalized.npz to the tables in reports/."""

import json
from contextlib import ExitStack

import torch

from har.data import windows
from har.errors import HarError
from har.evaluation.metrics import per_subject
from har.evaluation.scoring import evaluate_model, metrics_report, prediction_table
from har.files import replacing_file, sha256
from har.learning import weights
from har.learning.networks import count_parameters
from har.model import bundle
from har.params import Params
from har.signals.scaling import Scaling
from stages.common import (
    BUNDLE,
    METRICS,
    NORMALIZED,
    PER_CLASS,
    PER_SUBJECT,
    PREDICTIONS,
    WEIGHTS,
    run,
)


def main(params: Params) -> None:
    scaled, scaling = windows.load(NORMALIZED)
    network, training = weights.load(WEIGHTS)
    training.check_fits(scaled, Scaling(**scaling))
    description = bundle.describe(BUNDLE)
    if description.weights_sha256 != sha256(WEIGHTS):
        raise HarError(f"{BUNDLE} was packaged from other weights; run `dvc repro`")
    torch.set_num_threads(params.train.threads)

    parts = {split: scaled.of(split) for split in ("train", "val", "test")}
    evaluations = {
        split: evaluate_model(
            network,
            *windows.prepare_lstm_data(part),
            activities=scaled.activities.tolist(),
            temperature=description.temperature,
            device=params.train.device,
        )
        for split, part in parts.items()
        if len(part)
    }
    test, evaluation = parts["test"], evaluations["test"]
    report = {
        "dataset": scaled.source,
        "parameters": count_parameters(network),
        **metrics_report(
            evaluations, test, description.smoothing if params.evaluation.smoothing else None
        ),
    }
    tables = {
        PREDICTIONS: prediction_table(test, evaluation.probabilities),
        PER_CLASS: evaluation.report,
        PER_SUBJECT: per_subject(test.label, evaluation.predicted, test.subject),
    }
    with ExitStack() as together:  # all are written before any takes its place
        partial = {
            path: together.enter_context(replacing_file(path)) for path in (METRICS, *tables)
        }
        partial[METRICS].write_text(json.dumps(report, indent=2) + "\n")
        for path, table in tables.items():
            table.to_csv(partial[path], index=False, float_format="%.6f")
    scores = evaluation.scores
    print(f"{scaled.source}: test accuracy {scores['accuracy']:.4f}, macro F1 {scores['f1']:.4f}")


if __name__ == "__main__":
    run(main)
