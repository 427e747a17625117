"""Live recognition of training people held out: what choices about it are made by.

Trains on each fold's other people, as `experiments.crossval` does, and recognises the whole
recordings of those left out. Writes reports/streaming_held_out.csv, with the columns of
reports/streaming.csv. Takes any setting:

    python -m experiments.streaming_held_out --train.epochs 20
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from experiments.crossval import windows_of
from experiments.streaming import read_sessions, table, write_and_show
from har.evaluation.crossval import hold_out_each_once
from har.learning.weights import record_of
from har.model.packaging import package
from har.params import Params
from har.signals.scaling import fit_scaling
from stages.common import run

STREAMING_HELD_OUT = Path("reports/streaming_held_out.csv")


def main(params: Params) -> None:
    windows = windows_of(params)
    training = windows.of("train")
    people = []
    for one in hold_out_each_once(windows, params):
        left_out = np.unique(one.windows.subject)
        known = training.select(~np.isin(training.subject, left_out))
        scaling = fit_scaling(known.signals, params.normalization.method)
        scaled = replace(known, signals=scaling.apply(known.signals))
        record = record_of(one.model, scaled, scaling, params, params.train.epochs)
        trained = package(one.model, record, scaled, params.calibration.temperature)
        people.append((trained, read_sessions(left_out.tolist())))
    write_and_show({STREAMING_HELD_OUT: table(people)})


if __name__ == "__main__":
    run(main)
