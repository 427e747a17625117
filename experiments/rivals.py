"""Rivals without a recurrent network, on the same windows, folds and test subjects.

Each is fitted on one core, with the defaults of its library, on the nine published channels. Its
trials are stored beside those of the networks (experiments/trials), and trials that are there are
not run again.

    make rivals                                    # all of them: about two hours on one core
    .venv-rivals/bin/python -m experiments.rivals --only minirocket
"""

import argparse
import os
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

for _variable in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np

from experiments.table import TRIALS
from har.data import windows
from har.data.datasets import uci_har
from har.data.splits import subject_folds
from har.data.windows import Windows
from har.errors import HarError, in_one_line
from har.evaluation import trials
from har.signals.recordings import SAMPLING_RATE
from stages.common import RAW

GROUPS = ("body_acc", "gyro", "total_acc")
FOLDS, SPLIT_SEED = 5, 0
SEEDS = range(5)
"""Of the trials on the test subjects; one seed in the cross-validation."""


def statistics(signals: np.ndarray) -> np.ndarray:
    """Simple statistics of windows: (windows, size, channels) to (windows, features).

    Per channel mean, deviation, minimum, maximum, quartiles, mean absolute change, energy of the
    change, strongest frequency and its share of the power; and the correlation of each two
    channels.
    """
    centred = signals - signals.mean(axis=1, keepdims=True)
    change = np.diff(signals, axis=1)
    power = np.abs(np.fft.rfft(centred, axis=1)[:, 1:]) ** 2
    frequency = np.fft.rfftfreq(signals.shape[1], 1 / SAMPLING_RATE)[1:]
    deviation = centred.std(axis=1)
    unit = centred / np.maximum(deviation, 1e-9)[:, None]
    correlation = np.einsum("wtc,wtd->wcd", unit, unit) / signals.shape[1]
    upper = np.triu_indices(signals.shape[2], 1)
    return np.concatenate(
        [
            signals.mean(axis=1),
            deviation,
            signals.min(axis=1),
            signals.max(axis=1),
            *np.percentile(signals, [25, 50, 75], axis=1),
            np.abs(change).mean(axis=1),
            (change**2).mean(axis=1),
            frequency[power.argmax(axis=1)],
            power.max(axis=1) / np.maximum(power.sum(axis=1), 1e-12),
            correlation[:, upper[0], upper[1]],
        ],
        axis=1,
    )


def series(signals: np.ndarray) -> np.ndarray:
    """Windows as aeon takes them: (windows, channels, size)."""
    return np.ascontiguousarray(signals.transpose(0, 2, 1))


def minirocket(seed: int) -> Any:
    """MiniRocket: Dempster, Schmidt and Webb 2021."""
    from aeon.classification.convolution_based import MiniRocketClassifier

    return MiniRocketClassifier(random_state=seed, n_jobs=1)


def hydra(seed: int) -> Any:
    """Hydra: Dempster, Schmidt and Webb 2023."""
    from aeon.classification.convolution_based import HydraClassifier

    return HydraClassifier(random_state=seed, n_jobs=1)


def multirocket_hydra(seed: int) -> Any:
    """MultiRocket and Hydra together: Dempster, Schmidt and Webb 2023."""
    from aeon.classification.convolution_based import MultiRocketHydraClassifier

    return MultiRocketHydraClassifier(random_state=seed, n_jobs=1)


def random_forest(seed: int) -> Any:
    """Random forest of 500 trees: Breiman 2001."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=500, random_state=seed, n_jobs=1)


def gradient_boosting(seed: int) -> Any:
    """Gradient boosting on histograms: Ke et al. 2017, as in scikit-learn."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(random_state=seed)


@dataclass(frozen=True)
class Rival:
    """How a rival is made, and what it looks at."""

    make: Callable[[int], Any]
    features: Callable[[np.ndarray], np.ndarray]


RIVALS = {
    "random_forest": Rival(random_forest, statistics),
    "gradient_boosting": Rival(gradient_boosting, statistics),
    "minirocket": Rival(minirocket, series),
    "hydra": Rival(hydra, series),
    "multirocket_hydra": Rival(multirocket_hydra, series),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the rivals; trials that are there are kept.")
    parser.add_argument("--only", nargs="+", choices=RIVALS, default=list(RIVALS))
    parser.add_argument("--part", choices=["crossval", "test", "all"], default="all")
    parser.add_argument(
        "--seeds", type=int, default=len(SEEDS), help="of the trials on the test subjects"
    )
    arguments = parser.parse_args()
    recordings, digest = uci_har.read(RAW / "uci_har")
    whole = windows.cut_windows(recordings, uci_har.WINDOW, 0.5, GROUPS, digest)
    training = whole.of("train")
    folds = subject_folds(training.subject, FOLDS, SPLIT_SEED)
    for name in arguments.only:
        if arguments.part != "test":
            for fold, held_out in enumerate(folds):
                out = np.isin(training.subject, held_out)
                part = trials.fold_name(fold, FOLDS)
                once(name, part, 0, training.select(~out), training.select(out))
        if arguments.part != "crossval":
            for seed in range(arguments.seeds):
                once(name, trials.TEST, seed, training, whole.of("test"))


def once(name: str, part: str, seed: int, train: Windows, held_out: Windows) -> None:
    """Run a trial and store it, unless it is stored."""
    rival = RIVALS[name]
    classifier = rival.make(seed)
    settings = {
        "windowing.channels": list(GROUPS),
        "split.seed": SPLIT_SEED,
        **{package: version(package) for package in ("aeon", "scikit-learn", "numpy")},
        **{
            f"{type(classifier).__name__}.{key}": value
            for key, value in classifier.get_params().items()
            if key != "random_state"
        },
    }
    path = trials.path_of(TRIALS, name, part, seed)
    if path.exists():
        stored = trials.load(path)
        if (stored.settings, stored.dataset_digest) != (settings, train.dataset_digest):
            raise HarError(
                f"{path} is of other settings, versions or data: delete {path.parent} to begin anew"
            )
        return
    start = time.process_time()
    classifier.fit(rival.features(train.signals), train.label)
    fitted = time.process_time()
    predicted = classifier.predict(rival.features(held_out.signals))
    done = time.process_time()
    trial = trials.Trial(
        name=name,
        part=part,
        seed=seed,
        settings=settings,
        dataset_digest=train.dataset_digest,
        activities=train.activities.tolist(),
        parameters=None,
        train_seconds=round(fitted - start, 1),
        predict_ms=round(1000 * (done - fitted) / len(held_out), 4),
        model_bytes=len(pickle.dumps(classifier)),
        confusion=trials.confusion_by_subject(
            held_out.label, predicted, held_out.subject, len(held_out.activities)
        ),
    )
    trials.save(TRIALS, trial)
    shown = "" if part == trials.TEST else f", accuracy {trials.accuracy([trial]):.4f}"
    print(f"{name} {part} seed {seed}: fitted in {trial.train_seconds} s{shown}", flush=True)


if __name__ == "__main__":
    with in_one_line("interrupted; finished trials are kept, run the same again to go on"):
        if find_spec("aeon") is None:
            raise HarError("aeon is not installed here: `make rivals` makes an environment for it")
        main()
