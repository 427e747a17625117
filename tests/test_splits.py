from dataclasses import replace

import numpy as np
import pytest

from har.data.splits import assign_splits, subject_folds
from har.errors import HarError


def test_validation_subjects_by_name(windows):
    split = assign_splits(windows, [2, 3], seed=0)
    assert set(windows.subject[split == "train"]) == {1, 4}
    assert set(windows.subject[split == "val"]) == {2, 3}
    assert set(windows.subject[split == "test"]) == {5, 6}


def test_validation_subjects_by_count_are_drawn_from_training_ones_by_seed(windows):
    drawn = set()
    for seed in range(10):
        split = assign_splits(windows, 1, seed)
        chosen = set(windows.subject[split == "val"])
        assert len(chosen) == 1
        assert np.array_equal(split, assign_splits(windows, 1, seed))
        drawn |= chosen
    assert drawn <= {1, 2, 3, 4}
    assert len(drawn) > 1


def test_no_validation_subjects(windows):
    for none in (0, []):
        assert "val" not in assign_splits(windows, none, seed=0)


@pytest.mark.parametrize(("split", "part"), [("test", "training"), ("train", "test")])
def test_a_part_without_windows_is_an_error(windows, split, part):
    with pytest.raises(HarError, match=f"no {part} subject has a window of 64 samples"):
        assign_splits(windows.of(split), [], seed=0)


@pytest.mark.parametrize(
    ("val_subjects", "message"),
    [
        ([5], r"\[5\] are test subjects"),
        ([77], r"\[77\] are not training subjects"),
        (4, "at least one must stay"),
        ([1, 2, 3, 4], "leave at least one"),
    ],
)
def test_wrong_validation_subjects(windows, val_subjects, message):
    with pytest.raises(HarError, match=message):
        assign_splits(windows, val_subjects, seed=0)


def test_a_person_in_two_parts_is_an_error(windows):
    split = windows.split.copy()
    split[np.flatnonzero(windows.subject == 2)[0]] = "test"
    with pytest.raises(HarError, match=r"subjects \[2\] are in the training and the test part"):
        assign_splits(replace(windows, split=split), 1, seed=0)


def test_folds_hold_everybody_out_once_in_groups_of_nearly_equal_number():
    subjects = np.repeat([3, 1, 4, 15, 9, 2, 6], 5)
    folds = subject_folds(subjects, 3, seed=0)
    assert sorted(np.concatenate(folds)) == [1, 2, 3, 4, 6, 9, 15]
    assert sorted(map(len, folds)) == [2, 2, 3]
    again = subject_folds(subjects, 3, seed=0)
    assert all(np.array_equal(*pair) for pair in zip(folds, again, strict=True))
    others = [subject_folds(subjects, 3, seed=seed)[0].tolist() for seed in range(1, 6)]
    assert any(other != folds[0].tolist() for other in others)


def test_as_many_folds_as_people_is_one_person_at_a_time():
    folds = subject_folds(np.arange(21), 21, seed=0)
    assert all(len(fold) == 1 for fold in folds)
    with pytest.raises(HarError, match=r"crossval.folds=22: there are 21 training subjects"):
        subject_folds(np.arange(21), 22, seed=0)
