"""Cross-validate the settings of params.yaml, and score them on the test subjects if asked to.

Cuts the recordings of data/raw into the windows that the settings ask for (the data set is fetched
where that folder is not there) and writes a file per training to experiments/trials/NAME/.
Trainings that are there are not run again, so a run that was killed goes on where it stopped; after
a change of the code, delete their folder first.

    python -m experiments.crossval --crossval.name wide --model.hidden_size 128
    python -m experiments.crossval --crossval.test_seeds 5       # once all is chosen
"""

import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np

from experiments.table import TRIALS
from har.data.loading import read_with_digest
from har.data.splits import with_test_subjects
from har.data.windows import Windows, cut_windows
from har.errors import HarError
from har.evaluation import trials
from har.evaluation.crossval import deciding_settings, planned, run_trials
from har.evaluation.trials import Trial
from har.learning.networks import choose_device
from har.params import Params
from har.tracking import Tracker, watched
from stages.common import RAW, project_root, run
from stages.mlflow_run import origin


def windows_of(params: Params) -> Windows:
    """All windows that the settings ask for, unscaled."""
    windowing = params.windowing
    recordings, digest = read_with_digest(params.dataset.names, RAW, params.simulated)
    windows = cut_windows(recordings, windowing.size, windowing.overlap, windowing.channels, digest)
    return with_test_subjects(windows, params.split.test_subjects, params.split.seed)


def main(params: Params) -> None:
    windows = windows_of(params)
    name = params.crossval.name
    plan = planned(windows, params)
    done = _stored(TRIALS, params, plan, windows)
    missing = {key: held_out for key, held_out in plan.items() if key not in done}
    print(f"{name}: {len(plan)} trainings, {len(done)} of them stored")
    for trial in run_trials(windows, params, missing) if missing else ():
        trials.save(TRIALS, trial)
        done[trial.part, trial.seed] = trial
        shown = f", accuracy {trials.accuracy([trial]):.4f}" if trial.part != trials.TEST else ""
        print(
            f"{name} {trial.part} seed {trial.seed}: {trial.train_seconds:.0f} s{shown} "
            f"({len(done)} of {len(plan)})",
            flush=True,
        )
    ordered = [done[key] for key in plan]
    summary = trials.summary(ordered)
    record(ordered, summary, params)
    if cv := summary.get("cv"):
        print(
            f"{name}: accuracy {cv['accuracy']:.4f}, 95 % interval {cv['accuracy_low']:.4f} to "
            f"{cv['accuracy_high']:.4f}, macro F1 {cv['f1']:.4f}, over {cv['people']} people"
        )
    if test := summary.get("test"):
        print(
            f"{name}: test accuracy {test['accuracy']:.4f}, macro F1 {test['f1']:.4f}, worst "
            f"person {test['worst_subject_accuracy']:.4f}, over {test['seeds']} seeds"
        )


def record(done: list[Trial], summary: dict[str, Any], params: Params) -> None:
    """Tell MLflow: a run for the configuration, and below it one for each training.

    A configuration that is recorded already, with the same trainings, is left as it is.
    """
    name = params.crossval.name
    outcome = hashlib.sha256(repr(done).encode()).hexdigest()
    with watched(f"cross-validation {name}", "the same command delivers it later"):
        tracker = Tracker(project_root(), "experiments.crossval")
        if tracker.newest(crossval=name, outcome=outcome):
            return
        now = {"epoch": 0, "time": time.time() * 1000}
        parent = tracker.start(f"crossval-{name}", origin() | {"crossval": name}, params.flat())
        for trial in done:
            run_id = tracker.start(
                f"{trial.name}-{trial.part}-seed{trial.seed}",
                origin() | {"part": trial.part, "dataset_digest": trial.dataset_digest},
                trial.settings | {"train.seed": trial.seed},
                parent=parent,
            )
            scores = {
                "accuracy": trials.accuracy([trial]),
                "f1": trials.macro_f1([trial]),
                "train_seconds": trial.train_seconds,
                "predict_ms": trial.predict_ms,
                **{
                    f"accuracy_subject_{person}": value
                    for person, value in trials.accuracy_by_subject([trial]).items()
                },
            }
            tracker.log(run_id, [now | scores])
            tracker.end(run_id, "FINISHED")
        together = {
            f"{part}/{key}": float(value)
            for part in ("cv", "test")
            for key, value in summary.get(part, {}).items()
            if isinstance(value, int | float)
        }
        tracker.log(parent, [now | together])
        # Last, so that a record that was cut short is not taken for a whole one.
        tracker.end(parent, "FINISHED", outcome=outcome)


def _stored(
    folder: Path, params: Params, plan: dict[tuple[str, int], np.ndarray], windows: Windows
) -> dict[tuple[str, int], Trial]:
    """The planned trials that were run before.

    Raises:
        HarError: A trial of this name, planned or not, is of other settings, data, folds or device.
    """
    name, settings = params.crossval.name, deciding_settings(params)
    found = {}
    for path in sorted((folder / name).glob("*.json")):
        trial = trials.load(path)
        other = [
            key
            for key in sorted({*settings, *trial.settings})
            if settings.get(key) != trial.settings.get(key)
        ]
        if trial.dataset_digest != windows.dataset_digest:
            other.append("the data")
        if trial.part != trials.TEST and not trial.part.endswith(f"of{params.crossval.folds}"):
            other.append("crossval.folds")
        if trial.device != choose_device(params.train.device).type:
            other.append("train.device")
        if other:
            raise HarError(
                f"{path.parent} holds trainings with another {', '.join(other)}: choose another "
                f"crossval.name, or delete that folder"
            )
        if (trial.part, trial.seed) in plan:
            found[trial.part, trial.seed] = trial
    return found


if __name__ == "__main__":
    run(main)
