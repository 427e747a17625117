"""Live recognition of training people held out: what choices about it are made by.

Trains on each fold's other people, as `experiments.crossval` does, and recognises the whole
recordings of those left out. Writes reports/streaming_held_out.csv, with the columns of
reports/streaming.csv. Takes any setting:

    python -m experiments.streaming_held_out --train.epochs 20
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from experiments.crossval import refuse_other_windows
from experiments.streaming import read_sessions, table, write
from har import bundle, windows
from har.crossval import planned, side_by_side, train_and_predict
from har.params import Params
from har.signals import fit_scaling
from stages.common import WINDOWS, run

HELD_OUT = Path("reports/streaming_held_out.csv")


def main(params: Params) -> None:
    cut, _ = windows.load(WINDOWS)
    refuse_other_windows(cut, params)
    folds_alone = params.crossval.model_copy(update={"seeds": 1, "test_seeds": 0})
    plan = planned(cut, params.model_copy(update={"crossval": folds_alone}))
    work = (
        partial(train_and_predict, cut, params, seed, held_out)
        for (_, seed), held_out in plan.items()
    )
    training = cut.of("train")
    people = []
    for one in side_by_side(work, params.crossval):
        left_out = np.unique(one.windows.subject)
        known = training.select(~np.isin(training.subject, left_out))
        scaling = fit_scaling(known.signals, params.normalization.method)
        scaled = replace(known, signals=scaling.apply(known.signals))
        trained = bundle.made_of(one.model, scaled, scaling, params, params.train.epochs)
        people.append((trained, read_sessions(left_out.tolist())))
        print(f"fold {len(people)} of {len(plan)}", flush=True)
    write(HELD_OUT, table(people))


if __name__ == "__main__":
    run(main)
