"""What the model in models/ gets wrong, and whose: reports/predictions.csv to reports/errors.csv.

python -m experiments.errors
"""

import pandas as pd

from har.errors import in_one_line
from har.files import replacing_file
from har.recordings import ACTIVITIES
from stages.common import ERRORS, PREDICTIONS, read_table


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


def main() -> None:
    table = confusions(read_table(PREDICTIONS))
    with replacing_file(ERRORS) as partial:
        table.to_csv(partial, index=False, float_format="%.4f")
    print(f"{ERRORS}: {table['windows'].sum()} windows in {len(table)} rows")


if __name__ == "__main__":
    with in_one_line():
        main()
