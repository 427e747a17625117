"""What is taken for what, and whose.

reports/predictions.csv, of the model in models/, and data/normalized.npz to reports/errors.csv; the
stored cross-validation of params.yaml's settings to reports/errors_held_out.csv.

    python -m experiments.errors
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.spatial import KDTree

from experiments.table import DEFAULT, TRIALS, finished, write
from har.data import windows
from har.data.windows import Windows
from har.errors import HarError, in_one_line
from har.evaluation import trials
from har.evaluation.trials import Trial, of_part
from har.model.novelty import summarize
from har.signals.recordings import ACTIVITIES
from stages.common import NORMALIZED, PREDICTIONS
from stages.reports import read_scores

ERRORS, ERRORS_HELD_OUT = Path("reports/errors.csv"), Path("reports/errors_held_out.csv")


def alike_at_home(scaled: Windows) -> np.ndarray:
    """The activity of the most similar window of the same person, from another bout.

    An error where this is right comes of the person being unlike others; where it is wrong too, the
    person's own windows of the two activities are alike, and the label may be in doubt.

    Args:
        scaled: Scaled windows; similar are those near by in posture and amount of movement, as
            `har.model.novelty.summarize` has them.

    Returns:
        str (windows,); empty for a person with a single bout.
    """
    summaries = summarize(torch.tensor(scaled.signals), scaled.channels.tolist()).numpy()
    summaries /= np.maximum(summaries.std(axis=0), 1e-9)
    nearest = np.full(len(scaled), "", scaled.activities.dtype)
    for person in np.unique(scaled.subject):
        for bout in np.unique(scaled.bout[scaled.subject == person]):
            here = (scaled.subject == person) & (scaled.bout == bout)
            others = np.flatnonzero((scaled.subject == person) & ~here)
            if len(others):
                _, places = KDTree(summaries[others]).query(summaries[here])
                nearest[here] = scaled.activities[scaled.label[others[places]]]
    return nearest


def confusions(predictions: pd.DataFrame, at_home: np.ndarray) -> pd.DataFrame:
    """A row per person and pair of activities that were taken for each other, most windows first.

    Args:
        predictions: As `stages.evaluate` writes them, a row per window.
        at_home: Of the same windows, as `alike_at_home` gives it.

    Returns:
        `subject, actual, predicted, windows, of` (windows of that activity and person), `bouts`
        (stretches that the windows lie in), `longest` (most windows of a stretch in a row),
        `probability` (mean, of the wrong activity) and `clear` (share of the windows whose most
        similar window of the same person is of the actual activity).
    """
    wrong = predictions["actual"] != predictions["predicted"]
    follows = (predictions["bout"] == predictions["bout"].shift()) & (
        predictions["predicted"] == predictions["predicted"].shift()
    )
    table = predictions.assign(
        probability=predictions[[name for name in ACTIVITIES if name in predictions]].max(axis=1),
        run=(~follows).cumsum(),
        clear=at_home == predictions["actual"],
    )
    rows = []
    for (subject, actual, predicted), chosen in table[wrong].groupby(
        ["subject", "actual", "predicted"]
    ):
        same = (predictions["subject"] == subject) & (predictions["actual"] == actual)
        rows.append(
            {
                "subject": subject,
                "actual": actual,
                "predicted": predicted,
                "windows": len(chosen),
                "of": int(same.sum()),
                "bouts": chosen["bout"].nunique(),
                "longest": int(chosen.groupby("run").size().max()),
                "probability": float(chosen["probability"].mean()),
                "clear": float(chosen["clear"].mean()),
            }
        )
    columns = ["subject", "actual", "predicted", "windows", "of", "bouts", "longest"]
    columns += ["probability", "clear"]
    order = ["windows", "subject", "actual"]
    made = pd.DataFrame(rows, columns=columns)
    return made.sort_values(order, ascending=[False, True, True], ignore_index=True)


def confusions_held_out(chosen: Sequence[Trial]) -> pd.DataFrame:
    """A row per person held out and pair of activities taken for each other, as `confusions`.

    Args:
        chosen: Trials of one configuration on every fold, of one or more seeds.

    Returns:
        `subject, actual, predicted, windows` (mean over the seeds) and `of`.
    """
    seeds = len({trial.seed for trial in chosen})
    rows = [
        {
            "subject": subject,
            "actual": chosen[0].activities[actual],
            "predicted": chosen[0].activities[predicted],
            "windows": matrix[actual, predicted] / seeds,
            "of": matrix[actual].sum() // seeds,
        }
        for subject, matrix in trials.by_person(chosen).items()
        for actual, predicted in np.argwhere(matrix)
        if actual != predicted
    ]
    made = pd.DataFrame(rows, columns=["subject", "actual", "predicted", "windows", "of"])
    order = ["windows", "subject", "actual"]
    return made.sort_values(order, ascending=[False, True, True], ignore_index=True)


def main() -> None:
    folds = of_part(finished(trials.load_all(TRIALS).get(DEFAULT, [])), "cv")
    scaled, _ = windows.load_scaled(NORMALIZED)
    predictions, test = read_scores().predictions, scaled.of("test")
    same = len(predictions) == len(test) and all(
        np.array_equal(predictions[key], getattr(test, key)) for key in ("subject", "bout", "start")
    )
    if not same:
        raise HarError(f"{PREDICTIONS} is not of the windows in {NORMALIZED}: run `dvc repro`")
    tables = {ERRORS: confusions(predictions, alike_at_home(test))}
    if folds:
        tables[ERRORS_HELD_OUT] = confusions_held_out(folds)
    write(tables)
    for path, table in tables.items():
        print(f"{path}: {table['windows'].sum():g} windows in {len(table)} rows")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    with in_one_line():
        main()
