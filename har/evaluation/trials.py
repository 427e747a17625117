"""Trials: what one training of one configuration scored, and what many of them say together.

A trial holds a confusion matrix per held-out person, so that every score, and its uncertainty, can
be worked out from the stored files, by person, without training again.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from har.errors import HarError
from har.evaluation import metrics
from har.files import replacing_file

if TYPE_CHECKING:
    import pandas as pd

TEST = "test"
"""The part of a trial on the test subjects, trained on all training subjects."""

RESAMPLES = 10_000

T = TypeVar("T", bound=BaseModel)


def _of_windows(rows: list[list[int]]) -> list[list[int]]:
    if any(len(row) != len(rows) for row in rows):
        raise ValueError("should have as many columns as rows")
    if not any(map(sum, rows)):
        raise ValueError("should be of at least one window")
    return rows


Count = Annotated[int, Field(ge=0)]
Confusion = Annotated[list[list[Count]], AfterValidator(_of_windows)]
"""A confusion matrix: rows the actual activity, columns the predicted one."""


class Trial(BaseModel):
    """One training, scored on people that it has not seen.

    Attributes:
        name: Of the configuration.
        part: Who was held out: a fold such as `"fold2of5"`, or `"test"`.
        seed: Seed of the training.
        settings: All that decides the outcome beside part and seed, by dotted name.
        dataset_digest: SHA-256 of the data sets' content.
        activities: Name of each class.
        parameters: Trained weights; None for methods that count none.
        train_seconds: CPU time of the training, all threads together.
        predict_ms: CPU time per held-out window, predicted in batches, milliseconds.
        model_bytes: Size of the trained model on disk.
        confusion: Windows per held-out person: rows the actual activity, columns the predicted one.
        device: Where it was trained.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str
    part: str
    seed: int
    settings: dict[str, Any]
    dataset_digest: str
    activities: list[str]
    parameters: int | None
    train_seconds: float
    predict_ms: float
    model_bytes: int
    confusion: dict[int, Confusion] = Field(min_length=1)
    device: str = "cpu"

    @model_validator(mode="after")
    def _of_these_activities(self) -> "Trial":
        for person, rows in self.confusion.items():
            if len(rows) != len(self.activities):
                raise ValueError(f"confusion.{person}: {len(rows)} activities")
        return self


def fold_name(fold: int, folds: int) -> str:
    """The part of a cross-validation's fold, such as `"fold2of5"`."""
    return f"fold{fold}of{folds}"


def confusion_by_subject(
    actual: np.ndarray, predicted: np.ndarray, subject: np.ndarray, classes: int
) -> dict[int, list[list[int]]]:
    """A confusion matrix per person: rows the actual activity, columns the predicted one.

    Args:
        actual: int (windows,), indices of activities.
        predicted: int (windows,), likewise.
        subject: int (windows,).
        classes: How many activities there are.
    """
    tables = {}
    for person in np.unique(subject):
        rows = subject == person
        tables[int(person)] = metrics.confusion(actual[rows], predicted[rows], classes).tolist()
    return tables


def tables_of(predictions: "pd.DataFrame", activities: Sequence[str]) -> dict[int, np.ndarray]:
    """A confusion matrix per person, of a table with a row per window.

    Args:
        predictions: With the columns `subject`, `actual` and `predicted`.
        activities: All that occur, in the order of rows and columns.
    """
    number = {name: index for index, name in enumerate(activities)}
    actual, predicted = (
        predictions[column].map(number).to_numpy() for column in ("actual", "predicted")
    )
    subject = predictions["subject"].to_numpy()
    tables = confusion_by_subject(actual, predicted, subject, len(activities))
    return {person: np.array(table) for person, table in tables.items()}


def path_of(folder: Path, name: str, part: str, seed: int) -> Path:
    """The file of a trial."""
    return folder / name / f"{part}-seed{seed}.json"


def save(folder: Path, trial: Trial) -> None:
    """Write a trial to its file."""
    store(path_of(folder, trial.name, trial.part, trial.seed), trial)


def load(path: Path) -> Trial:
    """Read what `save` wrote; raises HarError as `restore`."""
    return restore(path, Trial)


def store(path: Path, trial: BaseModel) -> None:
    """Write a trial of any kind."""
    with replacing_file(path) as partial:
        partial.write_text(trial.model_dump_json() + "\n", encoding="utf-8")


def restore(path: Path, kind: type[T]) -> T:
    """Read what `store` wrote.

    Raises:
        HarError: The file is damaged.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError:
        raise HarError(f"{path} is damaged: delete it, and its trial is run again") from None


def load_all(folder: Path) -> dict[str, list[Trial]]:
    """The stored trials of every configuration, sorted by file name."""
    found: dict[str, list[Trial]] = {}
    for path in sorted(folder.glob("*/*.json")):
        found.setdefault(path.parent.name, []).append(load(path))
    return found


def of_part(trials: Sequence[Trial], part: str) -> list[Trial]:
    """The trials on folds, `"cv"`, or those on the test subjects, `"test"`."""
    return [trial for trial in trials if (trial.part == TEST) == (part == "test")]


def by_person(trials: Sequence[Trial]) -> dict[int, np.ndarray]:
    """Each person's confusion matrix, seeds together; people in the order of their numbers."""
    tables: dict[int, np.ndarray] = {}
    for trial in trials:
        for person, rows in trial.confusion.items():
            tables[person] = tables.get(person, 0) + np.array(rows)
    return dict(sorted(tables.items()))


def accuracy(trials: Sequence[Trial]) -> float:
    """Share of all held-out windows recognised."""
    return float(metrics.accuracy_of(_pooled(trials)))


def macro_f1(trials: Sequence[Trial]) -> float:
    """Mean F1 of the activities that occur, from the pooled confusion matrix."""
    return float(metrics.macro_f1(_pooled(trials)))


def accuracy_by_subject(trials: Sequence[Trial]) -> dict[int, float]:
    """Each person's accuracy, seeds together."""
    return {
        person: float(metrics.accuracy_of(table)) for person, table in by_person(trials).items()
    }


def accuracy_interval(trials: Sequence[Trial]) -> tuple[float, float]:
    """A 95 % interval of the accuracy for other people of the same kind.

    Percentiles of the bootstrap over people (Efron and Tibshirani 1993): a person is the unit,
    since the windows of one person are far from independent.
    """
    return interval(by_person(trials), metrics.accuracy_of)


def interval(
    tables: Mapping[int, np.ndarray], score: Callable[[np.ndarray], np.ndarray]
) -> tuple[float, float]:
    """A 95 % interval of a score for other people; as for `intervals`, of one score."""
    low, high = intervals(tables, score)
    return float(low), float(high)


def intervals(
    tables: Mapping[int, np.ndarray], score: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """95 % intervals of scores for other people: percentiles of the bootstrap over people.

    Args:
        tables: Confusion matrix of each person.
        score: From confusion matrices (..., activities, activities) to scores (..., scores).

    Returns:
        (2, scores): from and to.
    """
    people = sorted(tables)
    stacked = np.array([tables[person] for person in people])
    drawn = resample(len(people))
    times = (drawn[:, :, None] == np.arange(len(people))).sum(axis=1)
    drawn_scores = score(np.tensordot(times, stacked, axes=1))
    found: np.ndarray = np.percentile(drawn_scores, [2.5, 97.5], axis=0)
    return found


def device_of(trials: Sequence[Trial]) -> str:
    """The device that all of these were trained on.

    Raises:
        HarError: There are several. Their last digits and times differ, so they are not pooled.
    """
    devices = sorted({trial.device for trial in trials})
    if len(devices) > 1:
        names = ", ".join(sorted({trial.name for trial in trials}))
        raise HarError(
            f"{names}: trained on {' and on '.join(devices)}, which are neither pooled nor "
            "compared; delete the trials of one, or train on the same device"
        )
    return devices[0]


def summary(trials: Sequence[Trial]) -> dict[str, Any]:
    """What the trials of one configuration say together.

    Returns:
        `name`, `parameters`, `device`, `train_seconds` (mean); under `"cv"`, of trials on folds:
        `seeds`, `people`, `accuracy` with its 95 % interval `accuracy_low` to `accuracy_high`,
        `accuracy_sd` (standard deviation over seeds; None for one), `accuracy_sd_subjects` (over
        people), `f1` (macro), `worst_subject_accuracy`, `accuracy_by_seed`, `accuracy_by_subject`
        and `accuracy_by_fold`; under `"test"`, for those on the test subjects, the same without
        folds. Accuracies are over all windows, seeds together.

    Raises:
        HarError: As `device_of`.
    """
    result: dict[str, Any] = {
        "name": trials[0].name,
        "parameters": trials[0].parameters,
        "device": device_of(trials),
        "train_seconds": float(np.mean([trial.train_seconds for trial in trials])),
    }
    for part in ("cv", "test"):
        if not (chosen := of_part(trials, part)):
            continue
        low, high = accuracy_interval(chosen)
        seeds = sorted({trial.seed for trial in chosen})
        by_seed = [accuracy([trial for trial in chosen if trial.seed == seed]) for seed in seeds]
        by_subject = accuracy_by_subject(chosen)
        result[part] = {
            "seeds": len(seeds),
            "people": len(by_subject),
            "accuracy": accuracy(chosen),
            "accuracy_low": low,
            "accuracy_high": high,
            "accuracy_sd": float(np.std(by_seed, ddof=1)) if len(seeds) > 1 else None,
            "accuracy_sd_subjects": (
                float(np.std(list(by_subject.values()), ddof=1)) if len(by_subject) > 1 else None
            ),
            "f1": macro_f1(chosen),
            "worst_subject_accuracy": min(by_subject.values()),
            "accuracy_by_seed": dict(zip(seeds, by_seed, strict=True)),
            "accuracy_by_subject": by_subject,
        }
        if part == "cv":
            result[part]["accuracy_by_fold"] = {
                fold: accuracy([trial for trial in chosen if trial.part == fold])
                for fold in sorted({trial.part for trial in chosen})
            }
    return result


class Difference(BaseModel):
    """How much more accurate one configuration is than another, on the same people.

    Attributes:
        mean: Difference of the accuracies over all windows.
        low: Lower end of its 95 % interval.
        high: Upper end.
        people: How many people it rests on.
        better: People for whom the first is more accurate.
        worse: People for whom it is less accurate.
    """

    mean: float
    low: float
    high: float
    people: int
    better: int
    worse: int

    @property
    def more_than_chance(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


def compare(first: Sequence[Trial], second: Sequence[Trial]) -> Difference:
    """Compare two configurations, paired by person: a bootstrap over the people of both.

    The interval is for other people, given these trainings: it does not hold what another seed of
    the training would change, and it is not widened for making many comparisons.

    Args:
        first: Trials of one configuration, of any number of seeds.
        second: Those of the other, over the same people.

    Raises:
        HarError: The people, their windows or the devices differ.
    """
    device_of([*first, *second])
    if {trial.part for trial in first} != {trial.part for trial in second}:
        raise HarError("the two were not scored on the same folds: run the same for both")
    once, other_once = _windows_once(first), _windows_once(second)
    if once.keys() != other_once.keys():
        raise HarError("the two were not scored on the same people: run the same folds for both")
    if once != other_once or (
        {trial.dataset_digest for trial in first} != {trial.dataset_digest for trial in second}
    ):
        raise HarError("the two were not scored on the same windows")
    people = sorted(once)
    own, other = (
        np.array(list(accuracy_by_subject(trials).values())) for trials in (first, second)
    )
    # A person counts by windows, however many seeds there are of either.
    weight = np.array([once[person] for person in people]) / sum(once.values())
    gain = own - other
    drawn = resample(len(people))
    means = (gain * weight)[drawn].sum(axis=1) / weight[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Difference(
        mean=float((gain * weight).sum()),
        low=float(low),
        high=float(high),
        people=len(people),
        better=int((gain > 0).sum()),
        worse=int((gain < 0).sum()),
    )


def resample(people: int) -> np.ndarray:
    """People drawn anew, the same in every run: int (draws, people)."""
    return np.random.default_rng(0).integers(people, size=(RESAMPLES, people))


def _pooled(trials: Sequence[Trial]) -> np.ndarray:
    tables = [table for trial in trials for table in trial.confusion.values()]
    together: np.ndarray = np.sum(tables, axis=0)
    return together


def _windows_once(trials: Sequence[Trial]) -> dict[int, int]:
    """Windows of each person, counted once however many seeds there are."""
    return {
        person: int(np.sum(rows)) for trial in trials for person, rows in trial.confusion.items()
    }
