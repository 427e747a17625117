"""The protocol by which profiles are measured (`experiments.teach`)."""

import numpy as np
import pandas as pd
import pytest

from experiments import teach
from experiments.teach import Answers, Asked
from har.model.bundle import Smoothing
from har.signals.recordings import ACTIVITIES


def made(dataset="hapt", bouts=(3, 2), length=40, subject=1, seed=0):
    """A network that knows nothing, and features that tell all: so many bouts of two activities."""
    rng = np.random.default_rng(seed)
    bout = np.repeat(np.arange(sum(bouts)), length)
    label = np.where(bout < bouts[0], 0, 3)
    features = rng.normal(0, 0.1, (len(label), 6))
    features[:, 0] += label
    features[:, -3:] = [1, 0, 0]
    return Answers(
        np.full((len(label), len(ACTIVITIES)), 1 / len(ACTIVITIES)),
        features,
        label,
        np.full(len(label), subject),
        np.full(len(label), "waist"),
        bout,
        np.full(len(label), dataset),
        np.array(ACTIVITIES),
    )


SMOOTHING = Smoothing(
    durations=[20.0] * len(ACTIVITIES),
    priors=[1 / len(ACTIVITIES)] * len(ACTIVITIES),
    together=[3, 4, 5],
)


def test_the_first_bout_teaches_and_others_are_scored():
    (person,) = teach.people(made())
    taught = {key: [set(each.bout) for each in lessons] for key, lessons in person.lessons.items()}
    assert taught == {0: [{0}], 3: [{3}]}
    assert set(person.scored.bout) == {1, 2, 4}
    assert len(person.scored.label) == 3 * 40


@pytest.mark.parametrize(("dataset", "bouts"), [("hapt", (1, 1)), ("dsads", (2, 1))])
def test_of_a_single_recording_the_first_half_teaches_and_what_follows_is_left_out(dataset, bouts):
    answers = made(dataset, bouts, length=100)
    (person,) = teach.people(answers)
    lessons = [each for stretches in person.lessons.values() for each in stretches]
    assert [len(each.label) for each in lessons] == [50] * sum(bouts)
    assert len(person.scored.label) == sum(bouts) * (100 - 50 - teach.APART)


def test_windows_that_teach_are_spread_over_the_stretch():
    answers = made(bouts=(1, 1), length=10)
    stretch = answers.select(answers.bout == 0)
    for windows, rows in ((1, [5]), (2, [2, 7]), (0, list(range(10))), (99, list(range(10)))):
        means, activities = teach.means_of({0: [stretch]}, windows)
        np.testing.assert_allclose(means, [stretch.features[rows].mean(axis=0)])
        assert activities.tolist() == [0]


def test_scores_are_by_person_and_say_who_is_worse_off():
    people = [made(subject=number, seed=number) for number in (1, 2)]
    rows = pd.DataFrame(
        [row for each in people for row in teach.scores("hapt", Asked("a", each, SMOOTHING))]
    )
    table = teach.summary(rows).set_index("shown")
    assert table.loc["1 window", "accuracy"] == 1
    assert table.loc["nothing", "accuracy"] < 0.7
    assert (table.people == 2).all()
    assert (table.accuracy_worse == 0).all()
    rows.loc[(rows.shown == "one bout") & (rows.subject == 2), "accuracy"] = 0.1
    assert teach.summary(rows).set_index("shown").loc["one bout", "accuracy_worse"] == 0.5
    assert {"5 windows; phone turned since", "5 windows of sitting alone"} <= set(table.index)


def test_the_stream_teaches_itself_only_what_it_is_sure_of():
    answers = made(bouts=(2, 2))
    unsure = teach.adapted(answers, SMOOTHING)
    np.testing.assert_allclose(unsure, teach.over_time(answers.probabilities, SMOOTHING))
    table = teach.adapted_table(
        pd.DataFrame(teach.adapted_rows("hapt", Asked("a", answers, SMOOTHING)))
    )
    assert table.worst_change.tolist() == [0] and table.worse.tolist() == [0]
