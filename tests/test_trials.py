import numpy as np
import pytest

from har.errors import HarError
from har.evaluation import trials
from har.evaluation.trials import Trial, compare, summary
from har.signals.recordings import UCI_HAR_ACTIVITIES


def trial(confusion, part="fold0of2", seed=0, name="some", digest="abc", device="cpu"):
    return Trial(
        name=name,
        part=part,
        seed=seed,
        settings={"model.hidden_size": 8},
        dataset_digest=digest,
        activities=list(UCI_HAR_ACTIVITIES),
        parameters=100,
        train_seconds=2.0,
        predict_ms=0.1,
        model_bytes=400,
        confusion=confusion,
        device=device,
    )


def person(correct, wrong):
    """Correct windows of every activity, and wrong ones: walking taken for lying."""
    table = np.eye(6, dtype=int) * correct
    table[0, 5] = wrong
    return table.tolist()


def erring(wrong):
    """80 windows of a person, so many of them wrong."""
    table = np.eye(6, dtype=int) * 10
    table[0, 0], table[0, 5] = 30 - wrong, wrong
    return table.tolist()


def test_confusion_by_subject_counts_windows():
    actual, predicted = np.array([0, 0, 1, 5]), np.array([0, 2, 1, 5])
    tables = trials.confusion_by_subject(actual, predicted, np.array([7, 7, 7, 9]), 6)
    assert list(tables) == [7, 9]
    assert tables[7][0] == [1, 0, 1, 0, 0, 0]
    assert np.array(tables[7]).sum() == 3
    assert np.array(tables[9]).sum() == tables[9][5][5] == 1


def test_a_trial_comes_back_from_its_file(tmp_path):
    stored = trial({3: person(1, 2)})
    trials.save(tmp_path, stored)
    assert trials.load_all(tmp_path) == {"some": [stored]}
    path = trials.path_of(tmp_path, "some", "fold0of2", 0)
    path.write_text(path.read_text()[:50])
    with pytest.raises(HarError, match=r"fold0of2-seed0.json is damaged: delete it"):
        trials.load(path)


@pytest.mark.parametrize(
    "table",
    [
        np.zeros((6, 6), int).tolist(),  # of nobody's windows there is no accuracy
        np.eye(5, dtype=int).tolist(),
        [[1, 2, 3]] * 6,
        (-np.eye(6, dtype=int)).tolist(),
        [],
    ],
)
def test_a_trial_that_scored_nothing_is_damaged(tmp_path, table):
    stored = trial({3: person(1, 2)}).model_copy(update={"confusion": {3: table}})
    trials.save(tmp_path, stored)
    path = trials.path_of(tmp_path, "some", "fold0of2", 0)
    with pytest.raises(HarError, match=r"fold0of2-seed0.json is damaged: delete it"):
        trials.load(path)


def test_summary_by_hand():
    done = [
        trial({1: person(1, 0)}, "fold0of2"),
        trial({2: person(1, 6)}, "fold1of2"),
        trial({1: person(1, 6)}, "fold0of2", seed=1),
        trial({2: person(1, 0)}, "fold1of2", seed=1),
        trial({5: person(2, 3)}, "test"),
    ]
    whole = summary(done)
    cv, test = whole["cv"], whole["test"]
    assert (cv["people"], cv["seeds"], test["people"], test["seeds"]) == (2, 2, 1, 1)
    assert cv["accuracy"] == pytest.approx(24 / 36)
    assert cv["accuracy_by_fold"] == {
        "fold0of2": pytest.approx(12 / 18),
        "fold1of2": pytest.approx(12 / 18),
    }
    assert cv["accuracy_sd"] == pytest.approx(0)
    assert test["accuracy"] == test["worst_subject_accuracy"] == pytest.approx(12 / 15)
    assert test["accuracy_sd"] is None
    # Four activities without an error; walking found 2 of 5, lying right in 2 of 5.
    assert test["f1"] == pytest.approx((4 + 2 * 4 / 7) / 6)


def test_the_interval_is_over_people_not_windows():
    """Many windows of two people who differ leave it wide; many people who agree make it narrow."""
    low, high = trials.accuracy_interval([trial({1: person(1000, 0), 2: person(1000, 6000)})])
    assert low == pytest.approx(0.5)
    assert high == pytest.approx(1.0)
    low, high = trials.accuracy_interval([trial({n: person(3, 2) for n in range(40)})])
    assert low == pytest.approx(0.9)
    assert high == pytest.approx(0.9)


def test_a_difference_that_every_person_shows_is_more_than_chance():
    rng = np.random.default_rng(0)
    hard = rng.integers(0, 20, 21)  # people differ far more than the two configurations do
    first = trial({n: erring(int(hard[n])) for n in range(21)})
    second = trial({n: erring(int(hard[n]) + 1) for n in range(21)}, name="other")
    difference = compare([first], [second])
    assert (difference.better, difference.worse, difference.people) == (21, 0, 21)
    ends = (difference.low, difference.mean, difference.high)
    assert ends == pytest.approx((1 / 80, 1 / 80, 1 / 80))
    assert difference.more_than_chance
    assert compare([second], [first]).mean == pytest.approx(-difference.mean)


def test_a_difference_that_goes_both_ways_is_not():
    first = trial({n: erring(5 * (n % 2)) for n in range(20)})
    second = trial({n: erring(5 * ((n + 1) % 2)) for n in range(20)}, name="other")
    difference = compare([first], [second])
    assert difference.low < 0 < difference.high
    assert not difference.more_than_chance


def test_seeds_of_one_fold_alone_do_not_change_the_weights():
    first = [trial({1: erring(2)}, "fold0of2"), trial({2: erring(4)}, "fold1of2")]
    second = [trial({1: erring(4)}, "fold0of2"), trial({2: erring(2)}, "fold1of2")]
    assert compare(first, second).mean == pytest.approx(0)
    more = trial({1: erring(2)}, "fold0of2", seed=1)
    assert compare([*first, more], second).mean == pytest.approx(0)


def test_trials_of_a_cpu_and_a_gpu_are_neither_pooled_nor_compared():
    mixed = [trial({1: erring(0)}), trial({1: erring(0)}, seed=1, device="cuda")]
    with pytest.raises(
        HarError, match="some: trained on cpu and on cuda, which are neither pooled"
    ):
        summary(mixed)
    with pytest.raises(HarError, match="some: trained on cpu and on cuda"):
        compare(mixed[:1], mixed[1:])
    assert summary(mixed[1:])["device"] == "cuda"


def test_only_the_same_people_windows_folds_and_data_are_compared():
    one = trial({1: erring(0)})
    with pytest.raises(HarError, match="same people"):
        compare([one], [trial({2: erring(0)})])
    with pytest.raises(HarError, match="same windows"):
        compare([one], [trial({1: person(1, 0)})])
    with pytest.raises(HarError, match="same windows"):
        compare([one], [trial({1: erring(0)}, digest="other")])
    with pytest.raises(HarError, match="same folds"):
        compare([one], [trial({1: erring(0)}, part="fold0of5")])
