from dataclasses import replace

import numpy as np
import pytest

from har.data.splits import assign_splits, subject_folds, with_test_subjects
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


def test_test_subjects_come_beside_the_data_sets_own(windows):
    split = assign_splits(windows, [2], seed=0, test_subjects=[4])
    assert set(windows.subject[split == "test"]) == {4, 5, 6}
    assert set(windows.subject[split == "val"]) == {2}
    assert set(windows.subject[split == "train"]) == {1, 3}


def test_test_subjects_are_drawn_where_a_data_set_names_none(windows):
    own = windows.of("train")
    with pytest.raises(HarError, match=r"or name some by split\.test_subjects"):
        assign_splits(own, 0, seed=0)
    drawn = set()
    for seed in range(10):
        split = assign_splits(own, 1, seed, test_subjects=1)
        people = {part: set(own.subject[split == part]) for part in ("train", "val", "test")}
        assert [len(people[part]) for part in ("train", "val", "test")] == [2, 1, 1]
        assert set.union(*people.values()) == {1, 2, 3, 4}
        assert np.array_equal(with_test_subjects(own, 1, seed).split == "test", split == "test")
        drawn |= people["test"]
    assert len(drawn) > 1


@pytest.mark.parametrize(
    ("test_subjects", "message"),
    [
        ([77], r"test_subjects: \[77\] are not training subjects"),
        ([5], r"test_subjects: \[5\] are test subjects"),
        (4, "test_subjects=4: there are 4 training subjects, and at least one must stay"),
        ([1, 2, 3, 4], "test_subjects: names all training subjects"),
    ],
)
def test_wrong_test_subjects(windows, test_subjects, message):
    with pytest.raises(HarError, match=message):
        assign_splits(windows, 0, seed=0, test_subjects=test_subjects)


def test_the_draw_of_validation_subjects_is_numpys_of_that_seed(windows):
    """Stored trials and reports name them."""
    drawn = np.random.default_rng(3).choice([1, 2, 3, 4], 2, replace=False)
    assert set(windows.subject[assign_splits(windows, 2, seed=3) == "val"]) == set(drawn)


def test_one_person_alone_cannot_be_divided(windows):
    with pytest.raises(HarError, match="windows of one person alone") as caught:
        assign_splits(windows.select(windows.subject == 3), 0, seed=0, test_subjects=0)
    assert "add another person's recordings, or a data set to dataset.names" in str(caught.value)


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
