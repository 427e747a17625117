"""Who is in which part: every person in one of training, validation and test."""

from dataclasses import replace

import numpy as np

from har.data.windows import Windows
from har.errors import HarError
from har.signals.scaling import Scaling, fit_scaling


def split_and_scale(
    windows: Windows,
    val_subjects: int | list[int],
    seed: int,
    method: str,
    test_subjects: int | list[int] = 0,
    overwrite: bool = False,
) -> tuple[Windows, Scaling]:
    """Set validation people apart, and scale all windows by what training people show.

    Args:
        windows: In g and rad/s, with the data sets' own `"train"` and `"test"` as splits.
        val_subjects: As for `assign_splits`.
        seed: Likewise.
        method: As for `har.signals.scaling.fit_scaling`, which sees training people alone.
        test_subjects: As for `assign_splits`.
        overwrite: Scale in the memory of the windows' signals, which are not needed any more.

    Returns:
        The windows, with `"val"` among their splits if `val_subjects` names anybody, and the
        scaling.

    Raises:
        HarError: As `assign_splits` and `fit_scaling`.
    """
    split = assign_splits(windows, val_subjects, seed, test_subjects)
    scaling = fit_scaling(windows.signals, method, of=split == "train")
    signals = scaling.apply(windows.signals, overwrite)
    return replace(windows, signals=signals, split=split), scaling


def assign_splits(
    windows: Windows,
    val_subjects: int | list[int],
    seed: int,
    test_subjects: int | list[int] = 0,
) -> np.ndarray:
    """Take test and validation subjects out of the training subjects.

    Args:
        windows: With the data sets' own `"train"` and `"test"` as splits.
        val_subjects: How many to draw, or which.
        seed: Seed of the draws.
        test_subjects: Beside the data sets' own: how many to draw, or which.

    Returns:
        str (windows,), `"train"`, `"val"` or `"test"`.

    Raises:
        HarError: A subject is in two parts, is not a training subject, or a part has nobody.
    """
    split = with_test_subjects(windows, test_subjects, seed).split
    training = np.unique(windows.subject[split == "train"])
    testing = np.unique(windows.subject[split == "test"])
    if both := np.intersect1d(training, testing).tolist():
        raise HarError(f"{windows.source}: subjects {both} are in the training and the test part")
    if len(training) + len(testing) == 1:
        raise HarError(
            f"{windows.source} has windows of one person alone, and training and test need "
            "different people: add another person's recordings, or a data set to dataset.names"
        )
    for part, subjects in (("training", training), ("test", testing)):
        if not len(subjects):
            or_name = "" if part == "training" else ", or name some by split.test_subjects"
            raise HarError(
                f"no {part} subject has a window of {windows.size} samples; "
                f"choose a smaller windowing.size{or_name}"
            )
    chosen = _chosen("val_subjects", val_subjects, training, testing, np.random.default_rng(seed))
    return np.where(np.isin(windows.subject, chosen), "val", split)


def with_test_subjects(windows: Windows, test_subjects: int | list[int], seed: int) -> Windows:
    """Windows in which some more of the training subjects are test subjects.

    Args:
        windows: With the data sets' own `"train"` and `"test"` as splits.
        test_subjects: How many to draw, or which.
        seed: Seed of the draw.

    Raises:
        HarError: One is not a training subject, or none would be left.
    """
    training = np.unique(windows.subject[windows.split == "train"])
    testing = np.unique(windows.subject[windows.split == "test"])
    draw = np.random.default_rng([seed, 1])  # another one than that of the validation subjects
    chosen = _chosen("test_subjects", test_subjects, training, testing, draw)
    return replace(windows, split=np.where(np.isin(windows.subject, chosen), "test", windows.split))


def _chosen(
    name: str,
    subjects: int | list[int],
    training: np.ndarray,
    testing: np.ndarray,
    draw: np.random.Generator,
) -> np.ndarray:
    """Those of the training subjects that a setting draws or names."""
    if isinstance(subjects, int):
        if subjects and subjects >= len(training):
            raise HarError(
                f"{name}={subjects}: there are {len(training)} training subjects, "
                "and at least one must stay; choose fewer"
            )
        return draw.choice(training, subjects, replace=False)
    chosen = np.array(subjects, dtype=int)
    if wrong := np.setdiff1d(chosen, training).tolist():
        kind = "test subjects" if np.isin(wrong, testing).all() else "not training subjects"
        raise HarError(f"{name}: {wrong} are {kind}; choose among {training.tolist()}")
    if len(chosen) and len(chosen) == len(training):
        raise HarError(f"{name}: names all training subjects; leave at least one")
    return chosen


def subject_folds(subjects: np.ndarray, folds: int, seed: int) -> list[np.ndarray]:
    """Deal people out into groups of nearly equal number, each held out once.

    Args:
        subjects: Numbers of the people, in any order, repeated or not.
        folds: How many groups; as many as people is one person at a time.
        seed: Seed of the deal.

    Returns:
        Sorted subjects per fold.

    Raises:
        HarError: There are fewer people than folds.
    """
    people = np.unique(subjects)
    if folds > len(people):
        raise HarError(
            f"crossval.folds={folds}: there are {len(people)} training subjects; choose fewer folds"
        )
    dealt = np.random.default_rng(seed).permutation(people)
    return [np.sort(group) for group in np.array_split(dealt, folds)]
