"""The protocol: subject-grouped cross-validation for choosing, and the final fit for the score.

Every choice is made on the training subjects, each held out once. The final fit trains on all of
them, for a fixed length, and is scored on the test subjects.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from safetensors.torch import save as to_bytes

from har.data.splits import subject_folds
from har.data.windows import Windows
from har.errors import HarError
from har.evaluation import trials
from har.evaluation.trials import TEST, Trial
from har.learning.networks import (
    Classifier,
    choose_device,
    count_parameters,
    predict_probabilities,
)
from har.learning.training import fit
from har.parallel import side_by_side
from har.params import Params, Train
from har.signals.scaling import fit_scaling

logger = logging.getLogger(__name__)


def planned(windows: Windows, params: Params) -> dict[tuple[str, int], np.ndarray]:
    """The trials that `params.crossval` asks for: part and seed, and who is held out.

    Args:
        windows: Unscaled, with the data set's own `"train"` and `"test"` as splits.
        params: `crossval` and `split.seed`, which deals people into folds.

    Raises:
        HarError: There are fewer training subjects than folds, or nothing is asked for.
    """
    protocol = params.crossval
    folds = people_by_fold(windows, params)
    plan = {
        (fold, seed): held_out for seed in range(protocol.seeds) for fold, held_out in folds.items()
    }
    test_subjects = np.unique(windows.of("test").subject)
    if protocol.test_seeds and not len(test_subjects):
        raise HarError(
            "crossval.test_seeds: nobody is a test subject; name some by split.test_subjects"
        )
    plan |= {(TEST, seed): test_subjects for seed in range(protocol.test_seeds)}
    if not plan:
        raise HarError("crossval.seeds and crossval.test_seeds are 0: nothing to train")
    return plan


def people_by_fold(windows: Windows, params: Params) -> dict[str, np.ndarray]:
    """The training subjects who are held out together, by the name of their fold.

    Args:
        windows: As for `planned`.
        params: `crossval.folds`, and `split.seed`, which deals people into folds.

    Raises:
        HarError: There are fewer training subjects than folds.
    """
    count = params.crossval.folds
    groups = subject_folds(windows.of("train").subject, count, params.split.seed)
    return {trials.fold_name(fold, count): held_out for fold, held_out in enumerate(groups)}


def deciding_settings(params: Params) -> dict[str, Any]:
    """The settings that decide a trial's outcome, beside its part and seed.

    A way of training or augmenting that is off (0) is left out: a trial of today stays what it is
    when another way is added tomorrow.
    """
    settings: dict[str, Any] = {
        "dataset.names": params.dataset.names,
        "split.seed": params.split.seed,
    }
    sections: dict[str, dict[str, Any]] = {
        "split": _in_use(params.split.model_dump(include={"test_subjects"})),
        "windowing": params.windowing.model_dump(),
        "normalization": params.normalization.model_dump(),
        "model": {
            key: value
            for key, value in params.model.model_dump().items()
            if (key, value) != ("frames", ["measured"])
        },
        "train": _in_use(
            _alone(params.train).model_dump(exclude={"seed", "keep", "device", "processes"})
        ),
        "augmentation": _in_use(params.augmentation.model_dump()),
    }
    if "simulated" in params.dataset.names:
        sections["simulated"] = params.simulated.model_dump()
    for section, values in sections.items():
        settings |= {f"{section}.{key}": value for key, value in values.items()}
    return settings


def _alone(train: Train) -> Train:
    """Trainings of the protocol run side by side, on a thread each, whatever the pipeline does."""
    return train.model_copy(update={"threads": 1})


def _in_use(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (0, [])}


@dataclass(frozen=True)
class HeldOut:
    """A network, and what it says of people that it has not seen.

    Attributes:
        model: The network.
        windows: Scaled windows of the people held out.
        probabilities: (windows, activities).
        train_seconds: CPU time of building and training it.
        predict_seconds: CPU time of all predictions.
    """

    model: Classifier
    windows: Windows
    probabilities: np.ndarray
    train_seconds: float
    predict_seconds: float


def train_and_predict(windows: Windows, params: Params, seed: int, held_out: np.ndarray) -> HeldOut:
    """Train on the training subjects who are not held out, and predict those who are.

    Scaling is fitted on the former alone, and the last epoch is kept: nothing about the people held
    out is known before they are scored.

    Args:
        windows: Unscaled windows of all.
        params: Settings.
        seed: Of the training.
        held_out: Numbers of the people to predict.
    """
    out = np.isin(windows.subject, held_out)
    known = windows.select(~out & (windows.split == "train"))
    unseen = windows.select(out)
    scaling = fit_scaling(known.signals, params.normalization.method)
    known, unseen = (replace(each, signals=scaling.apply(each.signals)) for each in (known, unseen))
    settings = _alone(params.train).model_copy(update={"seed": seed, "keep": "last"})
    start = time.process_time()
    model, _ = fit(
        known, scaling, params.model_copy(update={"train": settings}), show_progress=False
    )
    trained = time.process_time()
    probabilities = predict_probabilities(model, unseen.signals, torch.device("cpu"))
    done = time.process_time()
    return HeldOut(model, unseen, probabilities, trained - start, done - trained)


def hold_out_each_once(windows: Windows, params: Params) -> Iterator[HeldOut]:
    """Each training subject held out once, by one training a fold (`people_by_fold`).

    Args:
        windows: Unscaled windows of all.
        params: Settings; every training has the seed 0.
    """
    folds = people_by_fold(windows, params)
    work = (partial(train_and_predict, windows, params, 0, held_out) for held_out in folds.values())
    for done, one in enumerate(side_by_side(work, params.workers), start=1):
        logger.info("fold %d of %d", done, len(folds))
        yield one


def run_trial(
    windows: Windows, params: Params, part: str, seed: int, held_out: np.ndarray
) -> Trial:
    """Train on some people and score on others, as `train_and_predict`.

    Args:
        windows: Unscaled windows of all.
        params: Settings.
        part: Name of the part, for the trial.
        seed: Of the training.
        held_out: Numbers of the people to score.
    """
    result = train_and_predict(windows, params, seed, held_out)
    unseen, predicted = result.windows, result.probabilities.argmax(axis=1)
    return Trial(
        name=params.crossval.name,
        part=part,
        seed=seed,
        settings=deciding_settings(params),
        dataset_digest=windows.dataset_digest,
        activities=windows.activities.tolist(),
        parameters=count_parameters(result.model),
        train_seconds=round(result.train_seconds, 1),
        predict_ms=round(1000 * result.predict_seconds / len(unseen), 4),
        model_bytes=len(to_bytes(result.model.state_dict())),
        confusion=trials.confusion_by_subject(
            unseen.label, predicted, unseen.subject, len(unseen.activities)
        ),
        device=choose_device(params.train.device).type,
    )


def run_trials(
    windows: Windows, params: Params, plan: dict[tuple[str, int], np.ndarray]
) -> Iterator[Trial]:
    """Run planned trials side by side, and hand out each as it is done.

    Raises:
        HarError: The cluster cannot be reached.
    """
    return side_by_side(
        (
            partial(run_trial, windows, params, part, seed, held_out)
            for (part, seed), held_out in plan.items()
        ),
        params.workers,
    )
