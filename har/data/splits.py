"""Who is in which part: every person in one of training, validation and test."""

from dataclasses import replace

import numpy as np

from har.data.windows import Windows
from har.errors import HarError
from har.signals.scaling import Scaling, fit_scaling


def split_and_scale(
    windows: Windows, val_subjects: int | list[int], seed: int, method: str
) -> tuple[Windows, Scaling]:
    """Set validation people apart, and scale all windows by what training people show.

    Args:
        windows: In g and rad/s, with the data set's own `"train"` and `"test"` as splits.
        val_subjects: As for `assign_splits`.
        seed: Likewise.
        method: As for `har.signals.scaling.fit_scaling`, which sees training people alone.

    Returns:
        The windows, with `"val"` among their splits if `val_subjects` names anybody, and the
        scaling.

    Raises:
        HarError: As `assign_splits` and `fit_scaling`.
    """
    split = assign_splits(windows, val_subjects, seed)
    scaling = fit_scaling(windows.signals[split == "train"], method)
    return replace(windows, signals=scaling.apply(windows.signals), split=split), scaling


def assign_splits(windows: Windows, val_subjects: int | list[int], seed: int) -> np.ndarray:
    """Take validation subjects out of the training subjects.

    Args:
        windows: With the data set's own `"train"` and `"test"` as splits.
        val_subjects: How many to draw, or which.
        seed: Seed of the draw.

    Returns:
        str (windows,), `"train"`, `"val"` or `"test"`.

    Raises:
        HarError: A subject is in two parts, is not a training subject, or a part has nobody.
    """
    training = np.unique(windows.subject[windows.split == "train"])
    testing = np.unique(windows.subject[windows.split == "test"])
    for part, subjects in (("training", training), ("test", testing)):
        if not len(subjects):
            raise HarError(
                f"no {part} subject has a window of {windows.size} samples; "
                "choose a smaller windowing.size"
            )
    if both := np.intersect1d(training, testing).tolist():
        raise HarError(f"{windows.source}: subjects {both} are in the training and the test part")
    if isinstance(val_subjects, int):
        if val_subjects >= len(training):
            raise HarError(
                f"val_subjects={val_subjects}: there are {len(training)} training subjects, "
                "and at least one must stay; choose fewer"
            )
        chosen = np.random.default_rng(seed).choice(training, val_subjects, replace=False)
    else:
        chosen = np.array(val_subjects, dtype=int)
        if wrong := np.setdiff1d(chosen, training).tolist():
            kind = "test subjects" if np.isin(wrong, testing).all() else "not training subjects"
            raise HarError(f"val_subjects: {wrong} are {kind}; choose among {training.tolist()}")
        if len(chosen) == len(training):
            raise HarError("val_subjects: names all training subjects; leave at least one")
    return np.where(np.isin(windows.subject, chosen), "val", windows.split)


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
