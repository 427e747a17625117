from dataclasses import replace

import numpy as np
import pytest

from har.errors import HarError
from har.splits import assign_splits


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
