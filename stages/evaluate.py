"""Score the packaged model, person by person: models/ and the windows to the tables in reports/."""

import json
import os
from typing import Any

import pandas as pd

from har.data import windows
from har.errors import HarError
from har.evaluation.metrics import per_subject
from har.evaluation.scoring import (
    evaluation_of,
    prediction_table,
    scores_in_the_end,
    scores_to_choose_by,
)
from har.files import replacing_files, sha256
from har.learning import weights
from har.model import bundle
from har.params import Params
from stages.common import (
    BUNDLE,
    METRICS,
    NORMALIZED,
    PER_CLASS,
    PER_SUBJECT,
    PREDICTIONS,
    TEST,
    WEIGHTS,
    WINDOWS,
    run,
)

PEOPLE = {"train": "training", "val": "validation"}


def main(params: Params) -> None:
    measured = windows.load_measured(WINDOWS)
    scaled, scaling = windows.load_scaled(NORMALIZED)
    measured = windows.split_as(measured, scaled)
    model = bundle.load(BUNDLE)
    if model.description.weights_sha256 != sha256(WEIGHTS):
        raise HarError(f"{BUNDLE} was packaged from other weights; run `dvc repro`")
    model.description.training.check_fits(scaled, scaling)

    activities, evaluated = model.description.activities, {}
    for split in ("train", "val", "test"):
        if not len(part := measured.of(split)):
            continue
        outputs = model.predict(part.signals, threads=os.cpu_count() or 1)
        evaluated[split] = part, evaluation_of(part.label, outputs.probabilities, activities)
    test, evaluation = evaluated.pop("test")
    smoothing = model.description.smoothing if params.evaluation.smoothing else None
    made: dict[str, Any] = {"dataset": scaled.source, "parameters": weights.count(WEIGHTS)}
    chosen_by = made | scores_to_choose_by(evaluated)
    in_the_end = {"dataset": scaled.source} | scores_in_the_end(test, evaluation, smoothing)
    tables = {
        PREDICTIONS: prediction_table(test, evaluation.probabilities),
        PER_CLASS: evaluation.report,
        PER_SUBJECT: in_order_as_text(
            per_subject(test.label, evaluation.predicted, test.subject), "subject"
        ),
    }
    with replacing_files(METRICS, TEST, *tables) as (metrics, of_test, *partials):
        metrics.write_text(json.dumps(chosen_by, indent=2) + "\n")
        of_test.write_text(json.dumps(in_the_end, indent=2) + "\n")
        for partial, table in zip(partials, tables.values(), strict=True):
            table.to_csv(partial, index=False, float_format="%.6g")
    by = "val" if "val" in evaluated else "train"
    print(
        f"{scaled.source}: accuracy {chosen_by[by]['accuracy']:.4f} on {PEOPLE[by]} people; "
        f"{TEST} has the scores on test people, to report and not to choose by"
    )


def in_order_as_text(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Numbers of one width, such as 02 and 10: `dvc plots` puts them in the order of letters."""
    texts = table[column].astype(str)
    return table.assign(**{column: texts.str.zfill(texts.str.len().max())})


if __name__ == "__main__":
    run(main)
