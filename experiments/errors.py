"""What is taken for what, and whose.

reports/predictions.csv, of the model in models/, to reports/errors.csv; the stored
cross-validation of params.yaml's settings to reports/errors_held_out.csv.

    python -m experiments.errors
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.table import DEFAULT, finished
from har import trials
from har.errors import in_one_line
from har.files import replacing_file
from har.recordings import ACTIVITIES
from har.trials import Trial, of_part
from stages.common import ERRORS, ERRORS_HELD_OUT, PREDICTIONS, TRIALS, read_table


def confusions(predictions: pd.DataFrame) -> pd.DataFrame:
    """A row per person and pair of activities that were taken for each other, most windows first.

    Args:
        predictions: As `stages.evaluate` writes them, a row per window.

    Returns:
        `subject, actual, predicted, windows, of` (windows of that activity and person), `bouts`
        (stretches that the windows lie in), `longest` (most windows of a stretch in a row) and
        `probability` (mean, of the wrong activity).
    """
    wrong = predictions["actual"] != predictions["predicted"]
    follows = (predictions["bout"] == predictions["bout"].shift()) & (
        predictions["predicted"] == predictions["predicted"].shift()
    )
    table = predictions.assign(
        probability=predictions[list(ACTIVITIES)].max(axis=1), run=(~follows).cumsum()
    )
    rows = []
    for (subject, actual, predicted), its in table[wrong].groupby(
        ["subject", "actual", "predicted"]
    ):
        same = (predictions["subject"] == subject) & (predictions["actual"] == actual)
        rows.append(
            {
                "subject": subject,
                "actual": actual,
                "predicted": predicted,
                "windows": len(its),
                "of": int(same.sum()),
                "bouts": its["bout"].nunique(),
                "longest": int(its.groupby("run").size().max()),
                "probability": float(its["probability"].mean()),
            }
        )
    columns = ["subject", "actual", "predicted", "windows", "of", "bouts", "longest", "probability"]
    order = ["windows", "subject", "actual"]
    made = pd.DataFrame(rows, columns=columns)
    return made.sort_values(order, ascending=[False, True, True], ignore_index=True)


def confusions_held_out(its: Sequence[Trial]) -> pd.DataFrame:
    """A row per person held out and pair of activities taken for each other, as `confusions`.

    Args:
        its: Trials of one configuration on every fold, of one or more seeds.

    Returns:
        `subject, actual, predicted, windows` (mean over the seeds) and `of`.
    """
    total: dict[int, np.ndarray] = {}
    for trial in its:
        for subject, matrix in trial.confusion.items():
            total[subject] = total.get(subject, 0) + np.array(matrix)
    seeds = len({trial.seed for trial in its})
    rows = [
        {
            "subject": subject,
            "actual": ACTIVITIES[actual],
            "predicted": ACTIVITIES[predicted],
            "windows": matrix[actual, predicted] / seeds,
            "of": matrix[actual].sum() // seeds,
        }
        for subject, matrix in total.items()
        for actual, predicted in np.argwhere(matrix)
        if actual != predicted
    ]
    made = pd.DataFrame(rows, columns=["subject", "actual", "predicted", "windows", "of"])
    order = ["windows", "subject", "actual"]
    return made.sort_values(order, ascending=[False, True, True], ignore_index=True)


def main() -> None:
    folds = of_part(finished(trials.load_all(TRIALS).get(DEFAULT, [])), "cv")
    tables = {ERRORS: confusions(read_table(PREDICTIONS))}
    if folds:
        tables[ERRORS_HELD_OUT] = confusions_held_out(folds)
    for path, table in tables.items():
        with replacing_file(path) as partial:
            table.to_csv(partial, index=False, float_format="%.4f")
        print(f"{path}: {table['windows'].sum():g} windows in {len(table)} rows")


if __name__ == "__main__":
    with in_one_line():
        main()
