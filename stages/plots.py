"""Draw the figures of reports/figures/ from the windows, the history and the predictions."""

from dataclasses import replace

import numpy as np

from har.data import windows
from har.errors import HarError
from har.evaluation import figures
from har.model import bundle
from har.params import Params
from stages.common import (
    BUNDLE,
    FIGURES,
    HISTORY,
    NORMALIZED,
    PER_CLASS,
    PER_SUBJECT,
    PREDICTIONS,
    WINDOWS,
    read_metrics,
    read_table,
    run,
)


def main(params: Params) -> None:
    unscaled, _ = windows.load(WINDOWS)
    scaled, _ = windows.load(NORMALIZED)
    if not np.array_equal([unscaled.bout, unscaled.start], [scaled.bout, scaled.start]):
        raise HarError(f"{NORMALIZED} was made of other windows than {WINDOWS}; run `dvc repro`")
    measured = replace(unscaled, split=scaled.split)  # in g and rad/s, with the parts of the split
    history, predictions = read_table(HISTORY), read_table(PREDICTIONS)
    per_class, per_subject = read_table(PER_CLASS), read_table(PER_SUBJECT)
    kept_epoch = bundle.describe(BUNDLE).training.kept_epoch
    note = f"data set: {read_metrics()['dataset']}"
    drawn = {
        "activity_distribution": figures.activity_distribution(measured),
        "sensor_signals": figures.sensor_signals(measured),
        "time_series_patterns": figures.time_series_patterns(measured),
        "correlation_heatmap": figures.correlation_heatmap(measured),
        "training_loss": figures.training_loss(history, kept_epoch),
        "accuracy_curves": figures.accuracy_curves(history, kept_epoch),
        "confusion_matrix": figures.confusion_matrix(predictions),
        "model_performance": figures.model_performance(per_class, per_subject, predictions),
    }
    for name, figure in drawn.items():
        figures.save(figure, FIGURES / f"{name}.png", note)


if __name__ == "__main__":
    run(main)
