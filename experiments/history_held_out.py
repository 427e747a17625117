"""Loss and accuracy after each epoch on training people held out, which the pipeline's own curves
lack where nobody is left out for validation.

Trains on each fold's other people, as `experiments.crossval` does, and scores those left out after
each epoch. Writes reports/history_held_out.csv, the columns of reports/history.csv by fold. Takes
any setting:

    python -m experiments.history_held_out --train.epochs 20
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.crossval import windows_of
from experiments.table import write
from har.data.windows import Windows
from har.evaluation.crossval import people_by_fold
from har.learning.training import fit
from har.parallel import side_by_side
from har.params import Params
from har.signals.scaling import fit_scaling
from stages.common import run

HISTORY_HELD_OUT = Path("reports/history_held_out.csv")


def curves(windows: Windows, params: Params, fold: str, held_out: np.ndarray) -> pd.DataFrame:
    """A row an epoch, as in `har.learning.training.History.epochs`, after the fold's name.

    Args:
        windows: Unscaled windows of all.
        params: Settings; a thread trains, and the last epoch is kept.
        fold: Its name.
        held_out: Numbers of the people to score.
    """
    training = windows.of("train")
    out = np.isin(training.subject, held_out)
    scaling = fit_scaling(training.select(~out).signals, params.normalization.method)
    scaled = replace(training, signals=scaling.apply(training.signals))
    alone = params.train.model_copy(update={"threads": 1, "keep": "last"})
    _, history = fit(
        scaled.select(~out),
        scaling,
        params.model_copy(update={"train": alone}),
        val=scaled.select(out),
        show_progress=False,
    )
    table = pd.DataFrame(history.epochs)
    table.insert(0, "fold", fold)
    return table


def main(params: Params) -> None:
    windows = windows_of(params)
    folds = people_by_fold(windows, params)
    work = (partial(curves, windows, params, fold, out) for fold, out in folds.items())
    found = []
    for table in side_by_side(work, params.workers):
        found.append(table)
        print(f"{table.fold[0]}: accuracy {table.val_accuracy.iloc[-1]:.4f}", flush=True)
    together = pd.concat(found).sort_values(["fold", "epoch"], kind="stable")
    write({HISTORY_HELD_OUT: together}, "%.6g")


if __name__ == "__main__":
    run(main)
